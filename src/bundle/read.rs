//! Reading a bundle back: only what was reviewed may be applied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::manifest::{FORMAT, Manifest, ReleaseEntry};
use super::{MANIFEST_FILE, NEXT_FILE, delivery, secrets_file, write};
use crate::chart::release::Scope;
use crate::error::{Error, Result};
use crate::fs::{self, Held};
use crate::overlay::merge;
use crate::problem::Problem;
use crate::redact::Secret;
use crate::secrets::delivered::{Content, secret_name};
use crate::secrets::{Ledger, cluster};
use crate::yaml::parse;

/// No file of a bundle comes near this.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// A bundle whose files are what its manifest says.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    digest: String,
}

impl Bundle {
    /// Opens a bundle and checks every file against the manifest.
    ///
    /// # Errors
    /// No bundle, one of a newer format, one whose writing was interrupted, or any file that is
    /// not what was written for review: all of them at once.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST_FILE);
        finish_interrupted(folder)?;
        let text = fs::read_text_if_any(&path)?.ok_or_else(|| {
            Error::user(format!("there is no bundle in {}", folder.display()))
                .because(format!("{} is missing", path.display()))
                .hint("write one with `helm iris render CHART`")
        })?;
        let manifest = parse_manifest(&path, &text)?;
        let problems = differences(folder, &manifest)?;
        if problems.is_empty() {
            return Ok(Self { folder: folder.to_owned(), manifest, digest: fs::sha256_hex(text.as_bytes()) });
        }
        Err(Error::problems(format!("the bundle {} is not what was written for review", folder.display()), problems)
            .hint("to keep the edits, run `helm iris render` again: it moves them to overrides.yaml")
            .hint("to drop them, remove the files and render again"))
    }

    /// Whether there is a bundle in a folder, whatever its state.
    pub fn is_in(folder: &Path) -> bool {
        [MANIFEST_FILE, NEXT_FILE].iter().any(|file| fs::exists(&folder.join(file)).unwrap_or(true))
    }

    /// Keeps other processes from writing the bundle anew until the guard is dropped.
    ///
    /// # Errors
    /// When one does, or applies it.
    pub fn hold(&self) -> Result<Held> {
        write::alone(&self.folder)
    }

    /// The bundle's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `bundle.yaml`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of `bundle.yaml`.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Every file of it that holds no secret, by its path.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn files(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let listed = self.manifest.files.iter().map(|file| file.path.as_str());
        let read = |path: &str| Ok((path.to_owned(), fs::read_limited(&self.folder.join(path), MAX_FILE)?));
        listed.chain([MANIFEST_FILE]).map(read).collect()
    }

    /// The values of a release as Helm will merge them: values, overrides, secrets of the ledger.
    ///
    /// # Errors
    /// A secret that the ledger lacks; a file that cannot be read.
    pub fn values(&self, release: &ReleaseEntry, ledger: &Ledger) -> Result<Value> {
        let mut values = self.visible_values(release)?;
        merge(&mut values, &secrets_file::values(&self.manifest, release, ledger)?);
        Ok(values)
    }

    /// The values of a release without its secrets.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn visible_values(&self, release: &ReleaseEntry) -> Result<Value> {
        visible_values(release, |file| fs::read_text(&self.folder.join(file)))
    }

    /// What the Kubernetes Secret holds that carries a release's secrets past its values; none where
    /// it has no such Secret.
    ///
    /// # Errors
    /// A secret that the ledger lacks.
    pub fn secret(&self, release: &ReleaseEntry, ledger: &Ledger) -> Result<Option<Content>> {
        secrets_file::require_all(&self.manifest, release, ledger)?;
        Ok(delivery::content(&self.manifest, release, ledger))
    }

    /// The text of a release's `secrets.yaml`; none where it has no such file.
    pub fn secrets_text(&self, release: &ReleaseEntry, ledger: &Ledger) -> Option<Secret> {
        secrets_file::text(&self.manifest, release, ledger)
    }

    /// Writes each release's `secrets.yaml` from the ledger, 0600.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_secrets(&self, ledger: &Ledger) -> Result<()> {
        write::write_secrets(&self.folder, &self.manifest, ledger)
    }
}

