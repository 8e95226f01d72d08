//! Which secrets hold, where this machine and the cluster know different ones. Pure.
//!
//! What the cluster has, in its ledger or in the charts' own Secrets, replaces what was made here
//! provisionally. A value that a ledger knows to have replaced yields to the one that replaced it.
//! Any other difference stops until a person decides: a wrong guess logs everybody out or loses a
//! database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::notes::{Note, Tally};
use super::settle::{How, Settled, Unsettled, Why, settle, unknown_decisions};
use super::{Ledger, Need};
use crate::error::{Error, Result};
use crate::kube::ClusterId;
use crate::problem::Problem;
use crate::redact::Secret;

/// A secret in a chart's own Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name in the ledger.
    pub name: String,
    /// Where it was found, as `<Secret>:<key>`, or `<namespace>/<Secret>` for another hub's ledger.
    pub place: String,
    /// That other hub's ledger.
    pub ledger: Option<Arc<Ledger>>,
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
    /// Ledgers of other namespaces that may not be read, by secret: it must not be made anew then.
    pub unshared: &'s BTreeMap<String, Error>,
    /// Which cluster it is.
    pub id: &'s ClusterId,
    /// The chart that is installed, for messages.
    pub chart: &'s str,
    /// The hub's namespace, for messages.
    pub namespace: &'s str,
    /// What a person decided where places differ: the place whose value holds, by secret.
    pub take: &'s BTreeMap<String, String>,
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

impl Reconciled {
    /// The ledger for the cluster and for this machine where nothing is installed yet: what no
    /// cluster knows stays provisional, and here.
    pub fn without_fresh(&self) -> (Ledger, Ledger) {
        let (mut cluster, mut local) = (self.ledger.clone(), self.ledger.clone());
        cluster.entries.retain(|name, _| !self.fresh.contains(name));
        for (_, entry) in local.entries.iter_mut().filter(|(name, _)| self.fresh.contains(*name)) {
            entry.provisional = true;
        }
        (cluster, local)
    }
}

/// Decides which secrets hold.
///
/// # Errors
/// A store of another cluster, or secrets that differ; all at once, and shown by fingerprints alone.
pub fn reconcile(sources: &Sources<'_>) -> Result<Reconciled> {
    right_cluster(sources.local, sources.local_path, sources.id)?;
    let mut ledger = sources.cluster.unwrap_or(sources.local).clone();
    let mut tally = Tally::default();
    let unknown = unknown_decisions(sources).into_iter();
    let mut unsettled: Vec<Unsettled> = unknown.map(|problem| (Why::NoSuchPlace, problem)).collect();
    for (name, need) in all_names(sources) {
        match settle(sources, &ledger, &name, need) {
            Ok(Settled { how: How::Unused, .. }) => {
                ledger.entries.remove(&name);
            }
            Ok(Settled { entry, how }) => {
                ledger.entries.insert(name.clone(), entry);
                tally.count(&ledger, &name, need, how);
            }
            Err(problem) => unsettled.push(problem),
        }
    }
    if let Some(why) = unsettled.iter().map(|(why, _)| *why).max() {
        return Err(refusal(why, unsettled.into_iter().map(|(_, problem)| problem).collect()));
    }
    if let Some(error) = sources.unshared.iter().find_map(|(name, error)| tally.new.contains(name).then_some(error)) {
        return Err(error.clone());
    }
    let moved = sources.cluster.and_then(bound_to).is_some_and(|id| id.contradicts(sources.id));
    ledger.cluster = Some(best_id(&ledger, sources.id, moved).to_string());
    let cluster_differs = sources.cluster != Some(&ledger);
    let local_differs = sources.local != &ledger;
    Ok(Reconciled { notes: tally.notes(moved), fresh: tally.new, ledger, cluster_differs, local_differs })
}

fn refusal(why: Why, problems: Vec<Problem>) -> Error {
    match why {
        Why::Differs => Error::problems("the secrets of this hub differ between the places that keep them", problems)
            .hint("nothing was changed; a secret is never overwritten by a guess"),
        Why::NoSuchPlace => Error::problems("--take names what is not there", problems).hint("nothing was changed"),
        Why::Unknown => {
            Error::problems("the hub needs secrets that are known nowhere", problems).hint("nothing was changed")
        }
    }
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

/// Refuses the ledger of another cluster than the one with this identity.
///
/// # Errors
/// Where they are surely different.
pub fn right_cluster(local: &Ledger, path: &str, id: &ClusterId) -> Result<()> {
    match bound_to(local) {
        Some(bound) if bound.contradicts(id) => {
            Err(Error::user(format!("{path} holds the secrets of a hub in another cluster"))
                .because(format!("it is bound to {bound}, this cluster is {id}"))
                .hint("if this is the wrong cluster: choose the right one with --kube-context")
                .hint(format!(
                    "if the old cluster is gone, or this is a second hub: move {path} away, or work in another folder"
                )))
        }
        _ => Ok(()),
    }
}

/// Every name that any place knows, with the need for it if there is one.
pub(super) fn all_names<'s>(sources: &Sources<'s>) -> BTreeMap<String, Option<&'s Need>> {
    let known = sources.cluster.into_iter().chain([sources.local]).flat_map(|ledger| ledger.entries.keys());
    let mut names: BTreeMap<String, Option<&Need>> = known.map(|name| (name.clone(), None)).collect();
    names.extend(sources.needs.iter().map(|need| (need.name.clone(), Some(need))));
    names
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
