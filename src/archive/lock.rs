//! `iris.lock`: the digests of archives seen once, for charts whose digest nobody publishes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Archive;
use crate::error::{Error, Result};
use crate::fs::{self, Access};

/// The file's name, beside the site file or in the bundle.
pub const LOCK_FILE: &str = "iris.lock";

const HEADER: &str =
    "# SHA-256 of chart archives, written at first sight and checked ever after. Keep it with the site file.\n";

/// The lock as read, and what was added.
#[derive(Debug, Clone, Default)]
pub struct Lock {
    path: PathBuf,
    content: Content,
    changed: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    charts: BTreeMap<String, String>,
}

impl Lock {
    /// Reads the lock, or starts an empty one.
    ///
    /// # Errors
    /// A file that is no lock.
    pub fn read(path: PathBuf) -> Result<Self> {
        let content = match fs::read_text_if_any(&path)? {
            None => Content::default(),
            Some(text) => serde_yaml::from_str(&text).map_err(|error| {
                Error::user(format!("{} is no lock file", path.display()))
                    .because(error)
                    .hint("restore it from version control, or remove it to trust the archives anew")
            })?,
        };
        Ok(Self { path, content, changed: false })
    }

    /// The digest that was seen first.
    pub fn digest(&self, name: &str, version: &str) -> Option<&str> {
        self.content.charts.get(&format!("{name}-{version}")).map(String::as_str)
    }

    /// Remembers an archive's digest.
    pub fn remember(&mut self, archive: &Archive) {
        let key = format!("{}-{}", archive.name, archive.version);
        self.changed |= self.content.charts.insert(key, archive.sha256.clone()).as_ref() != Some(&archive.sha256);
    }

    /// Where the lock is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the lock if something was added.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            fs::create_folder(folder)?;
        }
        let body = serde_yaml::to_string(&self.content).map_err(|error| Error::bug("the lock").because(error))?;
        fs::write(&self.path, format!("{HEADER}{body}").as_bytes(), Access::Shared)
    }
}
