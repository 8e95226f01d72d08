//! Which upstream archives a chart needs, and which digests they must have.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Lock;
use crate::chart::Chart;
use crate::error::{Error, Result};
use crate::settings::Settings;

/// An upstream archive that a chart needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the Helm chart.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The repository to fetch it from.
    pub repo: String,
    /// The digest that it must have; none where it has never been seen.
    pub sha256: Option<String>,
    /// Whether the digest comes from the lock, and is not known otherwise.
    pub locked: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ChartYaml {
    pub(super) name: String,
    pub(super) version: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) dependencies: Vec<Dependency>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) version: String,
    #[serde(default)]
    repository: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(super) fn chart_yaml(chart: &Chart) -> Result<ChartYaml> {
    let bytes = chart.helm.get("Chart.yaml").map(Vec::as_slice).unwrap_or_default();
    serde_yaml::from_slice(bytes)
        .map_err(|error| Error::user(format!("charts/{}/helm/Chart.yaml is not right", chart.name)).because(error))
}

/// The version of a chart that we ship.
pub fn own_version(chart: &Chart) -> Option<String> {
    chart_yaml(chart).ok().map(|metadata| metadata.version)
}

/// The upstream archives of a chart: itself, or its dependencies where we ship the chart.
///
/// # Errors
/// A broken `helm/Chart.yaml`.
pub fn wanted(chart: &Chart, settings: &Settings, lock: &Lock) -> Result<Vec<Wanted>> {
    let source = &chart.spec.source;
    let upstream = match (&source.repo, &source.chart, &source.version) {
        (Some(repo), Some(name), Some(version)) => {
            vec![(repo.clone(), name.clone(), version.clone(), source.sha256.clone())]
        }
        _ => chart_yaml(chart)?
            .dependencies
            .into_iter()
            .map(|part| {
                let sha256 = source.dependency_sha256.get(&part.name).cloned();
                (part.repository, part.name, part.version, sha256)
            })
            .collect(),
    };
    Ok(upstream
        .into_iter()
        .map(|(repo, name, version, sha256)| overridden(repo, name, version, sha256, settings, lock))
        .collect())
}

fn overridden(
    repo: String,
    name: String,
    version: String,
    sha256: Option<String>,
    settings: &Settings,
    lock: &Lock,
) -> Wanted {
    let other = settings.sources.get(&name).cloned().unwrap_or_default();
    // A digest that we know belongs to the version that we know.
    let same_version = other.version.as_ref().is_none_or(|other| *other == version);
    let version = other.version.unwrap_or(version);
    let known = other.sha256.or(sha256.filter(|_| same_version));
    let locked = known.is_none();
    let sha256 = known.or_else(|| lock.digest(&name, &version).map(str::to_owned));
    Wanted { repo: other.repo.unwrap_or(repo), name, version, sha256, locked }
}
