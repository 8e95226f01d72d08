//! The ledger on this machine: a file in clear for its owner alone, or an encrypted one for git.

use std::path::{Path, PathBuf};

use super::Ledger;
use super::age::{AgeFile, Confirmed, Contents, IdentityFile, Recipients};
use super::plain::PlainFile;
use crate::error::{Error, Result};
use crate::fs::{self, Held};

/// The folder beside the site file that holds what must not be committed.
const FOLDER: &str = ".helm-iris";

/// Where the ledger of one hub is kept on this machine.
#[derive(Debug, Clone)]
pub struct LocalStore {
    base: PathBuf,
    pub(super) namespace: String,
    pub(super) plain: PlainFile,
    pub(super) age: AgeFile,
    confirmed: Confirmed,
}

impl LocalStore {
    /// The store of the hub in `namespace`, beside the site file's folder `base`.
    pub fn new(base: &Path, namespace: &str, identity: &IdentityFile) -> Self {
        let plain = PlainFile { path: base.join(FOLDER).join(format!("{namespace}.secrets.yaml")) };
        let age = AgeFile { path: base.join(format!("{namespace}.secrets.age")), identity: identity.clone() };
        let path = base.join(FOLDER).join(format!("{namespace}.recipients"));
        let confirmed = Confirmed { path, identity: identity.clone() };
        Self { base: base.to_owned(), namespace: namespace.to_owned(), plain, age, confirmed }
    }

    /// The store of another hub of the same folder.
    pub fn beside(&self, namespace: &str) -> Self {
        Self::new(&self.base, namespace, &self.age.identity)
    }

    /// The hub's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where it is, or where it would be made, for messages.
    pub fn path(&self) -> &Path {
        let is_there = |path| fs::exists(path).unwrap_or(false);
        if is_there(&self.age.path) && !is_there(&self.plain.path) { &self.age.path } else { &self.plain.path }
    }

    /// Whether this machine has a ledger of the hub.
    ///
    /// # Errors
    /// A folder that cannot be looked at.
    pub fn exists(&self) -> Result<bool> {
        Ok(fs::exists(&self.plain.path)? || fs::exists(&self.age.path)?)
    }

    /// Reads the ledger, if there is one.
    ///
    /// # Errors
    /// Unreadable, readable by others, damaged, of a newer format, encrypted to others; or two of them.
    pub fn read(&self) -> Result<Option<Ledger>> {
        match self.sealed()? {
            Some(contents) => Ok(Some(contents.ledger)),
            None => self.plain.read(),
        }
    }

    /// Writes the ledger unless the store says the same already.
    ///
    /// # Errors
    /// As [`Self::read`]; a folder that cannot be written; an encrypted file of somebody who does
    /// not know this hub's secrets, or to recipients that nobody here agreed to.
    pub fn write_if_changed(&self, ledger: &Ledger) -> Result<()> {
        let Some(Contents { ledger: before, recipients }) = self.sealed()? else {
            return self.plain.write_if_changed(ledger);
        };
        // Encrypted anew the same text gives other bytes: what is unchanged is not written.
        if before == *ledger {
            return Ok(());
        }
        // Whoever may write to git could have put himself among the recipients of a file of his own.
        // He does not know the key that every true copy of the ledger holds.
        if before.key != ledger.key {
            return Err(self.of_a_stranger());
        }
        self.age.require_readable(&recipients)?;
        self.require_confirmed(&recipients)?;
        self.age.write(&Contents { ledger: ledger.clone(), recipients })
    }

    /// Who could read a ledger that is written now, where nobody on this machine agreed to them yet.
    ///
    /// # Errors
    /// As [`Self::read`]; recipients that are not those that somebody here agreed to.
    pub fn unconfirmed(&self) -> Result<Option<Recipients>> {
        let recipients = self.age.read()?.map(|contents| contents.recipients).unwrap_or_default();
        if recipients.is_empty() {
            return Ok(None);
        }
        match self.confirmed.read()? {
            None => Ok(Some(recipients)),
            Some(before) if before == recipients => Ok(None),
            Some(before) => Err(self.other_recipients(&before, &recipients)),
        }
    }

