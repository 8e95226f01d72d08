//! The only door to the helm binary.
//!
//! Helm is the only one that writes releases; it gets values by file, the cluster by environment
//! and flags, and nothing secret in its arguments. What it says on failure is kept and explained.

mod command;
mod explain;
pub mod guard;
mod render;
mod run;
mod scrub;
mod template;
mod version;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::interrupt::Interrupt;

pub use command::{Uninstall, Upgrade, chart_digest_of, description};
pub use explain::{Explanation, explain, fixed_class, fixed_stateful_set};
pub use render::{Renderer, Rendering};
pub use scrub::Scrub;
pub use template::Template;
pub use version::{MINIMUM_VERSION, Version};

use crate::kube::{Cluster, Relay};
use run::{Finished, Run};

/// What of the environment decides which helm is used.
#[derive(Debug, Clone, Default)]
pub struct HelmEnv {
    /// `HELM_BIN`: as Helm was called when it called us, maybe a bare word.
    pub helm_bin: Option<OsString>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// The program that becomes helm and ends with us; none: helm is started as it is.
    pub guard: Option<&'static Path>,
}

/// The flag by which helm, from version 4, overwrites what others set.
const CONFLICTS: &str = "--force-conflicts";

/// Helm did not do it.
#[derive(Debug)]
pub struct Failure {
    /// What helm says, and what it means.
    pub error: Error,
    /// Whether starting it again may help: the API server was busy, or the connection was cut.
    pub passing: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, passing: false }
    }
}

/// A helm that is there and new enough.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    version: Version,
    guard: Option<&'static Path>,
    force_conflicts: bool,
}

impl Helm {
    /// Finds helm and asks its version.
    ///
    /// # Errors
    /// Not there, not runnable, or older than [`MINIMUM_VERSION`].
    pub async fn find(env: &HelmEnv) -> Result<Self> {
        let program = locate(env)?;
        let mut run = Run::new(&program);
        run.arguments(["version", "--template", "{{.Version}}"]);
        let finished = run.finish(std::future::pending()).await?;
        let version = Version::parse(finished.stdout.trim()).filter(|_| finished.success).ok_or_else(|| {
            Error::user(format!("{} does not answer as helm does", program.display()))
                .because(format!("`helm version` printed `{}`", first_line(&finished)))
                .hint("set HELM_BIN to a real helm")
        })?;
        if version < MINIMUM_VERSION {
            return Err(Error::user(format!("helm {version} is too old")).because(version::why_minimum()).hint(
                format!(
                    "install Helm {MINIMUM_VERSION} or newer, or set HELM_BIN to one ({} was used)",
                    program.display()
                ),
            ));
        }
        Ok(Self { program, version, guard: env.guard, force_conflicts: false })
    }

    /// One that overwrites what others set in the cluster. Before version 4 it always does.
    #[must_use]
    pub fn forcing_conflicts(self) -> Self {
        Self { force_conflicts: self.version >= version::FIRST_WITH_CONFLICTS, ..self }
    }

    /// Where it is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Runs `helm upgrade --install` in the bundle's folder. A stop that can wait lets it finish.
    ///
    /// # Errors
    /// What helm says, with what it means, and free of secrets; interrupted where a stop was asked for.
    pub async fn upgrade_install(
        &self,
        upgrade: &Upgrade<'_>,
        cluster: &Cluster,
        scrub: &Scrub,
        interrupt: &mut Interrupt,
    ) -> Result<(), Failure> {
        let relay = cluster.relay().await?;
        let mut run = self.guarded(upgrade.arguments(None), &relay);
        run.arguments(self.force_conflicts.then_some(CONFLICTS)).folder(upgrade.folder);
        let finished = run.finish(interrupt.wait_for_now()).await?.about(&relay, cluster);
        let passing = explain::is_passing(&finished.stderr);
        let message = format!("helm could not apply the release `{}`", upgrade.release);
        let failed = |finished: &Finished| failure(&message, finished, scrub, &upgrade.facts());
        let Some((error, flag)) = finished.failed(failed) else { return Ok(()) };
        let error = match flag {
            Some(CONFLICTS) => error.hint(format!("to overwrite it: the same command with {CONFLICTS}")),
            Some(flag) => error
                .hint(format!(
                    "if you are sure that helm should do it all the same: {}",
                    upgrade.by_hand(cluster, flag)
                ))
                .hint("then run the same command again"),
            None => error,
        };
        Err(Failure { error, passing })
    }

