//! Charts of helm iris: what can be installed. A folder with `release.yaml`, `values.yaml.tera`
//! and, where we ship the Helm chart itself, `helm/`.

mod connection;
mod expression;
mod load;
mod metadata;
pub mod release;
mod secret_specs;
mod template;

use std::collections::BTreeMap;

pub use connection::Connection;
pub use load::load;
pub(crate) use load::seconds;
pub use metadata::Metadata;

use crate::library::Origin;
use release::ReleaseSpec;

/// The namespace of releases that live once per cluster.
pub const CLUSTER_NAMESPACE: &str = "helm-iris-system";

/// A chart that was read and checked.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Its name.
    pub name: String,
    /// Where it was found.
    pub origin: Origin,
    /// `release.yaml`.
    pub spec: ReleaseSpec,
    /// SHA-256 over `release.yaml`, the template and `helm/`.
    pub sha256: String,
    /// `values.yaml.tera`, checked: every path is known, every interpolation ends in `| yaml`.
    pub template: String,
    /// The template's name in errors.
    pub template_file: String,
    /// Files of `helm/`, by path inside it; empty for an upstream chart.
    pub helm: BTreeMap<String, Vec<u8>>,
    /// `helm/Chart.yaml`; none for an upstream chart.
    pub metadata: Option<Metadata>,
    /// Lines of `release.yaml`, for problems found later.
    pub document: crate::yaml::Document,
}

impl Chart {
    /// The name of its release in a hub's namespace.
    pub fn release_name(&self, namespace: &str) -> String {
        self.spec.release_name.clone().unwrap_or_else(|| namespace.to_owned())
    }
}
