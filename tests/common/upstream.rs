//! The real values and schemas of the upstream charts, where they are at hand.

use std::path::PathBuf;

use serde_json::Value;

use super::{ChartArchive, archive, read, repo, skipped};

/// The folder of upstream charts.
pub(crate) struct Upstream {
    folder: PathBuf,
}

/// The upstream charts beside the repository, or where `IRIS_SHARED` says; says so where there are none.
pub(crate) fn upstream(what: &str) -> Option<Upstream> {
    let shared = std::env::var_os("IRIS_SHARED").map_or_else(|| repo().join("../shared"), PathBuf::from);
    let folder = shared.join("upstream");
    if folder.is_dir() {
        return Some(Upstream { folder });
    }
    skipped(what, "the upstream charts are not at hand (../shared/upstream, or IRIS_SHARED)");
    None
}

impl Upstream {
    /// A chart's defaults.
    pub(crate) fn values(&self, chart: &str) -> Value {
        serde_yaml::from_str(&self.values_text(chart)).unwrap()
    }

    /// The text of a chart's defaults.
    pub(crate) fn values_text(&self, chart: &str) -> String {
        read(&self.folder.join(chart).join("values.yaml"))
    }

    /// A chart's schema.
    pub(crate) fn schema(&self, chart: &str) -> Value {
        serde_json::from_str(&read(&self.folder.join(chart).join("values.schema.json"))).unwrap()
    }

    /// A chart packed as an archive, with its real values and schema and without its templates.
    pub(crate) fn archive(&self, name: &str, version: &str) -> ChartArchive {
        let folder = self.folder.join(format!("{name}-{version}"));
        let file = |file: &str| std::fs::read(folder.join(file)).unwrap();
        let (values, schema) = (file("values.yaml"), file("values.schema.json"));
        archive(name, version, &[("values.yaml", &values), ("values.schema.json", &schema)])
    }
}
