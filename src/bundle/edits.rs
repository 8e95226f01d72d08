//! Edits: what a person changed in a bundle's files is kept in `overrides.yaml`, never lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::manifest::Manifest;
use super::{MANIFEST_FILE, NEXT_FILE, read};
use crate::error::{Error, Result};
use crate::fs;
use crate::overlay;
use crate::problem::Problem;
use crate::yaml::{Document, parse};

/// Edits of one chart's files, as an overlay over its rendered values.
pub type Edits = Value;

/// The bundle that stands in the folder before it is written anew.
#[derive(Debug, Clone)]
pub struct Previous {
    folder: PathBuf,
    /// Manifests that a file may match: the current one, and one that was being written.
    manifests: Vec<Manifest>,
}

impl Previous {
    /// Looks at what stands in the folder.
    ///
    /// # Errors
    /// A manifest that cannot be read, or of a newer format.
    pub fn read(folder: &Path) -> Result<Self> {
        let current = read::manifest_if_any(&folder.join(MANIFEST_FILE))?;
        let next = read::manifest_if_any(&folder.join(NEXT_FILE))?;
        Ok(Self { folder: folder.to_owned(), manifests: current.into_iter().chain(next).collect() })
    }

    /// Refuses to take over the bundle of another hub's chart.
    ///
    /// # Errors
    /// When the folder holds the bundle of another chart.
    pub fn require_chart(&self, chart: &str) -> Result<()> {
        match self.manifests.first() {
            Some(manifest) if manifest.chart != chart => {
                let folder = self.folder.display();
                Err(Error::user(format!("{folder} holds the bundle of {}, not of {chart}", manifest.chart))
                    .because("writing this one there would take its values files away")
                    .hint("choose another namespace with -n, or another folder with --output-dir")
                    .hint(format!("if the other bundle is of no more use: rm -r {folder}")))
            }
            _ => Ok(()),
        }
    }

    /// Problems with edits of charts that the next bundle does not have.
    ///
    /// # Errors
    /// A folder that cannot be looked at.
    pub fn orphans(&self, charts: &[String]) -> Result<Vec<Problem>> {
        let mut problems = Vec::new();
        for chart in self.kept().into_keys().filter(|chart| !charts.contains(chart)) {
            let file = self.folder.join(&chart).join("overrides.yaml");
            if fs::exists(&file)? {
                let shown = file.display().to_string();
                let message = format!("holds edits of {chart}, which this bundle no longer has");
                problems.push(Problem::error(&shown, None, message).fix(format!("drop them: rm '{shown}'")));
            }
        }
        Ok(problems)
    }

    /// The edits that earlier renders kept, by chart.
    pub fn kept(&self) -> BTreeMap<String, Edits> {
        let releases = self.manifests.iter().flat_map(|manifest| &manifest.releases);
        releases.filter_map(|release| Some((release.chart.clone(), release.edits.clone()?))).collect()
    }

    /// The content of a file that was edited since it was written; `fresh` is what the render
    /// now would write there.
    ///
    /// # Errors
    /// An edit on top of something that has changed as well: it cannot be told apart.
    pub fn edited(&self, path: &str, fresh: &str) -> Result<Option<Document>> {
        let full = self.folder.join(path);
        let Some(found) = read::digest_if_any(&full)? else {
            return Ok(None);
        };
        let fresh_digest = fs::sha256_hex(fresh.as_bytes());
        let recorded: Vec<&str> = self
            .manifests
            .iter()
            .flat_map(|manifest| &manifest.files)
            .filter(|file| file.path == path)
            .map(|file| file.sha256.as_str())
            .collect();
        if found == fresh_digest || recorded.contains(&found.as_str()) {
            return Ok(None);
        }
        let shown = full.display().to_string();
        if !recorded.contains(&fresh_digest.as_str()) {
            let message = "was edited by hand, and what it is made from has changed too";
            let problem = Problem::error(&shown, None, message)
                .fix(format!("mv '{shown}' '{shown}.mine'; then put the edit under `values:` of the site file"));
            return Err(Error::problems("an edit would be lost", vec![problem]));
        }
        let text = fs::read_text(&full)?;
        parse(&shown, &text).map(Some).map_err(|problems| Error::problems("an edited file is not right", problems))
    }
}

/// Edits of `base` that make it `edited`.
///
/// # Errors
/// Keys that were taken out: an overlay cannot say that.
pub(super) fn of(base: &Value, edited: &Document) -> Result<Edits> {
    overlay::overlay(base, &edited.value).map_err(|removed| {
        let problems = removed
            .into_iter()
            .map(|path| {
                let message = format!("`{path}` was taken out, which no overlay can keep");
                Problem::error(&edited.file, None, message).fix("set it to the value that you want, or to null")
            })
            .collect();
        Error::problems("an edit cannot be kept", problems)
    })
}

/// The edits of one chart, and where they were made.
#[derive(Debug, Clone, Default)]
pub struct ChartEdits {
    /// All of them, if there are any.
    pub edits: Option<Edits>,
    /// The files that were edited since they were written, as they are now.
    pub documents: Vec<Document>,
}

impl Previous {
    /// All edits of one chart: those kept earlier, those of `values.yaml`, those of `overrides.yaml`.
    ///
    /// # Errors
    /// As [`Previous::edited`]; edits that no overlay can keep.
    pub fn edits(
        &self,
        chart: &str,
        rendered: (&str, &Value),
        overrides_of: impl Fn(&Edits) -> (String, Value),
    ) -> Result<ChartEdits> {
        let nothing = || Value::Object(Map::new());
        let mut edits = self.kept().remove(chart).unwrap_or_else(nothing);
        if !fs::exists(&self.folder.join(chart).join("overrides.yaml"))? {
            // Removing the file is how a person drops all edits.
            edits = nothing();
        }
        let (overrides_text, _) = overrides_of(&edits);
        let in_values = self.edited(&format!("{chart}/values.yaml"), rendered.0)?;
        let in_overrides = self.edited(&format!("{chart}/overrides.yaml"), &overrides_text)?;
        if let Some(edited) = &in_overrides {
            // What was kept and is no longer there was taken back.
            retain(&mut edits, &edited.value);
        }
        let (_, overrides) = overrides_of(&edits);
        if let Some(edited) = &in_values {
            overlay::merge(&mut edits, &of(rendered.1, edited)?);
        }
        if let Some(edited) = &in_overrides {
            overlay::merge(&mut edits, &of(&overrides, edited)?);
        }
        let some = edits.as_object().is_some_and(|map| !map.is_empty());
        Ok(ChartEdits { edits: some.then_some(edits), documents: in_values.into_iter().chain(in_overrides).collect() })
    }
}

/// Takes out of `kept` what `wanted` does not have.
fn retain(kept: &mut Value, wanted: &Value) {
    let (Value::Object(kept), Value::Object(wanted)) = (kept, wanted) else {
        return;
    };
    kept.retain(|key, value| {
        let Some(other) = wanted.get(key) else {
            return false;
        };
        let was_empty = value.as_object().is_some_and(Map::is_empty);
        retain(value, other);
        was_empty || value.as_object().is_none_or(|map| !map.is_empty())
    });
}
