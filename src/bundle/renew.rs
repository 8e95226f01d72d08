//! A bundle that names the secrets in use, after they were replaced: as the next render would write it.

use std::collections::BTreeMap;

use super::manifest::Manifest;
use super::review::secret_line;
use super::write::{Draft, write};
use super::{Bundle, REVIEW_FILE};
use crate::error::Result;
use crate::fs;
use crate::secrets::Ledger;

impl Bundle {
    /// Names the secrets of the ledger, and writes them where they are for the reader. Nothing else changes.
    ///
    /// # Errors
    /// When the folder cannot be written, or was changed meanwhile.
    pub fn name_secrets(&mut self, ledger: &Ledger) -> Result<()> {
        let mut manifest = self.manifest().clone();
        manifest.secrets.iter_mut().for_each(|secret| secret.name_value(ledger));
        if manifest == *self.manifest() {
            return Ok(());
        }
        let draft = self.draft(manifest)?;
        write(self.folder(), &draft, ledger)?;
        *self = Self::open(self.folder())?;
        Ok(())
    }

    fn draft(&self, manifest: Manifest) -> Result<Draft> {
        let ours = manifest.files.iter().filter(|file| file.path != ".gitignore");
        let read = |path: &String| Ok((path.clone(), fs::read_text(&self.folder().join(path))?));
        let mut files = ours.map(|file| read(&file.path)).collect::<Result<BTreeMap<_, _>>>()?;
        if let Some(review) = files.get_mut(REVIEW_FILE) {
            for (before, now) in self.manifest().secrets.iter().zip(&manifest.secrets) {
                *review = review.replace(&format!("{}\n", secret_line(before)), &format!("{}\n", secret_line(now)));
            }
        }
        Ok(Draft { manifest, files })
    }
}
