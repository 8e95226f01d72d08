//! The ledger as a file beside the site file: 0600, git-ignored.

use std::path::{Path, PathBuf};

use super::Ledger;
use crate::error::Result;
use crate::fs::{self, Access, Held};
use crate::redact::Secret;

/// The folder beside the site file that holds what must not be committed.
const FOLDER: &str = ".helm-iris";

/// Where the ledger of one hub is kept on this machine.
#[derive(Debug, Clone)]
pub struct LocalStore {
    base: PathBuf,
    path: PathBuf,
}

impl LocalStore {
    /// The store of the hub in `namespace`, beside the site file's folder `base`.
    pub fn new(base: &Path, namespace: &str) -> Self {
        Self { base: base.to_owned(), path: base.join(FOLDER).join(format!("{namespace}.secrets.yaml")) }
    }

    /// The store of another hub of the same folder.
    pub fn beside(&self, namespace: &str) -> Self {
        Self::new(&self.base, namespace)
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the ledger, if there is one.
    ///
    /// # Errors
    /// Unreadable, readable by others, damaged, or of a newer format.
    pub fn read(&self) -> Result<Option<Ledger>> {
        if !fs::exists(&self.path)? {
            return Ok(None);
        }
        fs::require_private(&self.path)?;
        let text = Secret::new(fs::read_text(&self.path)?);
        Ledger::from_text(&text, &self.path.display().to_string()).map(Some)
    }

    /// Writes the ledger unless the file says the same already.
    ///
    /// # Errors
    /// As [`Self::read`] and [`Self::write`].
    pub fn write_if_changed(&self, ledger: &Ledger) -> Result<()> {
        if fs::exists(&self.path)? {
            fs::require_private(&self.path)?;
            let text = Secret::new(fs::read_text(&self.path)?);
            if text.expose() == ledger.to_text().expose() {
                return Ok(());
            }
            // What cannot be read may be all that is left of somebody's secrets: it is not written over.
            Ledger::from_text(&text, &self.path.display().to_string())?;
        }
        self.write(ledger)
    }

    /// Keeps other processes away from this hub's files until the guard is dropped, and clears away
    /// what those that were killed left in the store.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn hold(&self) -> Result<Held> {
        let held = fs::hold(&self.base)?;
        let folder = self.base.join(FOLDER);
        if fs::exists(&folder)? {
            fs::remove_leftovers(&folder)?;
        }
        Ok(held)
    }

    /// Writes the ledger, whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, ledger: &Ledger) -> Result<()> {
        self.prepare_folder()?;
        fs::write_durable(&self.path, ledger.to_text().expose().as_bytes(), Access::Private)
    }

    fn prepare_folder(&self) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_folder(folder)?;
            // The folder ignores itself, so that no `git add .` takes a secret along.
            let ignore = folder.join(".gitignore");
            if !fs::exists(&ignore)? {
                fs::write(&ignore, b"*\n", Access::Shared)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::new(folder.path(), "dhub");
        let (first, second) = (Ledger::create().unwrap(), Ledger::create().unwrap());
        store.write_if_changed(&first).unwrap();
        store.write_if_changed(&second).unwrap();
        assert_eq!(store.read().unwrap().as_ref(), Some(&second), "a control");
        let newer = second.to_text().expose().replace("format: 1", "format: 2");
        fs::write(store.path(), newer.as_bytes(), Access::Private).unwrap();
        assert!(store.write_if_changed(&first).is_err());
        assert_eq!(fs::read_text(store.path()).unwrap(), newer);
    }
}
