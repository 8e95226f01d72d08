//! LOOK: how a hub stands, from the cluster alone; a bundle of this folder is compared if there is one.
//!
//! What may not be read is left out, and named. Nothing here holds a secret.

mod backups;
mod bundle;
mod causes;
mod cloud;
mod expected;
mod hubs;
mod judge;
mod ledger;
mod releases;
mod servers;
mod volumes;

use std::path::Path;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use serde::Serialize;

pub use backups::{BackupState, Backups};
pub use bundle::{BundleState, Differing};
pub use causes::{Matter, by_cause};
pub use cloud::request;
pub use expected::MissingRelease;
pub use hubs::{Place, hubs, no_hub};
pub use judge::{Attention, State};
pub use ledger::{LedgerState, Weak};
pub use releases::ReleaseRow;
pub use servers::Servers;
pub use volumes::{ClaimRow, UserVolumes, Volumes};

use crate::applied::Applied;
use crate::apply::{self, Address, WorkloadState};
use crate::chart::CLUSTER_NAMESPACE;
use crate::drift::Drift;
use crate::error::{Error, Result};
use crate::helm::Scrub;
use crate::kube::{Cluster, denied};
use crate::lease::{self, Seen, Work};
use crate::observe;
use releases::Releases;

/// How a hub stands.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The cluster as people know it.
    pub cluster: String,
    /// The hub's namespace.
    pub namespace: String,
    /// All of it in one word.
    pub state: State,
    /// What will hardly heal by waiting, with the way out.
    pub attention: Vec<Attention>,
    /// The chart of helm iris that was installed, as far as that is kept with the hub.
    pub chart: Option<String>,
    /// Since when its namespace is being deleted, if it is.
    pub deleting_since: Option<Timestamp>,
    /// Its releases and those that it shares with other hubs.
    pub releases: Option<Vec<ReleaseRow>>,
    /// Releases that should be there, and are not.
    pub missing: Vec<MissingRelease>,
    /// Releases of Helm in its namespace that are none of ours.
    pub other_releases: usize,
    /// The bundle that was applied last, as far as it is kept with the hub.
    pub applied: Option<Applied>,
    /// What somebody changed since the releases were installed; none where that could not be looked at.
    pub drift: Option<Drift>,
    /// Whether the bundle of this folder is what is applied; none where there is no bundle.
    pub bundle: Option<BundleState>,
    /// The workloads of its releases.
    pub workloads: Option<Vec<WorkloadState>>,
    /// Its volumes.
    pub volumes: Option<Volumes>,
    /// The backups of its database, where our chart makes some.
    pub backups: Option<Vec<Backups>>,
    /// The servers of users.
    pub servers: Option<Servers>,
    /// The Service at whose address people reach it.
    pub service: Option<String>,
    /// Where people reach it.
    pub address: Option<Address>,
    /// The last work on it.
    pub work: Option<Work>,
    /// Work on what all hubs share that goes on right now.
    pub shared_work: Option<Work>,
    /// Its ledger in the cluster.
    pub ledger: Option<LedgerState>,
    /// What may not be read, and is therefore not told.
    pub not_read: Vec<String>,
}

impl Status {
    /// Whether nothing that tells a hub may be read, so that this may be none.
    pub fn is_hidden(&self) -> bool {
        self.releases.is_none() && self.ledger.is_none()
    }

    /// The chart that the hub was installed from, as far as it can be read.
    pub fn chart(&self) -> Option<&str> {
        let hub = || self.releases.iter().flatten().find(|row| row.name == self.namespace);
        self.chart.as_deref().or_else(|| hub()?.chart.as_deref())
    }
}

/// What a look at a namespace found.
pub enum Looked {
    /// A hub.
    Hub(Box<Status>),
    /// No hub of ours; with the names of Helm's releases that are there.
    NoHub {
        /// Whether the namespace is there, as far as that may be seen.
        namespace_exists: bool,
        /// Helm's releases.
        others: Vec<String>,
    },
}

