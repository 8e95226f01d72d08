//! READ: what the cluster holds, as data. Nothing here changes anything.
//!
//! What may not be read is never taken for what is not there: only a `404` means "none".

mod class;
mod early;
mod head;
mod live;
mod release;
mod secret;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use class::{Classes, DefaultClass, expandable, is_default};
pub use early::{Early, Looking};
pub use head::{ReleaseHead, heads};
pub use live::{drift, live};
pub use release::{ReleaseState, all_releases, as_failed, newest_if_any, newest_release, secret_name};
pub use secret::{FoundSecrets, found as found_secrets};

use crate::bundle::manifest::{Manifest, ReleaseEntry};
use crate::chart::release::Scope;
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::lease::Seen;
use crate::secrets::delivered::{self, StoredSecret};
use crate::secrets::{Found, StoredLedger};

/// A release by namespace and name.
pub type ReleaseKey = (String, String);

/// What the cluster holds of what a bundle is about.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The default StorageClasses.
    pub classes: Classes,
    /// Whether the hub's namespace is there; unknown where we may not look.
    pub namespace_exists: Option<bool>,
    /// The newest revision of each release of the bundle that is there.
    pub releases: BTreeMap<ReleaseKey, ReleaseState>,
    /// Releases shared by all hubs that we may not read, with the refusal.
    pub unreadable: BTreeMap<ReleaseKey, Error>,
    /// The hub's ledger in the cluster.
    pub ledger: Option<StoredLedger>,
    /// Secrets that the charts' own Secrets hold.
    pub found: Vec<Found>,
    /// Ledgers of other namespaces that may not be read, by the secret that they share.
    pub unshared: BTreeMap<String, Error>,
    /// To which releases the charts' own Secrets belong, by name.
    pub owners: BTreeMap<String, ReleaseKey>,
    /// Whether somebody works on the hub, or did last.
    pub lease: Seen,
    /// Revisions that a helm which was killed together with us left pending.
    pub abandoned: BTreeSet<ReleaseKey>,
    /// Volume claims of databases that are there and have a volume.
    pub claims: BTreeSet<String>,
    /// Secrets of the names that ours have which carry secrets to charts, by name.
    pub delivered: BTreeMap<String, StoredSecret>,
}

impl Observed {
    /// The newest revision of a release.
    pub fn release(&self, entry: &ReleaseEntry) -> Option<&ReleaseState> {
        self.releases.get(&key(entry))
    }
}

/// A release's key.
pub fn key(entry: &ReleaseEntry) -> ReleaseKey {
    (entry.namespace.clone(), entry.name.clone())
}

/// The release that an object belongs to: Helm lets no other one touch it.
pub fn made_by(meta: &ObjectMeta) -> Option<ReleaseKey> {
    let annotation = |key: &str| meta.annotations.as_ref()?.get(key).cloned();
    annotation("meta.helm.sh/release-namespace").zip(annotation("meta.helm.sh/release-name"))
}

/// The claim that a database's release keeps its data in, by our chart's naming and Bitnami's.
pub fn database_claim(entry: &ReleaseEntry) -> String {
    format!("data-{}-0", entry.name)
}

/// Reads the rest of it, at once.
///
/// # Errors
/// Whatever cannot be read and may matter.
pub async fn observe(cluster: &Cluster, manifest: &Manifest, early: Early) -> Result<Observed> {
    let namespace = manifest.namespace.as_str();
    let Early { lease, classes, namespace_exists, ledger } = early;
    // They are asked for in this order, a few at a time: what is largest, and takes two questions, first.
    let (releases, found, claims, delivered) = futures::try_join!(
        releases(cluster, manifest),
        secret::found(cluster, namespace, &manifest.secrets),
        claims(cluster, manifest),
        delivered(cluster, manifest),
    )?;
    let (releases, unreadable) = releases;
    let FoundSecrets { found, unshared, owners } = found;
    let found = secret::in_use(found, manifest, &releases, &delivered);
    let left = |((in_namespace, name), state): &(&ReleaseKey, &ReleaseState)| {
        in_namespace == namespace && state.is_pending() && lease.has_left(name, state.revision)
    };
    let abandoned = releases.iter().filter(left).map(|(key, _)| key.clone()).collect();
    Ok(Observed {
        classes,
        namespace_exists,
        releases,
        unreadable,
        ledger,
        found,
        unshared,
        owners,
        lease,
        abandoned,
        claims,
        delivered,
    })
}