    /// Runs `helm uninstall`; a release that is gone already is as good as uninstalled.
    ///
    /// # Errors
    /// As [`Self::upgrade_install`].
    pub async fn uninstall(
        &self,
        uninstall: &Uninstall<'_>,
        cluster: &Cluster,
        scrub: &Scrub,
        interrupt: &mut Interrupt,
    ) -> Result<()> {
        let relay = cluster.relay().await?;
        let run = self.guarded(uninstall.arguments(), &relay);
        let message = format!("helm could not uninstall the release `{}`", uninstall.release);
        let failed = |finished: &Finished| failure(&message, finished, scrub, &uninstall.facts()).0;
        run.finish(interrupt.wait_for_now()).await?.about(&relay, cluster).failed(failed).map_or(Ok(()), Err)
    }

    /// Helm on the cluster that we talk to, without a context, which is of a kubeconfig that it does not get;
    /// it ends with us.
    fn guarded(&self, arguments: Vec<OsString>, relay: &Relay) -> Run {
        let mut run = Run::guarded(&self.program, self.guard);
        run.arguments(arguments).through(relay);
        run
    }

    /// Runs `helm pull`: the archive of a chart from its repository into a folder.
    ///
    /// # Errors
    /// What helm says, with what it means.
    pub async fn pull(
        &self,
        repo: &str,
        chart: &str,
        version: &str,
        into: &Path,
        interrupt: &mut Interrupt,
    ) -> Result<()> {
        let mut run = Run::new(&self.program);
        // A registry has no index: the chart's name is a part of the address.
        if repo.starts_with("oci://") {
            run.arguments(["pull", &format!("{}/{chart}", repo.trim_end_matches('/'))]);
        } else {
            run.arguments(["pull", chart, "--repo", repo]);
        }
        run.arguments(["--version", version, "--destination"]);
        run.arguments([into]);
        let facts = explain::Facts { release: chart, namespace: "", timeout_seconds: 0 };
        let message = format!("helm could not fetch {chart} {version} from {repo}");
        let failed = |finished: &Finished| failure(&message, finished, &Scrub::default(), &facts).0;
        run.finish(interrupt.wait()).await?.failed(failed).map_or(Ok(()), Err)
    }
}

/// The error, and the flag by which helm would do it all the same.
fn failure(
    message: &str,
    finished: &Finished,
    scrub: &Scrub,
    facts: &explain::Facts<'_>,
) -> (Error, Option<&'static str>) {
    let words = scrub.clean(errors_of(finished.stderr.trim()).as_str());
    let error = Error::user(message);
    match explain(&words, facts) {
        Some(found) => {
            let error = error.because(found.meaning).because(format!("helm says: {words}"));
            (found.hints.into_iter().fold(error, Error::hint), found.overruled_by)
        }
        None if words.is_empty() => (error.because(format!("it ended with {}", finished.status)), None),
        None => (error.because(format!("helm says: {words}")), None),
    }
}

/// Helm 4 logs an error, quoted, and then says it; once is enough. Nothing else is left out.
fn errors_of(words: &str) -> String {
    let logged = |line: &&str| line.starts_with("level=WARN msg=\"") && line.contains(" failed\" ");
    if !words.lines().any(|line| line.starts_with("Error:")) {
        return words.to_owned();
    }
    words.lines().filter(|line| !logged(line)).collect::<Vec<_>>().join("\n")
}

fn first_line(finished: &Finished) -> String {
    let text = if finished.stdout.trim().is_empty() { &finished.stderr } else { &finished.stdout };
    text.trim().lines().next().unwrap_or_default().chars().take(120).collect()
}

/// `HELM_BIN`, else `helm` in `PATH`. A `HELM_BIN` that leads nowhere is an error: another helm
/// than the one that called us may be of another version.
fn locate(env: &HelmEnv) -> Result<PathBuf> {
    let wanted = env.helm_bin.as_deref().filter(|bin| !bin.is_empty());
    let name = Path::new(wanted.unwrap_or("helm".as_ref()));
    let found = if name.components().count() > 1 { usable(name) } else { in_path(name, env) };
    found.ok_or_else(|| {
        let error = match wanted {
            Some(_) => Error::user(format!("HELM_BIN is `{}`, and there is no such program", name.display())),
            None => Error::user("helm was not found").because("there is no program `helm` in PATH"),
        };
        error.hint(format!(
            "install Helm {MINIMUM_VERSION} or newer (https://helm.sh/docs/intro/install/), or set HELM_BIN"
        ))
    })
}

fn in_path(name: &Path, env: &HelmEnv) -> Option<PathBuf> {
    std::env::split_paths(env.path.as_deref()?).find_map(|folder| usable(&folder.join(name)))
}

/// An absolute path, because helm is started in another folder.
fn usable(path: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let meta = std::fs::metadata(path).ok()?;
    (meta.is_file() && meta.permissions().mode() & 0o111 != 0).then(|| std::path::absolute(path).ok()).flatten()
}

#[cfg(test)]
mod tests;
