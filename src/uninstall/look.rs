//! READ: what is there of a hub, by the cluster alone.

use std::borrow::Cow;

use ::kube::api::PartialObjectMeta;
use ::kube::core::NamespaceResourceScope;
use ::kube::{Error as KubeError, Resource};
use k8s_openapi::api::core::v1::{Pod, Secret as KubeSecret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use crate::applied;
use crate::chart::CLUSTER_NAMESPACE;
use crate::error::Result;
use crate::kube::{Cluster, denied, is_missing};
use crate::lease::{self, Seen};
use crate::observe::{self, ReleaseState};
use crate::secrets::{self, StoredLedger, delivered};
use crate::volumes::{self, Volumes};

/// The pods of users' servers, as `KubeSpawner` labels them.
pub(super) const SERVERS: &str = "component=singleuser-server";
/// The pods of Dask clusters, as Dask Gateway labels them.
pub(super) const DASK_PODS: &str = "gateway.dask.org/cluster";
/// `KubeSpawner`'s annotation with the user's name.
const USER: &str = "hub.jupyter.org/username";

/// A running server of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Its pod.
    pub pod: String,
    /// Whose it is, where that is written on it.
    pub user: Option<String>,
}

/// What there is of a hub.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Whether the namespace is there; unknown where we may not look.
    pub namespace_exists: Option<bool>,
    /// All releases of the namespace, those that were made last first.
    pub releases: Vec<(String, ReleaseState)>,
    /// The releases that all hubs share; none where we may not look.
    pub shared: Option<Vec<(String, ReleaseState)>>,
    /// The volumes.
    pub volumes: Volumes,
    /// Servers of users.
    pub servers: Vec<Server>,
    /// Dask clusters of users, by name.
    pub dask: Vec<String>,
    /// Whether we may not look at them, so that only those with pods are known.
    pub dask_hidden: bool,
    /// Secrets of ours that carry secrets to charts, by name.
    pub delivered: Vec<String>,
    /// The ledger.
    pub ledger: Option<StoredLedger>,
    /// Whether somebody works on the hub, or did last.
    pub lease: Seen,
}

/// A Dask cluster as Dask Gateway keeps it; only what it is called matters.
#[derive(Clone)]
pub(super) struct DaskCluster {
    metadata: ObjectMeta,
}

impl Resource for DaskCluster {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "DaskCluster".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "gateway.dask.org".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1alpha1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "daskclusters".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Looks.
///
/// # Errors
/// Whatever cannot be read and may matter.
pub async fn look(cluster: &Cluster, namespace: &str) -> Result<Observed> {
    // First: whoever works on the hub after this is seen when we take the Lease.
    let lease = lease::look(cluster, namespace).await?;
    let (namespace_exists, releases, shared, volumes, servers, (dask, dask_hidden), delivered, ledger) = futures::try_join!(
        observe::namespace_exists(cluster, namespace),
        observe::all_releases(cluster, namespace),
        async { Ok(observe::all_releases(cluster, CLUSTER_NAMESPACE).await.ok()) },
        volumes::read(cluster, namespace),
        servers(cluster, namespace),
        dask(cluster, namespace),
        delivered(cluster, namespace),
        secrets::cluster::read(cluster, namespace),
    )?;
    Ok(Observed { namespace_exists, releases, shared, volumes, servers, dask, dask_hidden, delivered, ledger, lease })
}

async fn servers(cluster: &Cluster, namespace: &str) -> Result<Vec<Server>> {
    let pods = pods(cluster, namespace, SERVERS).await?;
    let user = |meta: &ObjectMeta| {
        let written = |map: &Option<std::collections::BTreeMap<String, String>>| map.as_ref()?.get(USER).cloned();
        written(&meta.annotations).or_else(|| written(&meta.labels))
    };
    let server = |meta: ObjectMeta| Some(Server { user: user(&meta), pod: meta.name? });
    Ok(pods.into_iter().filter_map(server).collect())
}

/// The Dask clusters, also one of which only pods are left; and whether some may be hidden.
async fn dask(cluster: &Cluster, namespace: &str) -> Result<(Vec<String>, bool)> {
    let known = dask_clusters(cluster, namespace).await?;
    let hidden = known.is_none();
    let of = |meta: ObjectMeta| meta.labels?.remove(DASK_PODS);
    let of_pods = pods(cluster, namespace, DASK_PODS).await?.into_iter().filter_map(of);
    let mut names: Vec<String> = known.into_iter().flatten().chain(of_pods).collect();
    names.sort();
    names.dedup();
    Ok((names, hidden))
}

/// The Dask clusters that Dask Gateway keeps; none where we may not look.
pub(super) async fn dask_clusters(cluster: &Cluster, namespace: &str) -> Result<Option<Vec<String>>> {
    match cluster.list_metadata::<DaskCluster>(namespace, "").await {
        Ok(found) => Ok(Some(living(found).filter_map(|meta| meta.name).collect())),
        // The cluster does not know the kind.
        Err(error) if is_missing(&error) => Ok(Some(Vec::new())),
        Err(KubeError::Api(status)) if status.is_forbidden() => Ok(None),
        Err(error) => Err(denied(&error, &cluster.server, &format!("look at the Dask clusters in {namespace}"))),
    }
}

/// The pods that the labels pick, without those that are ending.
pub(super) async fn pods(cluster: &Cluster, namespace: &str, labels: &str) -> Result<Vec<ObjectMeta>> {
    let found = cluster.list_metadata::<Pod>(namespace, labels).await;
    let found =
        found.map_err(|error| denied(&error, &cluster.server, &format!("look at the pods of users in {namespace}")))?;
    Ok(living(found).collect())
}

fn living<K>(found: Vec<PartialObjectMeta<K>>) -> impl Iterator<Item = ObjectMeta> {
    found.into_iter().map(|one| one.metadata).filter(|meta| meta.deletion_timestamp.is_none())
}

async fn delivered(cluster: &Cluster, namespace: &str) -> Result<Vec<String>> {
    let found = cluster
        .list_metadata::<KubeSecret>(namespace, &format!("{},!{}", delivered::selector(), applied::NUMBER))
        .await;
    let found = found.map_err(|error| denied(&error, &cluster.server, &format!("list the Secrets in {namespace}")))?;
    let name = |meta: ObjectMeta| meta.name.filter(|name| name != secrets::cluster::NAME);
    Ok(living(found).filter_map(name).collect())
}