/// The Secrets with the charts' secrets, also those that the bundle no longer writes.
async fn delivered(cluster: &Cluster, manifest: &Manifest) -> Result<BTreeMap<String, StoredSecret>> {
    let ours = manifest.releases.iter().filter(|entry| entry.scope == Scope::Hub);
    let reads = ours.map(|entry| async {
        let name = delivered::secret_name(&entry.chart);
        let secret = delivered::read(cluster, &entry.namespace, &name).await?;
        Ok(secret.map(|secret| (name, secret)))
    });
    Ok(futures::future::try_join_all(reads).await?.into_iter().flatten().collect())
}

/// Whether a namespace is there; unknown where we may not look.
///
/// # Errors
/// When it is being deleted, or the cluster does not answer.
pub async fn namespace_exists(cluster: &Cluster, name: &str) -> Result<Option<bool>> {
    match cluster.get::<Namespace>(None, name).await {
        Ok(None) => Ok(Some(false)),
        Ok(Some(namespace)) if namespace.metadata.deletion_timestamp.is_some() => {
            Err(Error::user(format!("the namespace `{name}` is being deleted"))
                .hint(format!("wait until it is gone: kubectl get namespace {name}; then run the same command again")))
        }
        Ok(Some(_)) => Ok(Some(true)),
        // An admin of one namespace may be unable to look at namespaces, and still be able to work in it.
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(None),
        Err(error) => Err(denied(&error, &cluster.server, &format!("look at the namespace {name}"))),
    }
}

type Releases = (BTreeMap<ReleaseKey, ReleaseState>, BTreeMap<ReleaseKey, Error>);

async fn releases(cluster: &Cluster, manifest: &Manifest) -> Result<Releases> {
    let namespaces: BTreeSet<&str> = manifest.releases.iter().map(|entry| entry.namespace.as_str()).collect();
    let reads = namespaces.into_iter().map(|namespace| async move {
        let entries: Vec<_> = manifest.releases.iter().filter(|entry| entry.namespace == namespace).collect();
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let states = release::newest(cluster, namespace, &names).await;
        (entries, states)
    });
    let (mut there, mut unreadable) = Releases::default();
    for (entries, states) in futures::future::join_all(reads).await {
        match states {
            Ok(states) => {
                let states = entries.iter().zip(states).filter_map(|(entry, state)| Some((key(entry), state?)));
                there.extend(states);
            }
            // Whether what all hubs share matters is for the plan to say; it may be skipped.
            Err(error) if entries.iter().all(|entry| entry.scope == Scope::Cluster) => {
                unreadable.extend(entries.into_iter().map(|entry| (key(entry), error.clone())));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((there, unreadable))
}

/// Whether there can be data: a claim that waits for its first volume holds none.
fn has_volume(claim: &PersistentVolumeClaim) -> bool {
    claim.spec.as_ref().and_then(|spec| spec.volume_name.as_ref()).is_some_and(|name| !name.is_empty())
}

async fn claims(cluster: &Cluster, manifest: &Manifest) -> Result<BTreeSet<String>> {
    let namespace = manifest.namespace.as_str();
    let filled = |entry: &ReleaseEntry| manifest.secrets.iter().any(|secret| secret.is_of(&entry.chart));
    let reads =
        manifest.releases.iter().filter(|entry| entry.namespace == namespace && filled(entry)).map(|entry| async {
            let name = database_claim(entry);
            let claim = cluster.get::<PersistentVolumeClaim>(Some(namespace), &name).await;
            let claim = claim.map_err(|error| {
                denied(&error, &cluster.server, &format!("look at the volume claim {name} in {namespace}"))
            });
            claim.map(|claim| claim.filter(has_volume).map(|_| name))
        });
    Ok(futures::future::try_join_all(reads).await?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests;
