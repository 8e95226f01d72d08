//! Typed secrets by name, with fingerprints that tell nothing about them.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use jiff::{Timestamp, Unit};
use sha2::Sha256;

use super::SecretKind;
use crate::error::Result;
use crate::redact::Secret;

/// How many replaced values an entry remembers the fingerprints of. Older stores than that are not
/// recognised as older.
const MAX_SUPERSEDED: usize = 32;

/// A secret that a hub's charts need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// Name in the ledger.
    pub name: String,
    /// What it looks like.
    pub kind: SecretKind,
    /// What it is for.
    pub purpose: String,
    /// `<chart>:<value path>` for each place that it fills.
    pub fills: Vec<String>,
    /// The namespace whose ledger has the same secret.
    pub shared_with: Option<String>,
    /// The least characters of a value that a person brings, where that is not the kind's.
    pub min_length: Option<usize>,
    /// What it means for people when it is replaced.
    pub replacing: String,
    /// Whether a new value goes in front of the old ones, joined by `;`, because those still open what
    /// they closed.
    pub prepend: bool,
    /// Whether the value before stays in use for a while, because two sides cannot change at once.
    pub keeps_previous: bool,
}

/// Where a secret came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Made here.
    Generated,
    /// Brought by a person with `secrets set`.
    Given,
    /// Taken over from what a hub used already: where it was found.
    Adopted(String),
}

/// One secret of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it looks like.
    pub kind: SecretKind,
    /// What it is for.
    pub purpose: String,
    /// `<chart>:<value path>` for each place that it fills.
    pub fills: Vec<String>,
    /// Where it came from.
    pub source: Source,
    /// When it was made or brought; unknown for one that was taken over.
    pub created: Option<Timestamp>,
    /// When its value was last replaced.
    pub rotated: Option<Timestamp>,
    /// True until a cluster has it; a provisional secret yields to what a cluster holds.
    pub provisional: bool,
    /// The secret itself.
    pub value: Secret,
    /// The value before, where that stays in use for a while.
    pub previous: Option<Secret>,
    /// Fingerprints of the values before, oldest first: who still has one of those has an old one.
    pub superseded: Vec<String>,
}

/// The secrets of one hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The key of the fingerprints.
    pub(super) key: Secret,
    /// UID of `kube-system` of the cluster that the hub was installed to.
    pub cluster: Option<String>,
    /// The secrets by name.
    pub entries: BTreeMap<String, Entry>,
}

impl Entry {
    /// An entry for a need, provisional and made now.
    pub fn new(need: &Need, source: Source, value: Secret) -> Self {
        Self {
            kind: need.kind,
            purpose: need.purpose.clone(),
            fills: need.fills.clone(),
            created: (!matches!(source, Source::Adopted(_))).then(now),
            source,
            rotated: None,
            provisional: true,
            value,
            previous: None,
            superseded: Vec::new(),
        }
    }

    /// Takes over what the charts say about a secret today.
    pub fn describe(&mut self, need: &Need) {
        self.kind = need.kind;
        self.purpose.clone_from(&need.purpose);
        self.fills.clone_from(&need.fills);
    }
}

/// The time, in whole seconds.
fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Second).unwrap_or(now)
}

