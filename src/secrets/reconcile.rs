//! Which secrets hold, where this machine and the cluster know different ones. Pure.
//!
//! What the cluster has, in its ledger or in the charts' own Secrets, replaces what was made here
//! provisionally. Any other difference stops: a wrong guess logs everybody out or loses a database.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Entry, Ledger, Need};
use crate::error::{Error, Result};
use crate::kube::ClusterId;
use crate::problem::Problem;
use crate::redact::Secret;

/// A secret in a chart's own Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name in the ledger.
    pub name: String,
    /// Where it was found, for people: `Secret hub, key hub.db.password`.
    pub origin: String,
    /// The secret.
    pub value: Secret,
}

/// All that is known about a hub's secrets.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'s> {
    /// What the bundle needs.
    pub needs: &'s [Need],
    /// The ledger of this machine; it has every need, if only provisionally.
    pub local: &'s Ledger,
    /// Where that ledger is kept, for messages.
    pub local_path: &'s str,
    /// The ledger in the cluster.
    pub cluster: Option<&'s Ledger>,
    /// What the charts' own Secrets hold.
    pub found: &'s [Found],
    /// Which cluster it is.
    pub id: &'s ClusterId,
    /// The hub's namespace, for messages.
    pub namespace: &'s str,
}

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

/// The secrets that hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// The ledger to use, and to keep in both places.
    pub ledger: Ledger,
    /// What to say about it.
    pub notes: Vec<Note>,
    /// Secrets that no cluster knows yet.
    pub fresh: BTreeSet<String>,
    /// Whether the cluster's copy differs from it.
    pub cluster_differs: bool,
    /// Whether this machine's copy differs from it.
    pub local_differs: bool,
}

/// Decides which secrets hold.
///
/// # Errors
/// A store of another cluster, secrets that differ, or values that cannot serve; all at once, and
/// shown by fingerprints alone.
pub fn reconcile(sources: &Sources<'_>) -> Result<Reconciled> {
    right_cluster(sources)?;
    let mut ledger = sources.cluster.unwrap_or(sources.local).clone();
    let mut tally = Tally::default();
    let mut problems = Vec::new();
    for (name, need) in all_names(sources) {
        match settle(sources, &name, need) {
            Ok(Settled { how: How::Unused, .. }) => {
                ledger.entries.remove(&name);
            }
            Ok(Settled { entry, how }) => {
                tally.count(&name, &entry, how);
                ledger.entries.insert(name, entry);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Error::problems("the secrets of this hub differ between the places that keep them", problems)
            .hint("nothing was changed; a secret is never overwritten by a guess"));
    }
    let moved = sources.cluster.and_then(bound_to).is_some_and(|id| id.contradicts(sources.id));
    ledger.cluster = Some(best_id(&ledger, sources.id, moved).to_string());
    let cluster_differs = sources.cluster != Some(&ledger);
    let local_differs = sources.local != &ledger;
    Ok(Reconciled { notes: tally.notes(moved), fresh: tally.new, ledger, cluster_differs, local_differs })
}

fn bound_to(ledger: &Ledger) -> Option<ClusterId> {
    ledger.cluster.as_deref().map(ClusterId::parse)
}

/// A UID that is known stays, where we may now see no more than an address.
fn best_id(ledger: &Ledger, id: &ClusterId, moved: bool) -> ClusterId {
    match (bound_to(ledger), id) {
        (Some(known @ ClusterId::Uid(_)), ClusterId::Address(_)) if !moved => known,
        _ => id.clone(),
    }
}

fn right_cluster(sources: &Sources<'_>) -> Result<()> {
    match bound_to(sources.local) {
        Some(bound) if bound.contradicts(sources.id) => {
            Err(Error::user(format!("{} holds the secrets of a hub in another cluster", sources.local_path))
                .because(format!("it is bound to {bound}, this cluster is {}", sources.id))
                .hint("if this is the wrong cluster: choose the right one with --kube-context")
                .hint(format!(
                    "if the old cluster is gone, or this is a second hub: move {} away, or work in another folder",
                    sources.local_path
                )))
        }
        _ => Ok(()),
    }
}

/// Every name that any place knows, with the need for it if there is one.
fn all_names<'s>(sources: &Sources<'s>) -> BTreeMap<String, Option<&'s Need>> {
    let known = sources.cluster.into_iter().chain([sources.local]).flat_map(|ledger| ledger.entries.keys());
    let mut names: BTreeMap<String, Option<&Need>> = known.map(|name| (name.clone(), None)).collect();
    names.extend(sources.needs.iter().map(|need| (need.name.clone(), Some(need))));
    names
}

/// How a secret's value was decided.
#[derive(Clone, Copy)]
enum How {
    AsItWas,
    New,
    Adopted,
    FromCluster,
    Restored,
    /// Of no use to this bundle, kept for others.
    Bystander,
    /// Of no use to anything.
    Unused,
}

struct Settled {
    entry: Entry,
    how: How,
}

