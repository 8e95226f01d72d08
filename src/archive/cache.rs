//! The folder of archives under Helm's cache, by digest.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Archive, MAX_ARCHIVE};
use crate::error::{Error, Result};
use crate::fs::{self, Access};

/// The folder of archives.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in a folder that need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of the archive of that file name, as a bundle's manifest records it.
    pub fn path(&self, file_name: &str) -> PathBuf {
        self.folder.join(file_name)
    }

    /// Finds an archive: that of the digest where one is expected, else the only one of that
    /// name and version.
    ///
    /// # Errors
    /// An archive whose bytes are not what its name says; an unreadable folder.
    pub fn find(&self, name: &str, version: &str, expected: Option<&str>) -> Result<Option<Archive>> {
        let file = match expected {
            Some(sha256) => Some(file_name(name, version, sha256)),
            None => self.only(name, version)?,
        };
        let Some(path) = file.map(|file| self.folder.join(file)) else {
            return Ok(None);
        };
        if !fs::exists(&path)? {
            return Ok(None);
        }
        let archive = Archive::new(name, version, fs::read_limited(&path, MAX_ARCHIVE)?);
        let named_right = path.file_name().is_some_and(|file| *file == *archive.file_name());
        if named_right && expected.is_none_or(|expected| expected == archive.sha256) {
            return Ok(Some(archive));
        }
        Err(Error::user(format!("{} has been changed or damaged", path.display()))
            .because(format!("its SHA-256 is {}", archive.sha256))
            .hint(format!("remove it: rm '{}'; then run `helm iris charts pull CHART`", path.display())))
    }

    /// Keeps an archive and tells its path.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn store(&self, archive: &Archive) -> Result<PathBuf> {
        let path = self.folder.join(archive.file_name());
        if !fs::exists(&path)? {
            fs::create_folder(&self.folder)?;
            fs::write(&path, &archive.bytes, Access::Shared)?;
        }
        Ok(path)
    }

    fn only(&self, name: &str, version: &str) -> Result<Option<String>> {
        if !fs::exists(&self.folder)? {
            return Ok(None);
        }
        let prefix = format!("{name}-{version}.");
        let mut found = WalkDir::new(&self.folder)
            .min_depth(1)
            .max_depth(1)
            .into_iter()
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .filter(|file| file.starts_with(&prefix) && file.len() == prefix.len() + DIGITS + ".tgz".len());
        let first = found.next();
        Ok(if found.next().is_none() { first } else { None })
    }
}

/// Digits of the digest in a file name; the whole digest is checked in bundles.
const DIGITS: usize = 16;

pub(super) fn file_name(name: &str, version: &str, sha256: &str) -> String {
    format!("{name}-{version}.{}.tgz", sha256.get(..DIGITS).unwrap_or(sha256))
}
