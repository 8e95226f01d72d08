//! The ledger as a file that is encrypted with age: it may be committed, and several people can read it.

mod confirmed;
mod identity;
mod recipients;

use std::io::{Read, Write};
use std::path::PathBuf;

use ::age::armor::{ArmoredReader, ArmoredWriter, Format};
use ::age::{DecryptError, Decryptor, Encryptor};
use secrecy::zeroize::Zeroizing;

pub(super) use confirmed::Confirmed;
pub use identity::IdentityFile;
use identity::Keys;
pub use recipients::Recipients;

use super::Ledger;
use crate::error::{Error, Result};
use crate::fs::{self, Access};
use crate::redact::Secret;

/// A ledger is smaller than 1 MiB; encrypted and in letters it grows by a third.
const MAX_SIZE: u64 = 2 * 1024 * 1024;
/// What stands above the recipients. They are inside, so that they are changed only by who can read them.
const HEAD: &str = "# These can read this file; changed by `helm iris secrets export --to age`\n";

/// The ledger's encrypted file.
#[derive(Debug, Clone)]
pub(super) struct AgeFile {
    pub(super) path: PathBuf,
    pub(super) identity: IdentityFile,
}

/// What is encrypted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) ledger: Ledger,
    pub(super) recipients: Recipients,
}

impl AgeFile {
    /// Reads the file, if there is one.
    pub(super) fn read(&self) -> Result<Option<Contents>> {
        if !fs::exists(&self.path)? {
            return Ok(None);
        }
        let bytes = fs::read_limited(&self.path, MAX_SIZE)?;
        self.open(&bytes, &self.identity.read(&self.path)?).map(Some)
    }

    /// Writes the file, if we can read it afterwards.
    pub(super) fn write(&self, contents: &Contents) -> Result<()> {
        let keys = self.require_readable(&contents.recipients)?;
        let bytes = seal(contents)?;
        if self.open(&bytes, &keys)? != *contents {
            return Err(Error::bug(format!("{} would not say what it must", self.path.display())));
        }
        fs::write_durable(&self.path, &bytes, Access::Shared)
    }

    /// The keys with which a file for these recipients could be read; refused where there is none.
    pub(super) fn require_readable(&self, recipients: &Recipients) -> Result<Keys> {
        let keys = self.identity.read(&self.path)?;
        if recipients.overlaps(&keys.recipients()) { Ok(keys) } else { Err(self.locked_out(recipients, &keys)) }
    }

    fn open(&self, bytes: &[u8], keys: &Keys) -> Result<Contents> {
        let text = decrypt(bytes, keys).map_err(|error| self.refused(&error, bytes, keys))?;
        let text = String::from_utf8(text).map_err(|_| self.damaged("it does not hold text"))?;
        let text = Secret::new(text);
        let recipients = Recipients::from_head(text.expose());
        let recipients = recipients.ok_or_else(|| self.damaged("a line `# recipient` in it is not right"))?;
        Ok(Contents { ledger: Ledger::from_text(&text, &self.path.display().to_string())?, recipients })
    }

    fn refused(&self, error: &DecryptError, bytes: &[u8], keys: &Keys) -> Error {
        let (path, identity) = (self.path.display(), keys.path().display());
        match error {
            DecryptError::NoMatchingKeys => Error::user(format!("{path} cannot be decrypted with your age identity"))
                .because(format!("it is encrypted to others than {identity}"))
                .hint("if you have another identity, name it in HELM_IRIS_AGE_IDENTITY")
                .hint(format!(
                    "else somebody who can read it encrypts it to all of you again: helm iris secrets export --to \
                     age, with every recipient, and with yours: {}",
                    keys.recipients()
                )),
            _ if !bytes.trim_ascii_start().starts_with(b"-----BEGIN AGE") && !bytes.starts_with(b"age-encryption") => {
                self.damaged("it is not encrypted with age")
            }
            _ => self.damaged("it was cut off or changed"),
        }
    }

    fn damaged(&self, why: &str) -> Error {
        Error::user(format!("{} is damaged", self.path.display()))
            .because(why)
            .hint("take it from git as it was committed; after a merge, take one side whole. Do not delete it while a hub uses it")
    }

    fn locked_out(&self, recipients: &Recipients, keys: &Keys) -> Error {
        let why = match recipients.len() {
            0 => "it does not say to whom it is encrypted".to_owned(),
            many => format!("it would be encrypted to {}, none of which is yours", count(many, "recipient")),
        };
        Error::user(format!("you could not read {} any more", self.path.display()))
            .because(why)
            .hint(format!("name all recipients, and your own: {}", keys.recipients()))
    }
}

/// `1 recipient`, `2 recipients`.
fn count(many: usize, what: &str) -> String {
    format!("{many} {what}{}", if many == 1 { "" } else { "s" })
}

fn seal(contents: &Contents) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Error::bug("cannot encrypt").because(error);
    let text = Zeroizing::new(format!("{HEAD}{}{}", contents.recipients.head(), contents.ledger.to_text().expose()));
    let encryptor = Encryptor::with_recipients(contents.recipients.each()).map_err(|error| failed(&error))?;
    let write = || {
        let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(text.as_bytes())?;
        writer.finish()?.finish()
    };
    write().map_err(|error: std::io::Error| failed(&error))
}

fn decrypt(bytes: &[u8], keys: &Keys) -> Result<Vec<u8>, DecryptError> {
    let mut reader = Decryptor::new_buffered(ArmoredReader::new(bytes))?.decrypt(keys.each())?;
    // As large as it can get, so that no copy is left behind when it grows.
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len()));
    reader.read_to_end(&mut text)?;
    Ok(std::mem::take(&mut *text))
}

#[cfg(test)]
mod tests;
