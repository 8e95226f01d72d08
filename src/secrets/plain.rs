//! The ledger as a file that only its owner can read, in a folder that git ignores.

use std::path::{Path, PathBuf};

use super::Ledger;
use crate::error::Result;
use crate::fs::{self, Access};
use crate::redact::Secret;

/// The ledger's file in clear.
#[derive(Debug, Clone)]
pub(super) struct PlainFile {
    pub(super) path: PathBuf,
}

impl PlainFile {
    /// Reads the file, if there is one.
    pub(super) fn read(&self) -> Result<Option<Ledger>> {
        if !fs::exists(&self.path)? {
            return Ok(None);
        }
        self.parse(&self.text()?).map(Some)
    }

    /// Writes the file unless it says the same already.
    pub(super) fn write_if_changed(&self, ledger: &Ledger) -> Result<()> {
        if fs::exists(&self.path)? {
            let text = self.text()?;
            if text.expose() == ledger.to_text().expose() {
                return Ok(());
            }
            // What cannot be read may be all that is left of somebody's secrets: it is not written over.
            self.parse(&text)?;
        }
        self.write(ledger)
    }

    fn text(&self) -> Result<Secret> {
        fs::require_private(&self.path)?;
        fs::read_text(&self.path).map(Secret::new)
    }

    fn parse(&self, text: &Secret) -> Result<Ledger> {
        Ledger::from_text(text, &self.path.display().to_string())
    }

    /// Writes the file, whole or not at all.
    pub(super) fn write(&self, ledger: &Ledger) -> Result<()> {
        prepare_folder(&self.path)?;
        fs::write_durable(&self.path, ledger.to_text().expose().as_bytes(), Access::Private)
    }
}

/// Makes the folder of a file that git must not have.
pub(super) fn prepare_folder(file: &Path) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_folder(folder)?;
        // The folder ignores itself, so that no `git add .` takes a secret along.
        let ignore = folder.join(".gitignore");
        if !fs::exists(&ignore)? {
            fs::write(&ignore, b"*\n", Access::Shared)?;
        }
    }
    Ok(())
}