/// Looks at the hub of a namespace, and at the bundle in `folder`.
///
/// # Errors
/// When the cluster does not answer. What it refuses is no error.
pub async fn look(cluster: &Cluster, namespace: &str, folder: &Path) -> Result<Looked> {
    let (place, lease, shared_lease, ledger, expected) = futures::try_join!(
        namespace_of(cluster, namespace),
        lease::look(cluster, namespace),
        lease::look(cluster, CLUSTER_NAMESPACE),
        ledger::read(cluster, namespace),
        expected::look(cluster, namespace),
    )?;
    let (stored, ledger) = ledger;
    let bundle = bundle::open(folder, namespace);
    let known = releases::known(namespace, stored.as_ref(), bundle.as_ref(), &expected);
    let (own, shared) = futures::try_join!(
        releases::of(cluster, (namespace, &lease), &known),
        releases::shared(cluster, &shared_lease),
    )?;
    let is_hidden = own.is_none() && ledger.is_none();
    let is_hub = own.as_ref().is_some_and(Releases::is_any_ours)
        || ledger.as_ref().is_some_and(LedgerState::is_there)
        || matches!(lease, Seen::There(_));
    if !place.exists || !(is_hub || is_hidden) {
        let others = own.map(Releases::names).unwrap_or_default();
        return Ok(Looked::NoHub { namespace_exists: place.exists, others });
    }
    let manifests = || own.iter().chain(&shared).flat_map(Releases::manifests);
    let service = manifests().find_map(apply::public_service);
    let scrub = stored.as_ref().map(Scrub::new).unwrap_or_default();
    let (workloads, volumes, backups, servers, address, drift) = futures::try_join!(
        workloads(cluster, own.as_ref(), shared.as_ref()),
        volumes::look(cluster, namespace),
        backups::look(cluster, namespace),
        servers::look(cluster, namespace),
        address(cluster, namespace, service.clone()),
        drift(cluster, own.as_ref(), shared.as_ref(), &scrub),
    )?;
    let hidden = [
        (own.is_none(), format!("Helm's releases (Secrets) in {namespace}, and so what they made")),
        (shared.is_none(), format!("the releases that all hubs share (Secrets in {CLUSTER_NAMESPACE})")),
        (
            own.is_some() && workloads.is_none(),
            format!("workloads, pods or events in {namespace} or {CLUSTER_NAMESPACE}"),
        ),
        (volumes.is_none(), format!("volume claims in {namespace}")),
        (backups.is_none(), format!("CronJobs in {namespace}, and so the backups of its database")),
        (service.is_some() && address.is_none(), format!("Services in {namespace}, and so the hub's address")),
        (servers.is_none(), format!("pods in {namespace}")),
        (ledger.is_none(), format!("the ledger (a Secret) in {namespace}")),
        (
            expected.is_hidden,
            format!("the bundle kept last (a Secret) in {namespace}, and so which releases should be there"),
        ),
        (lease == Seen::Hidden, format!("the Lease in {namespace}, which tells who works on the hub")),
    ];
    let drift = if stored.is_some() { drift } else { drift.map(Drift::without_values) };
    let compared = bundle.map(|bundle| bundle::compare(bundle, folder, own.as_ref(), shared.as_ref(), stored.as_ref()));
    let missing = expected.missing((namespace, &lease), own.as_ref(), shared.as_ref());
    let mut status = Status {
        cluster: cluster.label().to_owned(),
        namespace: namespace.to_owned(),
        state: State::Healthy,
        attention: Vec::new(),
        chart: expected.chart,
        deleting_since: place.deleting_since,
        missing,
        other_releases: own.as_ref().map_or(0, |own| own.others),
        applied: expected.applied,
        drift,
        bundle: compared,
        workloads,
        volumes,
        backups,
        servers,
        service,
        address,
        work: lease.work(),
        shared_work: shared_lease.work().filter(|work| work.now),
        ledger,
        not_read: hidden.into_iter().filter_map(|(hidden, what)| hidden.then_some(what)).collect(),
        releases: own.map(|own| own.rows.into_iter().chain(shared.into_iter().flat_map(|all| all.rows)).collect()),
    };
    judge::judge(&mut status);
    Ok(Looked::Hub(Box::new(status)))
}

