//! What the charts in an archive say about themselves: its own, and those that it is made of.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

use super::content::{MAX_NESTING, unpack};

/// The file in which a chart says it.
const FILE: &str = "Chart.yaml";

/// A chart of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartFacts {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of what it installs; some charts forget the quotes, and then it is a number.
    #[serde(default)]
    app_version: Option<Value>,
    /// The versions of Kubernetes that it is for.
    #[serde(default)]
    kube_version: Option<String>,
    /// Whether it is the archive's own chart.
    #[serde(skip)]
    is_own: bool,
}

impl ChartFacts {
    /// The version of what it installs.
    pub fn app_version(&self) -> Option<String> {
        self.app_version.as_ref().map(|version| version.as_str().map_or_else(|| version.to_string(), str::to_owned))
    }
}

/// All charts of an archive, its own first.
///
/// # Errors
/// An archive that is no Helm chart.
pub fn charts_in(archive: &[u8]) -> Result<Vec<ChartFacts>, String> {
    let mut charts = Vec::new();
    add(&unpack(archive)?, 0, &mut charts)?;
    Ok(charts)
}

fn add(files: &BTreeMap<String, Vec<u8>>, depth: usize, charts: &mut Vec<ChartFacts>) -> Result<(), String> {
    for (path, bytes) in files {
        if path == FILE || path.starts_with("charts/") && path.ends_with("/Chart.yaml") {
            let chart = parse(bytes).map_err(|error| format!("{path}: {error}"))?;
            charts.push(ChartFacts { is_own: depth == 0 && path == FILE, ..chart });
        } else if path.starts_with("charts/") && path.ends_with(".tgz") && depth < MAX_NESTING {
            add(&unpack(bytes)?, depth + 1, charts)?;
        }
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Result<ChartFacts, serde_yaml::Error> {
    serde_yaml::from_slice(bytes)
}

/// The archive's own chart. Helm writes its file first, so that little of the archive is read.
pub(super) fn own_chart(archive: &[u8]) -> Option<ChartFacts> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let is_own = entry.path().ok()?.to_string_lossy().split_once('/').is_some_and(|(_, inside)| inside == FILE);
        if is_own {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).ok()?;
            return parse(&bytes).ok();
        }
    }
    None
}

/// A Helm chart that says which versions of Kubernetes it works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesNeed {
    /// Name and version of the Helm chart.
    pub chart: String,
    /// The constraint, as Helm reads it.
    pub constraint: String,
    /// Whether it is the archive's own chart, whose constraint Helm itself insists on.
    pub is_own: bool,
}

/// What an archive's chart, and the charts in it, ask of Kubernetes.
///
/// # Errors
/// An archive that is no Helm chart.
pub fn kubernetes_needs(archive: &[u8]) -> Result<Vec<KubernetesNeed>, String> {
    let need = |chart: ChartFacts| {
        let ChartFacts { name, version, kube_version, is_own, .. } = chart;
        kube_version.map(|constraint| KubernetesNeed { chart: format!("{name} {version}"), constraint, is_own })
    };
    Ok(charts_in(archive)?.into_iter().filter_map(need).collect())
}