fn settle(sources: &Sources<'_>, name: &str, need: Option<&Need>) -> Result<Settled, Problem> {
    let in_cluster = sources.cluster.and_then(|ledger| ledger.entries.get(name));
    let here = sources.local.entries.get(name);
    let firm_here = here.filter(|entry| !entry.provisional);
    let mut sides: Vec<(String, &Secret)> = Vec::new();
    sides.extend(in_cluster.map(|entry| ("the ledger in the cluster".to_owned(), &entry.value)));
    sides.extend(
        sources.found.iter().filter(|found| found.name == name).map(|found| (found.origin.clone(), &found.value)),
    );
    sides.extend(firm_here.map(|entry| (sources.local_path.to_owned(), &entry.value)));
    if sides.iter().any(|(_, value)| *value != sides[0].1) {
        return Err(difference(sources, name, &sides));
    }
    let replaced = here.is_none_or(|here| sides.first().is_some_and(|(_, value)| **value != here.value));
    let (mut entry, how) = match (in_cluster, sides.first(), here) {
        (Some(entry), ..) => (entry.clone(), if replaced { How::FromCluster } else { How::AsItWas }),
        (None, Some((origin, value)), _) if firm_here.is_none() => (adopted(origin, value, here, need), How::Adopted),
        (None, _, Some(here)) => (here.clone(), if here.provisional { How::New } else { How::Restored }),
        _ => return Err(unknown(sources, name)),
    };
    let Some(need) = need else {
        // What was made here and no bundle of this hub uses need not be kept anywhere.
        let how = if entry.provisional && in_cluster.is_none() { How::Unused } else { How::Bystander };
        return Ok(Settled { entry, how });
    };
    if !need.kind.accepts(entry.value.expose()) {
        return Err(unfit(sources, need, sides.first().map_or("this machine", |(origin, _)| origin)));
    }
    entry.provisional = false;
    Ok(Settled { entry, how })
}

fn adopted(origin: &str, value: &Secret, here: Option<&Entry>, need: Option<&Need>) -> Entry {
    Entry {
        kind: need.map(|need| need.kind).or_else(|| here.map(|here| here.kind)).unwrap_or_default(),
        purpose: need
            .map(|need| need.purpose.clone())
            .or_else(|| here.map(|here| here.purpose.clone()))
            .unwrap_or_default(),
        source: origin.to_owned(),
        provisional: false,
        value: value.clone(),
    }
}

fn difference(sources: &Sources<'_>, name: &str, sides: &[(String, &Secret)]) -> Problem {
    // One key for all, so that equal ones look equal.
    let key = sources.cluster.unwrap_or(sources.local);
    let shown: Vec<_> = sides.iter().map(|(origin, value)| format!("{} in {origin}", key.fingerprint(value))).collect();
    let here = sides.last().filter(|(origin, _)| origin == sources.local_path);
    let only_here = here.is_some_and(|(_, here)| {
        sides[..sides.len() - 1].iter().all(|(_, value)| *value != *here && *value == sides[0].1)
    });
    let fix = if only_here {
        format!(
            "what the cluster has is in use: move {} away and run this again, and it is taken over",
            sources.local_path
        )
    } else {
        format!(
            "it was changed by hand in one place; make them equal again: kubectl edit secret -n {}",
            sources.namespace
        )
    };
    Problem::error(format!("secret {name}"), None, format!("fingerprints differ: {}", shown.join("; "))).fix(fix)
}

fn unfit(sources: &Sources<'_>, need: &Need, origin: &str) -> Problem {
    let message = format!("the value in {origin} cannot serve as {} ({})", need.kind, need.purpose);
    Problem::error(format!("secret {}", need.name), None, message).fix(format!(
        "replace it by one that can, in every place that uses it: kubectl get secrets -n {}",
        sources.namespace
    ))
}

fn unknown(sources: &Sources<'_>, name: &str) -> Problem {
    Problem::error(format!("secret {name}"), None, "no place knows it")
        .fix(format!("render the bundle again, so that {} gets it", sources.local_path))
}

#[derive(Default)]
struct Tally {
    new: BTreeSet<String>,
    adopted: Vec<Note>,
    from_cluster: Vec<String>,
    restored: Vec<String>,
}

impl Tally {
    fn count(&mut self, name: &str, entry: &Entry, how: How) {
        match how {
            How::New => {
                self.new.insert(name.to_owned());
            }
            How::Adopted => self.adopted.push(Note::Adopted { name: name.to_owned(), origin: entry.source.clone() }),
            How::FromCluster => self.from_cluster.push(name.to_owned()),
            How::Restored => self.restored.push(name.to_owned()),
            How::AsItWas | How::Bystander | How::Unused => {}
        }
    }

    fn notes(&self, moved: bool) -> Vec<Note> {
        let listed = |names: Vec<String>, note: fn(Vec<String>) -> Note| (!names.is_empty()).then(|| note(names));
        let mut notes = self.adopted.clone();
        notes.extend(listed(self.from_cluster.clone(), |names| Note::FromCluster { names }));
        notes.extend(listed(self.restored.clone(), |names| Note::Restored { names }));
        notes.extend(listed(self.new.iter().cloned().collect(), |names| Note::New { names }));
        notes.extend(moved.then_some(Note::Moved));
        notes
    }
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