/// What an answer holds; none where the cluster refuses it.
fn allowed<T>(answer: Result<T, ::kube::Error>, cluster: &Cluster, doing: &str) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(None),
        Err(error) => Err(denied(&error, &cluster.server, doing)),
    }
}

/// How a namespace stands.
struct NamespaceState {
    exists: bool,
    deleting_since: Option<Timestamp>,
}

/// Looks at the namespace; one that may not be looked at is taken to be there.
async fn namespace_of(cluster: &Cluster, name: &str) -> Result<NamespaceState> {
    let found = cluster.get::<Namespace>(None, name).await;
    let found = allowed(found, cluster, &format!("look at the namespace {name}"))?;
    let exists = found.as_ref().is_none_or(Option::is_some);
    let deleting_since = found.flatten().and_then(|found| found.metadata.deletion_timestamp).map(|time| time.0);
    Ok(NamespaceState { exists, deleting_since })
}

async fn workloads(
    cluster: &Cluster,
    own: Option<&Releases>,
    shared: Option<&Releases>,
) -> Result<Option<Vec<WorkloadState>>> {
    let Some(own) = own else { return Ok(None) };
    let releases = std::iter::once(own).chain(shared);
    let (is_finished, all): (Vec<_>, Vec<_>) = releases.flat_map(|releases| releases.workloads.iter().cloned()).unzip();
    let standing = apply::standing(cluster, &all).await;
    let Some(mut standing) = allowed(standing, cluster, "look at the hub's workloads")? else { return Ok(None) };
    for (workload, is_finished) in standing.workloads.iter_mut().zip(is_finished) {
        if !is_finished {
            workload.unfinished();
        }
    }
    Ok(Some(standing.workloads))
}

/// The drift of all releases that stand; one whose helm was stopped is none, but unfinished.
async fn drift(
    cluster: &Cluster,
    own: Option<&Releases>,
    shared: Option<&Releases>,
    scrub: &Scrub,
) -> Result<Option<Drift>> {
    let Some(own) = own else { return Ok(None) };
    let standing = [Some(own), shared].into_iter().flatten().flat_map(Releases::standing);
    let looks = standing.map(|(row, state)| observe::drift(cluster, (&row.namespace, &row.name), state, scrub));
    let mut all = Drift::default();
    for one in futures::future::try_join_all(looks).await? {
        all.objects.extend(one.objects);
        all.hidden.extend(one.hidden);
    }
    Ok(Some(all))
}

async fn address(cluster: &Cluster, namespace: &str, service: Option<String>) -> Result<Option<Address>> {
    let Some(service) = service else { return Ok(None) };
    let looked = apply::public_address(cluster, namespace, &service).await;
    allowed(looked, cluster, &format!("look at the Service {service} in {namespace}"))
}

/// That there is no hub, and what to do.
pub fn missing(namespace: &str, exists: bool, others: &[String]) -> Error {
    let error = Error::user(format!("there is no hub of helm iris in {namespace}"));
    match (exists, others) {
        (false, _) => error.because(format!("there is no namespace {namespace}")),
        (true, []) => error.because("it has no ledger and no release of ours"),
        (true, others) => {
            let shown: Vec<_> = others.iter().take(5).map(String::as_str).collect();
            error
                .because(format!("Helm has {} there ({}), made without helm iris", others.len(), shown.join(", ")))
                .hint(format!("to take a hub over: helm iris secrets adopt CHART -n {namespace}, then install"))
        }
    }
    .hint("the hubs of this cluster: helm iris status, without -n")
}
