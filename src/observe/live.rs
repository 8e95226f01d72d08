//! The objects of a release as they are now, and how they differ from its manifest.

use std::collections::{BTreeMap, BTreeSet};

use ::kube::Error as KubeError;
use futures::future::try_join_all;

use super::ReleaseState;
use crate::drift::{self, Drift, Live};
use crate::error::Result;
use crate::helm::Scrub;
use crate::kube::{Cluster, Served, denied};
use crate::objects::{self, Object};

/// The kinds of each group and version; none where we may not ask.
type Kinds = BTreeMap<String, Option<Vec<Served>>>;

/// What somebody changed since a release was installed.
///
/// # Errors
/// When the cluster does not answer; what we may not read is told in the drift.
pub async fn drift(cluster: &Cluster, release: (&str, &str), state: &ReleaseState, scrub: &Scrub) -> Result<Drift> {
    let (namespace, name) = release;
    let objects = objects::parse(&state.manifest, name, namespace)?;
    let live = live(cluster, namespace, &objects).await?;
    Ok(drift::drift(&objects, &live, state.server_side, scrub))
}

/// Objects as they are now, in the order of a manifest's; `namespace` is their release's.
///
/// # Errors
/// When the cluster does not answer.
pub async fn live(cluster: &Cluster, namespace: &str, objects: &[Object]) -> Result<Vec<Live>> {
    let kinds = &kinds(cluster, objects).await?;
    let reads = objects.iter().map(|object| one(cluster, kinds, namespace, object));
    try_join_all(reads).await
}

async fn kinds(cluster: &Cluster, objects: &[Object]) -> Result<Kinds> {
    let versions: BTreeSet<&str> = objects.iter().map(|object| object.id.api_version.as_str()).collect();
    let reads = versions.into_iter().map(|version| async move {
        match cluster.served(version).await {
            Ok(kinds) => Ok((version.to_owned(), Some(kinds))),
            Err(error) if is_refusal(&error) => Ok((version.to_owned(), None)),
            Err(error) => Err(denied(&error, &cluster.server, &format!("look at the kinds of {version}"))),
        }
    });
    Ok(try_join_all(reads).await?.into_iter().collect())
}

async fn one(cluster: &Cluster, kinds: &Kinds, namespace: &str, object: &Object) -> Result<Live> {
    let id = &object.id;
    let Some(Some(kinds)) = kinds.get(&id.api_version) else { return Ok(Live::Hidden) };
    // A kind that the cluster does not know any more took its objects with it.
    let Some(kind) = kinds.iter().find(|kind| kind.kind == id.kind) else { return Ok(Live::Gone) };
    let namespace = id.namespace.as_deref().unwrap_or(namespace);
    match cluster.get_object(kind, Some(namespace), &id.name).await {
        Ok(Some(live)) => Ok(Live::There(live)),
        Ok(None) => Ok(Live::Gone),
        Err(error) if is_refusal(&error) => Ok(Live::Hidden),
        Err(error) => Err(denied(&error, &cluster.server, &format!("look at {id}"))),
    }
}

fn is_refusal(error: &KubeError) -> bool {
    matches!(error, KubeError::Api(status) if status.is_forbidden())
}
