//! `helm template`: what helm would apply, rendered by helm itself. Nothing is done.
//!
//! An upgrade with `--dry-run=server`, because charts ask the cluster: `lookup` finds what is there, as it will when
//! the release is applied. Not a new release: Helm 4 would refuse objects of kinds that the chart itself brings, which
//! helm defines first when it installs it. Helm 4 then also asks for the cluster's capabilities and checks the objects
//! against its API. Helm 3 takes the capabilities from the flags that we give, which Helm 4 passes over; so
//! one command line serves both, and helm need not be asked for its version first. `helm upgrade --dry-run`
//! would tell nothing more and takes twice as long. Hooks are no part of a release's objects.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::run::Run;
use super::{HelmEnv, Scrub, Upgrade, failure, locate};
use crate::error::Result;
use crate::kube::{Cluster, Relay};
use crate::redact::Secret;

/// The file of a release's secrets goes by standard input: a plan leaves nothing on the disk.
const SECRETS: &str = "secrets.yaml";

/// One `helm template`.
pub struct Rendering<'r> {
    /// What would be applied.
    pub upgrade: Upgrade<'r>,
    /// Whether the release is there already.
    pub is_upgrade: bool,
    /// What stands in place of its `secrets.yaml`, if it has one.
    pub secrets: Option<Secret>,
    /// What the cluster knows beyond Kubernetes' own APIs.
    pub api_versions: &'r [String],
}

/// A helm that is there; to render, no more needs to be known of it.
pub struct Renderer {
    program: PathBuf,
    guard: Option<&'static Path>,
}

impl Renderer {
    /// Finds helm.
    ///
    /// # Errors
    /// Not there.
    pub fn find(env: &HelmEnv) -> Result<Self> {
        Ok(Self { program: locate(env)?, guard: env.guard })
    }

    /// The objects as YAML. They hold secrets.
    ///
    /// # Errors
    /// What helm says, with what it means, and free of secrets.
    pub async fn render(
        &self,
        rendering: &Rendering<'_>,
        cluster: &Cluster,
        relay: &Relay,
        scrub: &Scrub,
    ) -> Result<Secret> {
        let mut run = Run::guarded(&self.program, self.guard);
        run.arguments(rendering.arguments(&cluster.version)).folder(rendering.upgrade.folder).through(relay);
        if let Some(secrets) = &rendering.secrets {
            run.input(secrets.clone());
        }
        let finished = run.finish(std::future::pending()).await?.about(relay, cluster);
        if finished.success {
            return Ok(Secret::new(finished.stdout));
        }
        let message = format!("helm cannot render the release `{}`", rendering.upgrade.release);
        Err(failure(&message, &finished, scrub, &rendering.upgrade.facts()).0)
    }
}

impl Rendering<'_> {
    fn arguments(&self, kubernetes: &str) -> Vec<OsString> {
        let Upgrade { release, namespace, archive, values, .. } = self.upgrade;
        let mut arguments: Vec<OsString> = ["template", release].map(OsString::from).to_vec();
        arguments.push(archive.into());
        arguments.extend(["--namespace", namespace, "--no-hooks"].map(OsString::from));
        if self.is_upgrade {
            arguments.extend(["--dry-run=server", "--is-upgrade"].map(OsString::from));
        }
        arguments.extend(["--kube-version", kubernetes].map(OsString::from));
        if !self.api_versions.is_empty() {
            arguments.extend(["--api-versions".into(), OsString::from(self.api_versions.join(","))]);
        }
        for values in values {
            let is_secrets =
                self.secrets.is_some() && Path::new(values).file_name().is_some_and(|name| name == SECRETS);
            arguments.extend(["--values".into(), OsString::from(if is_secrets { "-" } else { values })]);
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Helm 4 refuses objects of kinds that the cluster does not know yet, when it is let near it.
    #[test]
    fn only_an_upgrade_is_rendered_with_the_cluster() {
        let upgrade = Upgrade {
            release: "dhub",
            namespace: "dhub",
            create_namespace: false,
            archive: Path::new("/c.tgz"),
            sha256: "",
            folder: Path::new("/b"),
            values: &["dhub/values.yaml".to_owned(), "dhub/secrets.yaml".to_owned()],
            timeout_seconds: 1,
        };
        let with = |is_upgrade| {
            let secrets = Some(Secret::new("a: b".into()));
            let arguments = Rendering { upgrade, is_upgrade, secrets, api_versions: &[] }.arguments("v1.36.0");
            arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert!(with(true).contains("--dry-run=server --is-upgrade"), "{}", with(true));
        assert!(!with(false).contains("--dry-run") && with(false).ends_with("--values dhub/values.yaml --values -"));
    }
}
