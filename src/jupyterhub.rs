//! Which JupyterHub a chart installs, and whether another one changes the hub's database.
//!
//! JupyterHub migrates its database one way, on the way up. Seen: 4 to 5 and 5 to 6 do, 5.4 to 5.5 does not;
//! a minor version is taken for one that may.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::archive::{APP_VERSION, charts_in};

/// The chart whose version decides about the hub's database.
pub const HUB_CHART: &str = "jupyterhub";

/// The hub of a chart: the chart itself, or one of those that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubVersion {
    /// Version of the `jupyterhub` chart.
    pub chart: String,
    /// Version of the JupyterHub in it; none where nothing says so.
    pub jupyterhub: Option<String>,
}

/// What Helm keeps of a release's `Chart.yaml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleaseChart {
    name: String,
    version: String,
    app_version: String,
    annotations: BTreeMap<String, String>,
    dependencies: Vec<ReleaseDependency>,
}

#[derive(Debug, Clone, Deserialize)]
struct ReleaseDependency {
    name: String,
    #[serde(default)]
    version: String,
}

impl HubVersion {
    /// Of a chart archive; none where it holds no hub.
    pub fn of_archive(archive: &[u8]) -> Option<Self> {
        let hub = charts_in(archive).ok()?.into_iter().find(|chart| chart.name == HUB_CHART)?;
        Some(Self { jupyterhub: hub.app_version(), chart: hub.version })
    }

    /// Of the chart of a release, as Helm keeps it; none where it makes no hub.
    pub fn of_release(chart: &Value) -> Option<Self> {
        let chart = ReleaseChart::deserialize(chart).ok()?;
        let said = |version: &String| Some(version.clone()).filter(|version| !version.is_empty());
        if chart.name == HUB_CHART {
            return Some(Self { jupyterhub: said(&chart.app_version), chart: chart.version });
        }
        let hub = chart.dependencies.iter().find(|dependency| dependency.name == HUB_CHART)?;
        let noted = chart.annotations.get(&format!("{APP_VERSION}{HUB_CHART}"));
        Some(Self { chart: hub.version.clone(), jupyterhub: noted.and_then(said) })
    }

    /// Whether the other one may find a database that it has to change, or cannot read.
    pub fn may_migrate_to(&self, other: &Self) -> bool {
        match (&self.jupyterhub, &other.jupyterhub) {
            (Some(from), Some(to)) => database_of(from) != database_of(to),
            _ => self.chart != other.chart,
        }
    }

    /// Whether the other one is older, as far as both are known.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let known = self.jupyterhub.as_ref().zip(other.jupyterhub.as_ref());
        known.is_some_and(|(this, other)| database_of(this) > database_of(other))
    }

    /// For people, and for names of files.
    pub fn shown(&self) -> String {
        self.jupyterhub.clone().unwrap_or_else(|| format!("chart-{}", self.chart))
    }
}

/// What of JupyterHub's version may come with another database: major and minor.
pub fn database_of(version: &str) -> Vec<u64> {
    version.split('.').take(2).map(|part| part.parse().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hub(chart: &str, jupyterhub: &str) -> HubVersion {
        let jupyterhub = Some(jupyterhub.to_owned()).filter(|version| !version.is_empty());
        HubVersion { chart: chart.to_owned(), jupyterhub }
    }

    #[test]
    fn a_release_tells_its_jupyterhub() {
        let of = |chart| HubVersion::of_release(&chart);
        let plain = json!({"name": "jupyterhub", "version": "4.4.0", "appVersion": "5.5.0", "kubeVersion": ">=1"});
        assert_eq!(of(plain), Some(hub("4.4.0", "5.5.0")));
        let made_of = json!([{"name": "dask-gateway", "version": "1"}, {"name": "jupyterhub", "version": "4.4.0"}]);
        let noted = json!({"helm-iris/app-version.jupyterhub": "5.5.0"});
        let ours = json!({"name": "daskhub", "version": "1", "dependencies": made_of, "annotations": noted});
        assert_eq!(of(ours), Some(hub("4.4.0", "5.5.0")));
        let by_hand = json!({"name": "daskhub", "version": "1", "dependencies": made_of, "appVersion": "jh1-dg2"});
        assert_eq!(of(by_hand), Some(hub("4.4.0", "")));
        assert_eq!(of(json!({"name": "postgresql", "version": "1"})), None);
    }

    #[test]
    fn what_may_change_the_database() {
        let migrates = |from: &HubVersion, to: &HubVersion| from.may_migrate_to(to);
        assert!(migrates(&hub("4.4.0", "5.5.0"), &hub("5.0.0", "6.1.1")));
        assert!(migrates(&hub("4.3.0", "5.4.6"), &hub("4.4.0", "5.5.0")), "a minor one may");
        assert!(migrates(&hub("5.0.0", "6.1.1"), &hub("4.4.0", "5.5.0")), "back");
        assert!(!migrates(&hub("4.4.0", "5.5.0"), &hub("4.4.1", "5.5.2")));
        assert!(migrates(&hub("4.4.0", ""), &hub("4.4.1", "5.5.2")), "unknown");
        assert!(!migrates(&hub("4.4.0", ""), &hub("4.4.0", "5.5.0")), "the same chart");
        assert!(hub("", "10.0.1").is_newer_than(&hub("", "9.9")) && !hub("", "").is_newer_than(&hub("", "1.0")));
    }
}
