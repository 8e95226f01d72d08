//! `helm template`: the objects of a release, as Helm itself renders them, without a cluster.

use serde_json::Value;

use super::run::Run;
use super::{Helm, Scrub, explain, failure};
use crate::error::{Error, Result};
use crate::fs::{self, Access};
use crate::redact::Secret;

/// A release that is to be rendered.
#[derive(Debug, Clone, Copy)]
pub struct Template<'t> {
    /// Release name.
    pub release: &'t str,
    /// Its namespace.
    pub namespace: &'t str,
    /// The chart's archive.
    pub archive: &'t [u8],
    /// The values that a person would review, with stand-ins for secrets.
    pub values: &'t Value,
    /// The Kubernetes version to render for, e.g. `v1.36.2`.
    pub kubernetes: &'t str,
}

impl Helm {
    /// The objects of a release as YAML, with the definitions of the chart's `crds/`.
    ///
    /// # Errors
    /// What helm says.
    pub async fn template(&self, template: &Template<'_>) -> Result<Secret> {
        let folder =
            tempfile::tempdir().map_err(|error| Error::user("cannot make a temporary folder").because(error))?;
        let (archive, values) = (folder.path().join("chart.tgz"), folder.path().join("values.json"));
        fs::write(&archive, template.archive, Access::Private)?;
        fs::write(&values, template.values.to_string().as_bytes(), Access::Private)?;
        let mut run = Run::new(&self.program);
        run.arguments(["template", template.release, "chart.tgz", "--namespace", template.namespace]);
        run.arguments(["--values", "values.json", "--include-crds", "--kube-version", template.kubernetes]);
        run.folder(folder.path());
        let finished = run.finish(std::future::pending()).await?;
        if finished.success {
            return Ok(Secret::new(finished.stdout));
        }
        let facts = explain::Facts { release: template.release, namespace: template.namespace, timeout_seconds: 0 };
        let message = format!("helm cannot render the release `{}`", template.release);
        Err(failure(&message, &finished, &Scrub::default(), &facts).0)
    }
}
