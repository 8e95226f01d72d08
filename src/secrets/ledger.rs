//! Typed secrets by name, with fingerprints that tell nothing about them.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::SecretKind;
use crate::error::{Error, Result};
use crate::redact::Secret;

/// The version of the ledger's format that this program writes and reads.
const FORMAT: u32 = 1;

/// A secret that a hub's charts need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Name in the ledger.
    pub name: String,
    /// What it looks like.
    pub kind: SecretKind,
    /// What it is for.
    pub purpose: String,
}

/// One secret of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it looks like.
    pub kind: SecretKind,
    /// What it is for.
    pub purpose: String,
    /// Where it came from: `generated`, or the Secret and key it was adopted from.
    pub source: String,
    /// True until a cluster has it; a provisional secret yields to what a cluster holds.
    pub provisional: bool,
    /// The secret itself.
    pub value: Secret,
}

/// The secrets of one hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The key of the fingerprints.
    key: Secret,
    /// UID of `kube-system` of the cluster that the hub was installed to.
    pub cluster: Option<String>,
    /// The secrets by name.
    pub entries: BTreeMap<String, Entry>,
}

impl Ledger {
    /// An empty ledger with a new fingerprint key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn create() -> Result<Self> {
        Ok(Self { key: SecretKind::Hex32.generate()?, cluster: None, entries: BTreeMap::new() })
    }

    /// Makes what is needed and missing, provisionally; tells whether anything was made.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn ensure(&mut self, needs: &[Need]) -> Result<bool> {
        let mut made = false;
        for need in needs {
            if !self.entries.contains_key(&need.name) {
                let entry = Entry {
                    kind: need.kind,
                    purpose: need.purpose.clone(),
                    source: "generated".to_owned(),
                    provisional: true,
                    value: need.kind.generate()?,
                };
                self.entries.insert(need.name.clone(), entry);
                made = true;
            }
        }
        Ok(made)
    }

    /// The value of a secret.
    pub fn value(&self, name: &str) -> Option<&Secret> {
        self.entries.get(name).map(|entry| &entry.value)
    }

    /// The keyed fingerprint of a value: equal for equal values under one ledger, else telling nothing.
    pub fn fingerprint(&self, value: &Secret) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.expose().as_bytes()) else {
            return String::new();
        };
        mac.update(value.expose().as_bytes());
        let digest = mac.finalize().into_bytes();
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The text that a store keeps. Holds every secret: write it 0600 or into a Secret, nowhere else.
    pub fn to_text(&self) -> Secret {
        let stored = Stored {
            format: FORMAT,
            fingerprint_key: self.key.expose().to_owned(),
            cluster: self.cluster.clone(),
            secrets: self.entries.iter().map(|(name, entry)| (name.clone(), StoredEntry::from(entry))).collect(),
            complete: true,
        };
        Secret::new(serde_yaml::to_string(&stored).unwrap_or_default())
    }

    /// Reads what [`Self::to_text`] wrote; `origin` names the store in errors.
    ///
    /// # Errors
    /// A text that is no ledger, or of a newer format. The text itself is never shown.
    pub fn from_text(text: &Secret, origin: &str) -> Result<Self> {
        let broken = |why: &str| {
            Error::user(format!("{origin} is not a ledger that this version can read"))
                .because(why)
                .hint("restore it from a backup; do not delete it while a hub uses it: its secrets would be lost")
        };
        // The parser's own message could quote a secret, so it is not passed on.
        let stored: Result<Stored, _> = serde_yaml::from_str(text.expose());
        let format = if let Ok(stored) = &stored {
            stored.format
        } else {
            // A newer format may have other fields; then that is what is wrong.
            let format: Format =
                serde_yaml::from_str(text.expose()).map_err(|_| broken("no format number, truncated or damaged"))?;
            format.format
        };
        if format > FORMAT {
            return Err(Error::user(format!("{origin} is not a ledger that this version can read"))
                .because(format!("its format, {format}, is newer than {FORMAT}"))
                .hint("helm plugin update iris"));
        }
        let stored = stored.map_err(|_| broken("damaged or incomplete"))?;
        if !stored.complete {
            return Err(broken("its end is missing"));
        }
        let entries: BTreeMap<_, _> =
            stored.secrets.into_iter().map(|(name, entry)| (name, Entry::from(entry))).collect();
        if let Some((name, _)) = entries.iter().find(|(_, entry)| entry.value.expose().is_empty()) {
            return Err(broken(&format!("the secret `{name}` is empty")));
        }
        Ok(Self { key: Secret::new(stored.fingerprint_key), cluster: stored.cluster, entries })
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    format: u32,
    fingerprint_key: String,
    cluster: Option<String>,
    secrets: BTreeMap<String, StoredEntry>,
    /// The last line: a text that was cut off does not have it, and must not pass for one with
    /// fewer secrets.
    complete: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredEntry {
    kind: SecretKind,
    purpose: String,
    source: String,
    provisional: bool,
    value: String,
}

impl From<&Entry> for StoredEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            kind: entry.kind,
            purpose: entry.purpose.clone(),
            source: entry.source.clone(),
            provisional: entry.provisional,
            value: entry.value.expose().to_owned(),
        }
    }
}

impl From<StoredEntry> for Entry {
    fn from(stored: StoredEntry) -> Self {
        Self {
            kind: stored.kind,
            purpose: stored.purpose,
            source: stored.source,
            provisional: stored.provisional,
            value: Secret::new(stored.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(name: &str) -> Need {
        Need { name: name.to_owned(), kind: SecretKind::Alnum(16), purpose: "test".to_owned() }
    }

    #[test]
    fn made_once_and_kept() {
        let mut ledger = Ledger::create().unwrap();
        assert!(ledger.ensure(&[need("a")]).unwrap());
        let first = ledger.value("a").unwrap().clone();
        assert!(ledger.ensure(&[need("a"), need("b")]).unwrap());
        assert!(!ledger.ensure(&[need("a"), need("b")]).unwrap());
        assert_eq!(ledger.value("a"), Some(&first));
        let again = Ledger::from_text(&ledger.to_text(), "t").unwrap();
        assert_eq!(again, ledger);
        assert_eq!(again.fingerprint(&first), ledger.fingerprint(&first));
        assert_ne!(Ledger::create().unwrap().fingerprint(&first), ledger.fingerprint(&first));
    }

    #[test]
    fn a_damaged_ledger_is_refused_without_showing_it() {
        let mut ledger = Ledger::create().unwrap();
        ledger.ensure(&[need("a")]).unwrap();
        let text = ledger.to_text();
        for cut in 0..text.expose().len() - 1 {
            let error = Ledger::from_text(&Secret::new(text.expose()[..cut].to_owned()), "t").unwrap_err();
            assert!(!format!("{error:?}").contains(ledger.value("a").unwrap().expose()));
        }
        let newer = Secret::new(text.expose().replace("format: 1", "format: 2"));
        assert!(Ledger::from_text(&newer, "t").unwrap_err().to_string().contains("newer"));
    }
}