impl Ledger {
    /// An empty ledger with a new fingerprint key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn create() -> Result<Self> {
        Ok(Self { key: SecretKind::Hex32.generate()?, cluster: None, entries: BTreeMap::new() })
    }

    /// Makes what is needed, missing and can be made, provisionally.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn ensure(&mut self, needs: &[Need]) -> Result<()> {
        for need in needs.iter().filter(|need| need.kind.can_be_made()) {
            if !self.entries.contains_key(&need.name) {
                let entry = Entry::new(need, Source::Generated, need.kind.generate()?);
                self.entries.insert(need.name.clone(), entry);
            }
        }
        Ok(())
    }

    /// Replaces a value by another that a person wants; that of an entry that is in use is remembered.
    ///
    /// A value that is there already, and in use, changes nothing.
    pub fn replace(&mut self, need: &Need, source: Source, value: Secret) {
        let old = match self.entries.get(&need.name) {
            Some(old) if !old.provisional => old.clone(),
            _ => {
                let entry = Entry { provisional: false, ..Entry::new(need, source, value) };
                self.entries.insert(need.name.clone(), entry);
                return;
            }
        };
        if old.value == value || (need.prepend && old.value.expose().split(';').any(|key| key == value.expose())) {
            return;
        }
        let value =
            if need.prepend { Secret::new(format!("{};{}", value.expose(), old.value.expose())) } else { value };
        let fingerprint = self.fingerprint(&old.value);
        let mut superseded = old.superseded;
        superseded.push(fingerprint);
        superseded.drain(..superseded.len().saturating_sub(MAX_SUPERSEDED));
        let entry = Entry {
            created: old.created,
            rotated: Some(now()),
            provisional: false,
            previous: need.keeps_previous.then_some(old.value),
            superseded,
            ..Entry::new(need, source, value)
        };
        self.entries.insert(need.name.clone(), entry);
    }

    /// Whether this ledger knows a value as an old one of a secret.
    pub fn has_replaced(&self, name: &str, value: &Secret) -> bool {
        let fingerprint = self.fingerprint(value);
        self.entries.get(name).is_some_and(|entry| entry.value != *value && entry.superseded.contains(&fingerprint))
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(name: &str) -> Need {
        Need { name: name.to_owned(), kind: SecretKind::Alnum(16), ..Need::default() }
    }

    #[test]
    fn made_once_and_kept() {
        let mut ledger = Ledger::create().unwrap();
        ledger.ensure(&[need("a")]).unwrap();
        let first = ledger.value("a").unwrap().clone();
        ledger.ensure(&[need("a"), need("b")]).unwrap();
        assert_eq!(ledger.value("a"), Some(&first));
        assert!(ledger.entries["b"].provisional && ledger.entries["b"].created.is_some());
        assert_ne!(Ledger::create().unwrap().fingerprint(&first), ledger.fingerprint(&first));
    }

    #[test]
    fn what_people_bring_is_never_made() {
        let mut ledger = Ledger::create().unwrap();
        ledger.ensure(&[Need { kind: SecretKind::Text, ..need("a") }]).unwrap();
        assert!(ledger.entries.is_empty());
    }

    #[test]
    fn a_replaced_value_is_remembered_by_its_fingerprint_alone() {
        let mut ledger = Ledger::create().unwrap();
        let values: Vec<Secret> = (0..MAX_SUPERSEDED + 3).map(|n| Secret::new(format!("value-{n}-long"))).collect();
        for value in &values {
            ledger.replace(&need("a"), Source::Given, value.clone());
        }
        let (last, before) = values.split_last().unwrap();
        assert_eq!(ledger.value("a"), Some(last));
        assert!(!ledger.has_replaced("a", last));
        assert!(before[3..].iter().all(|old| ledger.has_replaced("a", old)));
        assert!(!ledger.has_replaced("a", &before[0]), "too long ago");
        assert_eq!(ledger.entries["a"].previous, None);
        assert!(!ledger.to_text().expose().contains("value-3-long"));
        let keeps = Need { keeps_previous: true, ..need("a") };
        ledger.replace(&keeps, Source::Generated, Secret::new("new-value".into()));
        assert_eq!(ledger.entries["a"].previous.as_ref(), Some(last));
    }

    #[test]
    fn keys_are_put_before_the_old_ones() {
        let mut ledger = Ledger::create().unwrap();
        let need = Need { prepend: true, ..need("a") };
        for key in ["one", "two", "two", "three", "one"] {
            ledger.replace(&need, Source::Given, Secret::new(key.into()));
        }
        assert_eq!(ledger.value("a").unwrap().expose(), "three;two;one");
        assert!(ledger.has_replaced("a", &Secret::new("two;one".into())));
    }

    #[test]
    fn a_provisional_value_leaves_no_trace() {
        let mut ledger = Ledger::create().unwrap();
        ledger.ensure(&[need("a")]).unwrap();
        ledger.replace(&need("a"), Source::Given, Secret::new("mine-and-long".into()));
        let entry = &ledger.entries["a"];
        assert!(entry.superseded.is_empty() && !entry.provisional && entry.rotated.is_none());
    }
}
