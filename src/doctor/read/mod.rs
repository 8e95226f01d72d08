//! READ: the cluster's surroundings, all at once, in pages, and only what the checks need.

mod nodes;
mod objects;
mod releases;
mod services;
mod storage;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Namespace;

pub use objects::objects;

use super::facts::{Facts, Look, Node, Room};
use super::finding::Area;
use super::wanted::Wanted;
use crate::error::Result;
use crate::kube::{Cluster, Pick, denied};

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that can be told.
    Whole,
    /// What an installation would fail of: neither pods nor events.
    Fatal,
}

/// Reads what is independent of the objects that would be made.
///
/// # Errors
/// Whatever cannot be read, but for refusals: those are facts.
pub async fn surroundings(cluster: &Cluster, areas: &[Area], namespace: Option<&str>, scope: Scope) -> Result<Facts> {
    let asked = |wanted: &[Area]| wanted.iter().any(|area| areas.contains(area));
    let whole = scope == Scope::Whole;
    let ((classes, drivers), nodes, daemon_sets, balancers, pending, in_config_maps) = futures::try_join!(
        storage::both(cluster, asked(&[Area::Storage])),
        when(asked(&[Area::Storage, Area::Capacity, Area::LoadBalancer]), nodes::nodes(cluster)),
        when(whole && asked(&[Area::Network]), daemon_sets(cluster)),
        when(asked(&[Area::LoadBalancer]), services::balancers(cluster, whole)),
        when(whole && asked(&[Area::Releases]), releases::pending(cluster, namespace)),
        when(whole && namespace.is_some() && asked(&[Area::Releases]), releases::in_config_maps(cluster, namespace)),
    )?;
    Ok(Facts {
        kubernetes: cluster.version.clone(),
        now: Some(jiff::Timestamp::now()),
        classes,
        drivers,
        nodes,
        daemon_sets,
        balancers,
        pending,
        in_config_maps,
        ..Facts::default()
    })
}

async fn when<T>(asked: bool, look: impl Future<Output = Result<Look<T>>>) -> Result<Look<T>> {
    if asked { look.await } else { Ok(Look::NotAsked) }
}

/// What an answer says: a refusal is a fact, anything else that went wrong an error.
fn look<T>(answer: Result<T, ::kube::Error>, cluster: &Cluster, doing: &str) -> Result<Look<T>> {
    match answer {
        Ok(seen) => Ok(Look::Seen(seen)),
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(Look::Refused),
        Err(error) => Err(denied(&error, &cluster.server, doing)),
    }
}

/// How full the nodes are that would do for the pods that are to come.
///
/// # Errors
/// Whatever cannot be read, but for refusals: those are facts.
pub async fn room(cluster: &Cluster, wanted: &Wanted, nodes: &Look<Vec<Node>>) -> Result<Look<BTreeMap<String, Room>>> {
    nodes::used(cluster, wanted, nodes).await
}

/// Whether a namespace is there; one that we may not look at is taken to be.
///
/// # Errors
/// When the server does not say.
pub async fn has_namespace(cluster: &Cluster, name: &str) -> Result<bool> {
    let found = cluster.get::<Namespace>(None, name).await;
    Ok(look(found, cluster, &format!("look at the namespace {name}"))? != Look::Seen(None))
}

async fn daemon_sets(cluster: &Cluster) -> Result<Look<Vec<(String, String)>>> {
    let sets = cluster.metadata_pages::<DaemonSet>(Pick::default()).await;
    let name = |meta: ::kube::api::ObjectMeta| (meta.namespace.unwrap_or_default(), meta.name.unwrap_or_default());
    look(sets.map(|sets| sets.into_iter().map(name).collect()), cluster, "look at the DaemonSets")
}
