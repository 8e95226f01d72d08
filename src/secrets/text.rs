//! The text that every store keeps of a ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SecretKind;
use super::ledger::{Entry, Ledger, Source};
use crate::error::{Error, Result};
use crate::redact::Secret;

/// The version of the ledger's format that this program writes and reads.
const FORMAT: u32 = 1;
const GENERATED: &str = "generated";
const GIVEN: &str = "given by a person";

impl Ledger {
    /// The text that a store keeps. Holds every secret: write it 0600, encrypted or into a Secret,
    /// nowhere else.
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
        if stored.fingerprint_key.is_empty() {
            return Err(broken("it has no fingerprint key"));
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
    #[serde(default)]
    fills: Vec<String>,
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated: Option<Timestamp>,
    provisional: bool,
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    superseded: Vec<String>,
}

impl From<&Entry> for StoredEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            kind: entry.kind,
            purpose: entry.purpose.clone(),
            fills: entry.fills.clone(),
            source: entry.source.to_string(),
            created: entry.created,
            rotated: entry.rotated,
            provisional: entry.provisional,
            value: entry.value.expose().to_owned(),
            previous: entry.previous.as_ref().map(|value| value.expose().to_owned()),
            superseded: entry.superseded.clone(),
        }
    }
}

impl From<StoredEntry> for Entry {
    fn from(stored: StoredEntry) -> Self {
        Self {
            kind: stored.kind,
            purpose: stored.purpose,
            fills: stored.fills,
            source: Source::from(stored.source),
            created: stored.created,
            rotated: stored.rotated,
            provisional: stored.provisional,
            value: Secret::new(stored.value),
            previous: stored.previous.map(Secret::new),
            superseded: stored.superseded,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Generated => GENERATED,
            Self::Given => GIVEN,
            Self::Adopted(origin) => origin,
        })
    }
}

impl From<String> for Source {
    fn from(text: String) -> Self {
        match text.as_str() {
            GENERATED => Self::Generated,
            GIVEN => Self::Given,
            _ => Self::Adopted(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secrets::Need;

    fn full() -> Ledger {
        let mut ledger = Ledger::create().unwrap();
        let need = |name: &str| Need {
            name: name.into(),
            kind: SecretKind::Alnum(16),
            fills: vec!["a:b.c".into()],
            keeps_previous: true,
            ..Need::default()
        };
        ledger.ensure(&[need("a"), need("b")]).unwrap();
        ledger.replace(&need("c"), Source::Adopted("Secret x, key y".into()), Secret::new("first: #1".into()));
        ledger.replace(&need("c"), Source::Given, Secret::new("-----BEGIN\nsecond\n-----END\n".into()));
        ledger.cluster = Some("uid".into());
        ledger
    }

    #[test]
    fn a_text_holds_the_whole_ledger() {
        let ledger = full();
        let again = Ledger::from_text(&ledger.to_text(), "t").unwrap();
        assert_eq!(again, ledger);
        let value = ledger.value("a").unwrap();
        assert_eq!(again.fingerprint(value), ledger.fingerprint(value));
    }

    #[test]
    fn a_damaged_ledger_is_refused_without_showing_it() {
        let (ledger, shown) = (full(), |error: Error| format!("{error:?}"));
        let text = ledger.to_text();
        for cut in 0..text.expose().len() - 1 {
            let error = Ledger::from_text(&Secret::new(text.expose()[..cut].to_owned()), "t").unwrap_err();
            assert!(!shown(error).contains(ledger.value("a").unwrap().expose()));
        }
        let newer = Secret::new(text.expose().replace("format: 1", "format: 2"));
        assert!(Ledger::from_text(&newer, "t").unwrap_err().to_string().contains("newer"));
    }

    #[test]
    fn what_an_older_version_wrote_is_read() {
        let text = "format: 1\nfingerprintKey: aa\ncluster: null\nsecrets:\n  a:\n    kind: hex32\n    purpose: p\n    source: generated\n    provisional: false\n    value: v\ncomplete: true\n";
        let ledger = Ledger::from_text(&Secret::new(text.into()), "t").unwrap();
        assert_eq!(ledger.value("a").unwrap().expose(), "v");
    }

    proptest! {
        /// Whatever people bring comes back as it was.
        #[test]
        fn every_value_round_trips(value in "\\PC{1,40}|[ -~\n\t]{1,60}") {
            let mut ledger = Ledger::create().unwrap();
            let need = Need { name: "a".into(), kind: SecretKind::Text, ..Need::default() };
            ledger.replace(&need, Source::Given, Secret::new(value.clone()));
            let again = Ledger::from_text(&ledger.to_text(), "t").unwrap();
            prop_assert_eq!(again.value("a").unwrap().expose(), value);
        }
    }
}
