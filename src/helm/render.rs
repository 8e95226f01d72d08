//! `helm template`: what helm would apply, rendered by helm itself. Nothing is done.
//!
//! With `--dry-run=server`, because charts ask the cluster: `lookup` finds what is there, as it will when
//! the release is applied. Helm 4 then also asks for the cluster's capabilities and checks the objects
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
        run.arguments(rendering.arguments(cluster)).folder(rendering.upgrade.folder).through(relay);
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
    fn arguments(&self, cluster: &Cluster) -> Vec<OsString> {
        let Upgrade { release, namespace, archive, values, .. } = self.upgrade;
        let mut arguments: Vec<OsString> = ["template", release].map(OsString::from).to_vec();
        arguments.push(archive.into());
        arguments.extend(["--namespace", namespace, "--dry-run=server", "--no-hooks"].map(OsString::from));
        arguments.extend(self.is_upgrade.then(|| "--is-upgrade".into()));
        arguments.extend(["--kube-version", cluster.version.as_str()].map(OsString::from));
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