    /// Keeps that somebody here agreed to these recipients.
    ///
    /// # Errors
    /// Without an identity, or when the folder cannot be written.
    pub fn confirm(&self, recipients: &Recipients) -> Result<()> {
        self.confirmed.write(recipients)
    }

    /// How many recipients, and each shortened, with one's own marked: for people.
    pub fn readers(&self, recipients: &Recipients) -> String {
        let s = if recipients.len() == 1 { "" } else { "s" };
        format!("{} recipient{s}: {}", recipients.len(), self.brief(recipients))
    }

    fn brief(&self, recipients: &Recipients) -> String {
        recipients.brief(&self.age.identity.recipients().unwrap_or_default())
    }

    /// The command by which somebody agrees to recipients.
    fn accept(&self, recipients: &Recipients) -> String {
        format!("{} {recipients}", self.export("age"))
    }

    pub(super) fn require_confirmed(&self, recipients: &Recipients) -> Result<()> {
        match self.confirmed.read()? {
            Some(before) if before == *recipients => Ok(()),
            Some(before) => Err(self.other_recipients(&before, recipients)),
            None => Err(self.never_confirmed(recipients)),
        }
    }

    /// Keeps other processes away from this hub's files until the guard is dropped, and clears away
    /// what those that were killed left in the store. Where it has to wait, it tells for whom, if that is known.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn hold(&self, tell: impl FnOnce(Option<String>)) -> Result<Held> {
        let held = fs::hold(&self.base, tell)?;
        let folder = self.base.join(FOLDER);
        if fs::exists(&folder)? {
            fs::remove_leftovers(&folder)?;
        }
        fs::remove_leftovers_of(&self.age.path)?;
        Ok(held)
    }

    /// The encrypted file, if that is the store.
    fn sealed(&self) -> Result<Option<Contents>> {
        if fs::exists(&self.plain.path)? && fs::exists(&self.age.path)? {
            let (plain, age) = (self.plain.path.display(), self.age.path.display());
            return Err(Error::user(format!("this hub has two local stores: {plain} and {age}"))
                .because("a move from one to the other was interrupted, or one came with git")
                .hint(format!("finish it: {}; or --to file", self.export("age"))));
        }
        self.age.read()
    }

    /// The refusal to write to recipients that nobody here has seen.
    pub fn never_confirmed(&self, recipients: &Recipients) -> Error {
        let age = self.age.path.display();
        Error::user(format!("{age} is not written to before somebody here agrees to who can read it"))
            .because(format!("it would be encrypted to {}", self.readers(recipients)))
            .because("the list is in the file, and came with it: whoever may write to your git could have made it")
            .hint(format!("if these are the right people: {}", self.accept(recipients)))
            .hint(format!("else take the file out of git, and ask who put it there: git log -- {age}"))
    }

    fn other_recipients(&self, before: &Recipients, now: &Recipients) -> Error {
        let age = self.age.path.display();
        let told = |what: &str, some: &Recipients| (!some.is_empty()).then(|| format!("{what}: {}", self.brief(some)));
        let (new, gone) = (now.without(before), before.without(now));
        let changes = [told("new", &new), told("left out", &gone)].into_iter().flatten().collect::<Vec<_>>();
        Error::user(format!("{age} has other recipients than those that were agreed to on this machine"))
            .because(changes.join("; "))
            .hint(format!("if that was one of you, agree to them: {}", self.accept(now)))
            .hint(format!("else somebody wants to read along: take the file before it from git: git log -- {age}"))
    }

    fn of_a_stranger(&self) -> Error {
        let age = self.age.path.display();
        Error::user(format!("{age} was not made from this hub's ledger, so it is not written to"))
            .because("its fingerprint key is another one: who made it may read it and did not know the secrets")
            .hint(format!(
                "the ledger in the cluster is the right one; make the file anew from it: rm {age}, then {} with \
                 every --recipient",
                self.export("age")
            ))
    }

    /// The command that moves this store.
    pub(super) fn export(&self, to: &str) -> String {
        format!("helm iris secrets export --to {to} -n {}", self.namespace)
    }
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
