//! `helm/Chart.yaml`: what Helm is told about a chart that we ship.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `Chart.yaml`; keys that only Helm needs are carried along.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Metadata {
    /// Name of the Helm chart.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The charts that it is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// Notes for programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A chart that another is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Its version, exactly.
    pub version: String,
    /// The repository to fetch it from.
    #[serde(default)]
    pub repository: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}
