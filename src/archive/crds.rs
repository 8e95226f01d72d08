//! The definitions of resources (CRDs) in the `crds/` folders of an archive: what Helm installs once, and never
//! upgrades.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::content::{MAX_NESTING, unpack_files};

/// A definition that a chart brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartCrd {
    /// Its name, e.g. `daskclusters.gateway.dask.org`.
    pub name: String,
    /// Name and version of the chart that it is of.
    pub chart: String,
    /// It itself.
    pub document: Value,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    #[serde(default)]
    alias: Option<String>,
    #[serde(default)]
    condition: String,
}

/// All definitions of an archive and of the charts in it that the values leave in.
///
/// # Errors
/// An archive that is no Helm chart, or whose definitions cannot be read.
pub fn crds_in(archive: &[u8], values: &Value) -> Result<Vec<ChartCrd>, String> {
    let mut found = Vec::new();
    add(&read(archive)?, values, 0, &mut found)?;
    Ok(found)
}

type Files = BTreeMap<String, Vec<u8>>;

fn read(archive: &[u8]) -> Result<Files, String> {
    unpack_files(archive, |inside| {
        let name = inside.rsplit('/').next().unwrap_or(inside);
        matches!(name, "Chart.yaml" | "values.yaml")
            || inside.ends_with(".tgz")
            || inside.split('/').any(|part| part == "crds")
    })
}

fn add(files: &Files, values: &Value, depth: usize, found: &mut Vec<ChartCrd>) -> Result<(), String> {
    let metadata = files.get("Chart.yaml").ok_or("it has no Chart.yaml")?;
    let metadata: Metadata = serde_yaml::from_slice(metadata).map_err(|error| format!("Chart.yaml: {error}"))?;
    let chart = format!("{} {}", metadata.name, metadata.version);
    for (path, bytes) in files.iter().filter(|(path, _)| is_definition(path)) {
        for document in serde_yaml::Deserializer::from_slice(bytes) {
            let document = Value::deserialize(document).map_err(|error| format!("{path}: {error}"))?;
            let name = document.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned);
            if let Some(name) = name.filter(|_| document["kind"] == "CustomResourceDefinition") {
                found.push(ChartCrd { name, chart: chart.clone(), document });
            }
        }
    }
    if depth >= MAX_NESTING {
        return Ok(());
    }
    let defaults = match files.get("values.yaml") {
        Some(bytes) => serde_yaml::from_slice(bytes).map_err(|error| format!("values.yaml: {error}"))?,
        None => Value::Null,
    };
    for (folder, files) in subcharts(files)? {
        let is_it = |one: &&Dependency| folder == one.name || folder.starts_with(&format!("{}-", one.name));
        let dependency = metadata.dependencies.iter().find(is_it);
        if dependency.is_some_and(|one| is_left_out(one, values, &defaults)) {
            continue;
        }
        let key = dependency.map_or(folder.as_str(), |one| one.alias.as_deref().unwrap_or(&one.name));
        add(&files, values.get(key).unwrap_or(&Value::Null), depth + 1, found)?;
    }
    Ok(())
}

/// What Helm takes for one: by folder and ending.
fn is_definition(path: &str) -> bool {
    path.starts_with("crds/") && [".yaml", ".yml", ".json"].iter().any(|end| path.to_ascii_lowercase().ends_with(end))
}

/// Whether a condition keeps a chart out: the first of its paths that is true or false decides.
fn is_left_out(dependency: &Dependency, values: &Value, defaults: &Value) -> bool {
    let said = dependency.condition.split(',').find_map(|path| {
        let pointer = format!("/{}", path.trim().replace('.', "/"));
        values.pointer(&pointer).or_else(|| defaults.pointer(&pointer)).and_then(Value::as_bool)
    });
    said == Some(false)
}

/// The charts in a chart, by the name of the folder or file.
fn subcharts(files: &Files) -> Result<Vec<(String, Files)>, String> {
    let mut folders: BTreeMap<String, Files> = BTreeMap::new();
    for (path, bytes) in files {
        let Some(inside) = path.strip_prefix("charts/") else { continue };
        if let Some((folder, rest)) = inside.split_once('/') {
            folders.entry(folder.to_owned()).or_default().insert(rest.to_owned(), bytes.clone());
        } else if inside.ends_with(".tgz") {
            folders.insert(inside.to_owned(), read(bytes)?);
        }
    }
    Ok(folders.into_iter().filter(|(_, files)| files.contains_key("Chart.yaml")).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn definitions_of_subcharts_count_unless_a_condition_leaves_them_out() {
        let crd = |name: &str| format!("kind: CustomResourceDefinition\nmetadata: {{name: {name}}}\n");
        let two =
            format!("# a comment\n---\n{}---\n{}---\nkind: ConfigMap\nmetadata: {{name: no}}\n", crd("b"), crd("c"));
        let files = files(&[
            ("Chart.yaml", "name: umbrella\nversion: 1.0.0\ndependencies: [{name: gate, condition: gate.enabled}]\n"),
            ("values.yaml", "gate: {enabled: true}\n"),
            ("crds/a.yaml", &crd("a")),
            ("crds/README.md", "kind: CustomResourceDefinition"),
            ("templates/crds/d.yaml", &crd("d")),
            ("charts/gate/Chart.yaml", "name: gate\nversion: 2.0.0\n"),
            ("charts/gate/crds/more.yml", &two),
        ]);
        let names = |values: Value| {
            let mut found = Vec::new();
            add(&files, &values, 0, &mut found).unwrap();
            found.into_iter().map(|crd| format!("{} of {}", crd.name, crd.chart)).collect::<Vec<_>>()
        };
        let all = ["a of umbrella 1.0.0", "b of gate 2.0.0", "c of gate 2.0.0"];
        assert_eq!(names(json!({})), all);
        assert_eq!(names(json!({"gate": {"enabled": false}})), all[..1]);
    }
}
