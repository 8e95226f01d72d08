//! Moving the ledger between the stores. The new place is written and read back before the old one
//! goes, so that whoever is killed in between has both, and the same command finishes the move.

use super::age::{Contents, Recipients};
use super::{Ledger, LocalStore};
use crate::error::{Error, Result};
use crate::fs;

/// What a move did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// Whether the new place was written; else it said the same already.
    pub written: bool,
    /// The file that was removed.
    pub removed: Option<String>,
    /// Who can read an encrypted file.
    pub readers: Recipients,
    /// Whether somebody could read the file before and cannot now.
    pub shut_out: bool,
}

impl LocalStore {
    /// Makes the encrypted file the store: from the file in clear, else from `fetched`. Without
    /// `recipients` it keeps those that it has.
    ///
    /// # Errors
    /// No ledger or no recipients, two ledgers that differ, or a file that we could not read.
    pub fn move_to_age(&self, fetched: Option<Ledger>, recipients: Option<Recipients>) -> Result<Moved> {
        let (plain, sealed) = (self.plain.read()?, self.age.read()?);
        let ledger = self.agreed(plain, sealed.as_ref())?.or(fetched).ok_or_else(|| self.nothing())?;
        let kept = sealed.as_ref().map(|contents| contents.recipients.clone());
        let named = recipients.is_some();
        let recipients = recipients.or(kept).filter(|recipients| !recipients.is_empty());
        let contents = Contents { ledger, recipients: recipients.ok_or_else(|| self.to_nobody())? };
        self.age.require_readable(&contents.recipients)?;
        if named {
            self.confirm(&contents.recipients)?;
        } else {
            self.require_confirmed(&contents.recipients)?;
        }
        let readers = contents.recipients.clone();
        let shut_out = sealed.as_ref().is_some_and(|before| !before.recipients.without(&readers).is_empty());
        let written = sealed.as_ref() != Some(&contents);
        if written {
            self.age.write(&contents)?;
            same(self.age.read()?.as_ref() == Some(&contents), &self.age.path)?;
        }
        Ok(Moved { written, removed: removed(&self.plain.path)?, readers, shut_out })
    }

    /// Makes the file in clear the store: from the encrypted file, else from `fetched`.
    ///
    /// # Errors
    /// No ledger, two that differ, or an encrypted file that we cannot read.
    pub fn move_to_file(&self, fetched: Option<Ledger>) -> Result<Moved> {
        let (plain, sealed) = (self.plain.read()?, self.age.read()?);
        let written = plain.is_none();
        let ledger = self.agreed(plain, sealed.as_ref())?.or(fetched).ok_or_else(|| self.nothing())?;
        if written {
            self.plain.write(&ledger)?;
            same(self.plain.read()?.as_ref() == Some(&ledger), &self.plain.path)?;
        }
        Ok(Moved { written, removed: removed(&self.age.path)?, ..Moved::default() })
    }

    /// Removes the ledger from this machine, if it still says what is known to be safe elsewhere.
    ///
    /// # Errors
    /// When it was changed meanwhile, or cannot be removed.
    pub fn remove(&self, safe: &Ledger) -> Result<()> {
        if self.read()?.as_ref() != Some(safe) {
            return Err(Error::user(format!("{} was changed while this command ran", self.path().display()))
                .hint("nothing was removed; run the same command again"));
        }
        fs::remove(self.path())
    }

    /// The one ledger of both files; none where there is no file.
    fn agreed(&self, plain: Option<Ledger>, sealed: Option<&Contents>) -> Result<Option<Ledger>> {
        match (plain, sealed) {
            (Some(plain), Some(sealed)) if plain != sealed.ledger => Err(self.different(&plain, &sealed.ledger)),
            (Some(plain), _) => Ok(Some(plain)),
            (None, sealed) => Ok(sealed.map(|contents| contents.ledger.clone())),
        }
    }

    fn different(&self, plain: &Ledger, sealed: &Ledger) -> Error {
        let (one, other) = (self.plain.path.display(), self.age.path.display());
        let names = missing(plain, sealed).into_iter().chain(missing(sealed, plain));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.dedup();
        let why = if names.is_empty() {
            "they have the same secrets, and say other things about them".to_owned()
        } else {
            format!("they differ in {}", names.join(", "))
        };
        Error::user(format!("{one} and {other} are not the same")).because(why).hint(
            "nothing was changed; which is right is for you to know: move the other one away, then run this again",
        )
    }

    fn nothing(&self) -> Error {
        Error::user(format!("there are no secrets of a hub in {}", self.namespace))
            .because(format!(
                "neither {} nor {} is there, and the cluster has no ledger of it",
                self.plain.path.display(),
                self.age.path.display()
            ))
            .hint("go to the folder of the hub's site file, or choose the cluster with --kube-context")
    }

    fn to_nobody(&self) -> Error {
        let error = Error::usage("to whom shall the secrets be encrypted?")
            .because(format!("{} has no recipients yet", self.age.path.display()));
        match self.age.identity.recipients() {
            Some(yours) => error.hint(format!("name all who shall read them; you are: {yours}")),
            None => {
                error.hint("name all who shall read them: --recipient age1…").hint(self.age.identity.how_to_begin())
            }
        }
    }
}

/// The secrets of one ledger that another does not hold as it does.
pub fn missing(of: &Ledger, within: &Ledger) -> Vec<String> {
    let held = |name: &str| within.entries.get(name).map(|entry| (&entry.value, &entry.previous));
    let lost = of.entries.iter().filter(|(name, entry)| held(name) != Some((&entry.value, &entry.previous)));
    lost.map(|(name, _)| name.clone()).collect()
}

fn same(is: bool, path: &std::path::Path) -> Result<()> {
    if is {
        return Ok(());
    }
    Err(Error::user(format!("{} does not say what was written to it", path.display()))
        .because("somebody else writes it, or the disk is at fault")
        .hint("nothing was removed; run the same command again"))
}

fn removed(path: &std::path::Path) -> Result<Option<String>> {
    let was_there = fs::exists(path)?;
    fs::remove(path)?;
    Ok(was_there.then(|| path.display().to_string()))
}
