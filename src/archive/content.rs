//! What is in a chart archive: defaults and schema, and those of its subcharts.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Archive;
use crate::error::{Error, Result};
use crate::schema::Checker;

/// Unpacked, no chart that Helm takes is larger.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;
/// Charts in charts in charts.
pub(super) const MAX_NESTING: usize = 4;

/// A Helm chart as far as values go.
#[derive(Debug)]
pub struct ChartContent {
    /// Its name.
    pub name: String,
    /// `values.yaml`.
    pub defaults: Value,
    /// `values.schema.json`, if it has one, made ready; or why it cannot be used.
    pub schema: Option<Result<Checker, String>>,
    /// Its subcharts.
    pub subcharts: Vec<Self>,
}

impl ChartContent {
    /// Reads an archive.
    ///
    /// # Errors
    /// An archive that is no Helm chart.
    pub fn read(archive: &Archive) -> Result<Self> {
        let broken = |why: String| {
            Error::user(format!("{}-{}.tgz is not a Helm chart", archive.name, archive.version))
                .because(why)
                .hint(format!("remove {} from the chart cache, then: helm iris charts pull CHART", archive.file_name()))
        };
        unpack(&archive.bytes).and_then(|files| Self::from_files(&files, 0)).map_err(broken)
    }

    /// Reads a chart of a folder that we ship.
    ///
    /// # Errors
    /// Files that are no Helm chart.
    pub fn of_folder(chart: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<Self> {
        let broken = |why| Error::user(format!("charts/{chart}/helm is not a Helm chart")).because(why);
        Self::from_files(files, 0).map_err(broken)
    }

    fn from_files(files: &BTreeMap<String, Vec<u8>>, depth: usize) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Metadata {
            name: String,
        }
        let metadata = files.get("Chart.yaml").ok_or("it has no Chart.yaml")?;
        let metadata: Metadata = serde_yaml::from_slice(metadata).map_err(|error| format!("Chart.yaml: {error}"))?;
        let defaults = match files.get("values.yaml") {
            Some(bytes) => serde_yaml::from_slice(bytes).map_err(|error| format!("values.yaml: {error}"))?,
            None => Value::Null,
        };
        let schema = files
            .get("values.schema.json")
            .map(|bytes| serde_json::from_slice(bytes).map_err(|error| format!("values.schema.json: {error}")))
            .transpose()?
            .map(Checker::of_chart);
        Ok(Self {
            name: metadata.name,
            defaults: if defaults.is_null() { Value::Object(Map::new()) } else { defaults },
            schema,
            subcharts: subcharts(files, depth)?,
        })
    }

    /// The defaults with each subchart's under its name, as Helm coalesces them.
    pub fn merged_defaults(&self) -> Value {
        let mut merged = self.defaults.clone();
        let Some(map) = merged.as_object_mut() else {
            return merged;
        };
        for subchart in &self.subcharts {
            let ours = map.get(&subchart.name).cloned().unwrap_or_else(|| Value::Object(Map::new()));
            map.insert(subchart.name.clone(), crate::overlay::coalesce(subchart.merged_defaults(), &ours));
        }
        merged
    }
}

fn subcharts(files: &BTreeMap<String, Vec<u8>>, depth: usize) -> Result<Vec<ChartContent>, String> {
    if depth >= MAX_NESTING {
        return Ok(Vec::new());
    }
    let mut folders: BTreeMap<&str, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
    let mut found = Vec::new();
    for (path, bytes) in files {
        let Some(inside) = path.strip_prefix("charts/") else {
            continue;
        };
        if let Some((folder, rest)) = inside.split_once('/') {
            folders.entry(folder).or_default().insert(rest.to_owned(), bytes.clone());
        } else if path.ends_with(".tgz") {
            found.push(ChartContent::from_files(&unpack(bytes)?, depth + 1)?);
        }
    }
    for folder in folders.values().filter(|files| files.contains_key("Chart.yaml")) {
        found.push(ChartContent::from_files(folder, depth + 1)?);
    }
    Ok(found)
}

/// The files that matter for values, by path without the archive's top folder.
pub(super) fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    unpack_files(bytes, |inside| {
        let name = inside.rsplit('/').next().unwrap_or(inside);
        matches!(name, "Chart.yaml" | "values.yaml" | "values.schema.json") || inside.ends_with(".tgz")
    })
}

/// The files that are wanted, by path without the archive's top folder.
pub(super) fn unpack_files(
    bytes: &[u8],
    is_wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(MAX_UNPACKED));
    let mut files = BTreeMap::new();
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path().map_err(|error| error.to_string())?.to_string_lossy().into_owned();
        let Some((_, inside)) = path.split_once('/').filter(|(_, inside)| is_wanted(inside)) else {
            continue;
        };
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| error.to_string())?;
        files.insert(inside.to_owned(), content);
    }
    Ok(files)
}
