//! Helm's releases of a hub, and of what all hubs share.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;

use super::expected::Expected;
use crate::apply::{self, Workload};
use crate::bundle::Bundle;
use crate::chart::CLUSTER_NAMESPACE;
use crate::chart::release::Scope;
use crate::error::{Error, Result};
use crate::helm::chart_digest_of;
use crate::kube::Cluster;
use crate::lease::Seen;
use crate::observe::{self, ReleaseHead, ReleaseState};
use crate::redact::Secret;
use crate::secrets::Ledger;

/// Releases that are read whole; a hub has two or three. Each may be a megabyte.
const MOST: usize = 20;

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseRow {
    /// Release name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Of this hub, or shared by all.
    pub scope: Scope,
    /// The newest revision.
    pub revision: u64,
    /// Helm's word for its state.
    pub state: String,
    /// Name of the Helm chart, where that could be read.
    pub chart: Option<String>,
    /// Version of the Helm chart, where that could be read.
    pub version: Option<String>,
    /// When that revision was made.
    pub since: Option<Timestamp>,
    /// Whether helm iris made that revision, as far as it tells: one that failed does not.
    pub ours: bool,
    /// Whether helm works on it, or was killed while it did.
    pub pending: bool,
    /// Whether it is pending because a helm iris that is gone left it so: the next one goes on with it.
    pub left: bool,
}

impl ReleaseRow {
    /// Whether it is more than the history that `helm uninstall --keep-history` leaves.
    pub(super) fn is_there(&self) -> bool {
        self.state != "uninstalled"
    }
}

/// The releases of a namespace.
pub(super) struct Releases {
    pub rows: Vec<ReleaseRow>,
    /// What they were made from, in the order of the rows; they hold secrets.
    pub states: Vec<Option<ReleaseState>>,
    /// The workloads, each with whether helm finished its release.
    pub workloads: Vec<(bool, Workload)>,
    /// How many others there are.
    pub others: usize,
    names: Vec<String>,
}

impl Releases {
    /// Whether one of them is surely ours.
    pub(super) fn is_any_ours(&self) -> bool {
        self.rows.iter().any(|row| row.ours)
    }

    /// The names of all that Helm has there.
    pub(super) fn names(self) -> Vec<String> {
        self.names
    }

    pub(super) fn manifests(&self) -> impl Iterator<Item = &Secret> {
        self.states.iter().flatten().map(|state| &state.manifest)
    }

    /// Those that helm applied to the end.
    pub(super) fn standing(&self) -> impl Iterator<Item = (&ReleaseRow, &ReleaseState)> {
        let both = self.rows.iter().zip(&self.states);
        both.filter_map(|(row, state)| Some((row, state.as_ref()?))).filter(|(row, _)| row.state == "deployed")
    }

    pub(super) fn state(&self, name: &str) -> Option<&ReleaseState> {
        let mut both = self.rows.iter().zip(&self.states);
        both.find_map(|(row, state)| state.as_ref().filter(|_| row.name == name))
    }
}

/// Names that a hub's releases have: that of its namespace, those of its bundles, and of charts that its ledger fills.
pub(super) fn known(
    namespace: &str,
    ledger: Option<&Ledger>,
    bundle: Option<&Result<Bundle>>,
    expected: &Expected,
) -> BTreeSet<String> {
    let entries = ledger.into_iter().flat_map(|ledger| ledger.entries.values());
    let charts =
        entries.flat_map(|entry| &entry.fills).filter_map(|place| place.split_once(':')).map(|(chart, _)| chart);
    let bundled = bundle.into_iter().flatten().flat_map(|bundle| &bundle.manifest().releases);
    let bundled = bundled.map(|entry| entry.name.as_str());
    charts.chain(bundled).chain(expected.names()).chain([namespace]).map(str::to_owned).collect()
}

/// The releases of the hub; none where they may not be read.
pub(super) async fn of(
    cluster: &Cluster,
    (namespace, lease): (&str, &Seen),
    known: &BTreeSet<String>,
) -> Result<Option<Releases>> {
    let Some(mut heads) = observe::heads(cluster, namespace).await? else { return Ok(None) };
    let names: Vec<String> = heads.iter().map(|head| head.name.clone()).collect();
    // A namespace may hold hundreds that are none of ours, so those that may be are looked at first.
    heads.sort_by_key(|head| !known.contains(&head.name));
    heads.truncate(MOST.max(known.len()));
    let read = read(cluster, namespace, heads).await?;
    let is_of_hub = |(head, state): &(ReleaseHead, Option<ReleaseState>)| {
        let ours = state.as_ref().is_some_and(|state| chart_digest_of(&state.description).is_some());
        ours || known.contains(&head.name)
    };
    let (own, _): (Vec<_>, Vec<_>) = read.into_iter().partition(is_of_hub);
    Ok(Some(gather((namespace, Scope::Hub, lease), own, names)?))
}

/// What all hubs share; none where it may not be read.
pub(super) async fn shared(cluster: &Cluster, lease: &Seen) -> Result<Option<Releases>> {
    let Some(mut heads) = observe::heads(cluster, CLUSTER_NAMESPACE).await? else { return Ok(None) };
    let names = heads.iter().map(|head| head.name.clone()).collect();
    heads.truncate(MOST);
    let read = read(cluster, CLUSTER_NAMESPACE, heads).await?;
    Ok(Some(gather((CLUSTER_NAMESPACE, Scope::Cluster, lease), read, names)?))
}

type Read = (ReleaseHead, Option<ReleaseState>);

async fn read(cluster: &Cluster, namespace: &str, heads: Vec<ReleaseHead>) -> Result<Vec<Read>> {
    let reads = heads.into_iter().map(|head| async move {
        // One that is damaged is told by its labels.
        let state = head.read(cluster, namespace).await.ok().flatten();
        Ok::<_, Error>((head, state))
    });
    try_join_all(reads).await
}

/// Where releases are, whose, and who worked there last.
type Place<'p> = (&'p str, Scope, &'p Seen);

fn gather(place: Place<'_>, read: Vec<Read>, names: Vec<String>) -> Result<Releases> {
    let mut found = Releases {
        rows: Vec::new(),
        states: Vec::new(),
        workloads: Vec::new(),
        others: names.len() - read.len(),
        names,
    };
    for (head, state) in read {
        if let Some(state) = &state {
            let is_finished = head.status == "deployed";
            let workloads = apply::workloads(&state.manifest, &head.name, place.0)?;
            found.workloads.extend(workloads.into_iter().map(|workload| (is_finished, workload)));
        }
        found.rows.push(row(place, &head, state.as_ref()));
        found.states.push(state);
    }
    Ok(found)
}

fn row((namespace, scope, lease): Place<'_>, head: &ReleaseHead, state: Option<&ReleaseState>) -> ReleaseRow {
    ReleaseRow {
        name: head.name.clone(),
        namespace: namespace.to_owned(),
        scope,
        revision: head.revision,
        state: head.status.clone(),
        chart: state.map(|state| state.chart.clone()),
        version: state.map(|state| state.version.clone()),
        since: state.and_then(|state| state.began).or(head.created),
        ours: state.is_some_and(|state| chart_digest_of(&state.description).is_some()),
        pending: head.is_pending(),
        left: head.is_pending() && lease.has_left(&head.name, head.revision),
    }
}