/// The files of a release that hold no secret, merged as Helm does; `text` reads them.
pub fn visible_values(release: &ReleaseEntry, text: impl Fn(&str) -> Result<String>) -> Result<Value> {
    let mut values = Value::Object(serde_json::Map::new());
    for file in release.values.iter().filter(|file| !file.ends_with("secrets.yaml")) {
        let document = parse(file, &text(file)?)
            .map_err(|problems| Error::problems(format!("{file} of the bundle is not right"), problems))?;
        merge(&mut values, &document.value);
    }
    Ok(values)
}

/// A swap that was interrupted after the last file was in place is finished here.
fn finish_interrupted(folder: &Path) -> Result<()> {
    let next = folder.join(NEXT_FILE);
    let Some(manifest) = manifest_if_any(&next)? else {
        return Ok(());
    };
    if differences(folder, &manifest)?.is_empty() {
        return write::take_place(folder, manifest_if_any(&folder.join(MANIFEST_FILE))?.as_ref(), &manifest);
    }
    Err(Error::user(format!("the bundle {} was being written when something stopped it", folder.display()))
        .hint("run the same `helm iris render` again; it finishes the work"))
}

fn differences(folder: &Path, manifest: &Manifest) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for file in &manifest.files {
        let path = folder.join(&file.path);
        let shown = path.display().to_string();
        match digest_if_any(&path)? {
            None => problems.push(Problem::error(shown, None, "is missing")),
            Some(digest) if digest != file.sha256 => {
                problems.push(Problem::error(shown, None, "was changed after it was written for review"));
            }
            Some(_) => {}
        }
    }
    Ok(problems)
}

pub(super) fn digest_if_any(path: &Path) -> Result<Option<String>> {
    if !fs::exists(path)? {
        return Ok(None);
    }
    Ok(Some(fs::sha256_hex(&fs::read_limited(path, MAX_FILE)?)))
}

pub(super) fn manifest_if_any(path: &Path) -> Result<Option<Manifest>> {
    fs::read_text_if_any(path)?.map(|text| parse_manifest(path, &text)).transpose()
}

/// What to do with a manifest that no render would write over.
fn anew(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path).display();
    format!("mv '{folder}' '{folder}.old'; then write it again with `helm iris render`")
}

/// Reads a `bundle.yaml`; the path is for errors.
///
/// # Errors
/// One that is none, or of a newer format.
pub fn parse_manifest(path: &Path, text: &str) -> Result<Manifest> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let broken = |error: serde_yaml::Error| {
        Error::user(format!("{} is not a bundle's manifest", path.display())).because(error).hint(anew(path))
    };
    let manifest: Result<Manifest, _> = serde_yaml::from_str(text);
    let format = match &manifest {
        Ok(manifest) => manifest.format,
        // A newer format may have other fields; then that is what is wrong.
        Err(_) => serde_yaml::from_str::<Format>(text).map_err(broken)?.format,
    };
    if format > FORMAT {
        return Err(Error::user(format!(
            "{} is of format {format}, this helm iris reads up to {FORMAT}",
            path.display()
        ))
        .because("a newer helm iris wrote it")
        .hint("update helm iris: in its folder, git pull and sh scripts/install.sh"));
    }
    let manifest = manifest.map_err(broken)?;
    let outside =
        |path: &str| Path::new(path).components().any(|part| !matches!(part, std::path::Component::Normal(_)));
    let paths = manifest.files.iter().map(|file| file.path.as_str());
    let values = manifest.releases.iter().flat_map(|release| release.values.iter().map(String::as_str));
    let charts = manifest.releases.iter().flat_map(|release| [release.chart.as_str(), release.archive.as_str()]);
    if let Some(bad) = paths.chain(values).chain(charts).find(|path| path.is_empty() || outside(path)) {
        return Err(Error::user(format!("{} names a path outside the bundle: `{bad}`", path.display()))
            .hint("do not use this bundle")
            .hint(anew(path)));
    }
    if let Some(bad) = manifest.releases.iter().find(|release| !delivers_to_its_own(release)) {
        return Err(Error::user(format!("{} would write secrets of `{}` where others are", path.display(), bad.chart))
            .hint("do not use this bundle")
            .hint(anew(path)));
    }
    Ok(manifest)
}

/// A Secret that a bundle writes is its chart's own: not the ledger, and nobody else's.
fn delivers_to_its_own(release: &ReleaseEntry) -> bool {
    let own = |secret: &str| secret == secret_name(&release.chart) && secret != cluster::NAME;
    release.delivery.as_ref().is_none_or(|delivery| release.scope == Scope::Hub && own(&delivery.secret))
}
