//! What to tell about the secrets that hold.

use std::collections::BTreeSet;

use serde::Serialize;

use super::settle::How;
use super::{Ledger, Need, weaknesses};

/// What a reader of the plan should know about the secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Note {
    /// Made for this hub and in no cluster yet.
    New {
        /// The secrets' names.
        names: Vec<String>,
    },
    /// Taken over from what the cluster has.
    Adopted {
        /// The secret's name.
        name: String,
        /// Where it was found.
        origin: String,
    },
    /// In use already, and not what one would choose.
    Weak {
        /// The secret's name.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// Brought by a person and in no cluster yet.
    Given {
        /// The secrets' names.
        names: Vec<String>,
    },
    /// Replaced here, while the hub still uses the value before.
    Replaced {
        /// The secret's name.
        name: String,
        /// What that means for people.
        means: String,
    },
    /// The cluster's ledger replaces what was made here provisionally.
    FromCluster {
        /// The secrets' names.
        names: Vec<String>,
    },
    /// Known here and no more in the cluster, e.g. after its namespace was deleted.
    Restored {
        /// The secrets' names.
        names: Vec<String>,
    },
    /// The ledger came to this cluster from another one, e.g. by a backup.
    Moved,
}

impl Note {
    /// The secret that is replaced, if that is what it says.
    pub fn replaced(&self) -> Option<&str> {
        match self {
            Self::Replaced { name, .. } => Some(name),
            _ => None,
        }
    }
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) new: BTreeSet<String>,
    about_one: Vec<Note>,
    given: Vec<String>,
    from_cluster: Vec<String>,
    restored: Vec<String>,
}

impl Tally {
    pub(super) fn count(&mut self, ledger: &Ledger, name: &str, need: Option<&Need>, how: How) {
        let owned = name.to_owned();
        match how {
            How::New => {
                self.new.insert(owned);
            }
            How::Given => self.given.push(owned),
            How::FromCluster => self.from_cluster.push(owned),
            How::Restored => self.restored.push(owned),
            How::Replaced => {
                let means = need.map(|need| need.replacing.clone()).unwrap_or_default();
                self.about_one.push(Note::Replaced { name: owned, means });
            }
            How::Adopted => self.adopted(ledger, name, need),
            How::AsItWas | How::Unused => {}
        }
    }

    fn adopted(&mut self, ledger: &Ledger, name: &str, need: Option<&Need>) {
        let Some(entry) = ledger.entries.get(name) else { return };
        self.about_one.push(Note::Adopted { name: name.to_owned(), origin: entry.source.to_string() });
        let weak = need.and_then(|need| weaknesses(need, &entry.value, ledger).into_iter().next());
        self.about_one.extend(weak.map(|weak| Note::Weak { name: name.to_owned(), what: weak.what }));
    }

    pub(super) fn notes(&self, moved: bool) -> Vec<Note> {
        let listed = |names: Vec<String>, note: fn(Vec<String>) -> Note| (!names.is_empty()).then(|| note(names));
        let mut notes = self.about_one.clone();
        notes.extend(listed(self.from_cluster.clone(), |names| Note::FromCluster { names }));
        notes.extend(listed(self.restored.clone(), |names| Note::Restored { names }));
        notes.extend(listed(self.given.clone(), |names| Note::Given { names }));
        notes.extend(listed(self.new.iter().cloned().collect(), |names| Note::New { names }));
        notes.extend(moved.then_some(Note::Moved));
        notes
    }
}
