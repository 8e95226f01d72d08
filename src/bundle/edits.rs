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
            return Err(Error::problems("an edit would be lost", vec![Problem::error(&shown, None, message)])
                .hint("move the edit to `values:` of the site file")
                .hint(format!("or drop it: mv '{shown}' '{shown}.mine', then render again")));
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
    ) -> Result<Option<Edits>> {
        let kept = self.kept().remove(chart).unwrap_or_else(|| Value::Object(Map::new()));
        let (overrides_text, overrides) = overrides_of(&kept);
        let mut edits = kept;
        if let Some(edited) = self.edited(&format!("{chart}/values.yaml"), rendered.0)? {
            overlay::merge(&mut edits, &of(rendered.1, &edited)?);
        }
        if let Some(edited) = self.edited(&format!("{chart}/overrides.yaml"), &overrides_text)? {
            overlay::merge(&mut edits, &of(&overrides, &edited)?);
        }
        Ok(edits.as_object().is_some_and(|map| !map.is_empty()).then_some(edits))
    }
}
