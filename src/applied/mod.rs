//! The bundles that were applied, kept with the hub: what a rollback goes back to.
//!
//! Each is a Secret, because values that hold no secret may still be nobody's business: the bundle's files but
//! for `secrets.yaml`, and its chart archives, so that any computer can go back. Secrets themselves are not
//! kept here: the ledger's hold, whatever bundle is applied. They are few: the oldest go first.

mod pack;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as KubeSecret;
use serde::Serialize;

use crate::archive::Cache;
use crate::bundle::Bundle;
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::secrets::cluster::LABEL;

pub use pack::Unpacked;

/// How many are kept.
const KEPT: usize = 10;
/// The label that tells them, with their number.
pub const NUMBER: &str = "helm-iris/bundle";
/// SHA-256 of `bundle.yaml`.
const DIGEST: &str = "helm-iris/digest";
/// Who applied it.
const BY: &str = "helm-iris/by";
/// The JupyterHub that it runs, where it runs one.
const HUB: &str = "helm-iris/jupyterhub";
/// Whether it was applied to the end.
const DONE: &str = "helm-iris/applied";
/// The key of the Secret.
const KEY: &str = "bundle.tar.gz";

/// A bundle that was applied, or begun to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Its number; they count up.
    pub number: u64,
    /// SHA-256 of its `bundle.yaml`.
    pub digest: String,
    /// Who applied it.
    pub by: String,
    /// When that began.
    pub at: Option<Timestamp>,
    /// The version of JupyterHub that it runs, if it runs one.
    pub jupyterhub: Option<String>,
    /// Whether it was applied to the end.
    pub done: bool,
}

/// The bundles of a hub, newest first.
///
/// # Errors
/// When they may not be read.
pub async fn list(cluster: &Cluster, namespace: &str) -> Result<Vec<Applied>> {
    find(cluster, namespace)
        .await
        .map_err(|error| denied(&error, &cluster.server, &format!("read the applied bundles (Secrets) in {namespace}")))
}

/// As [`list`], for those who can do without them.
///
/// # Errors
/// What the cluster answers.
pub async fn find(cluster: &Cluster, namespace: &str) -> Result<Vec<Applied>, ::kube::Error> {
    let found = cluster.list_metadata::<KubeSecret>(namespace, NUMBER).await?;
    let mut all: Vec<Applied> = found
        .into_iter()
        .filter_map(|secret| {
            let notes = secret.metadata.annotations.unwrap_or_default();
            let note = |key: &str| notes.get(key).cloned();
            Some(Applied {
                number: secret.metadata.labels?.get(NUMBER)?.parse().ok()?,
                digest: note(DIGEST).unwrap_or_default(),
                by: note(BY).unwrap_or_default(),
                at: secret.metadata.creation_timestamp.map(|time| time.0),
                jupyterhub: note(HUB),
                done: note(DONE).is_some(),
            })
        })
        .collect();
    all.sort_by_key(|applied| std::cmp::Reverse(applied.number));
    Ok(all)
}

/// Keeps a bundle that is about to be applied, unless the newest is the same; gives its number. The oldest go.
///
/// # Errors
/// When it cannot be written.
pub async fn begin(cluster: &Cluster, bundle: &Bundle, cache: &Cache, by: &str) -> Result<u64> {
    let namespace = &bundle.manifest().namespace;
    let all = list(cluster, namespace).await?;
    if let Some(newest) = all.first().filter(|newest| newest.digest == bundle.digest()) {
        return Ok(newest.number);
    }
    let number = all.first().map_or(1, |newest| newest.number + 1);
    let packed = pack::pack(bundle, cache)?;
    let mut secret = KubeSecret { type_: Some("Opaque".to_owned()), ..KubeSecret::default() };
    secret.metadata.name = Some(name(number));
    let labels = [(LABEL.0, LABEL.1.to_owned()), (NUMBER, number.to_string())];
    secret.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value)).into());
    let notes = [(DIGEST, Some(bundle.digest().to_owned())), (BY, Some(by.to_owned())), (HUB, packed.jupyterhub)];
    let notes = notes.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    secret.metadata.annotations = Some(notes.collect());
    secret.data = Some([(KEY.to_owned(), ByteString(packed.bytes))].into());
    let refused = |error: &::kube::Error| {
        denied(error, &cluster.server, &format!("keep the applied bundle (Secret {}) in {namespace}", name(number)))
    };
    match cluster.create(Some(namespace), &secret).await {
        // Ourselves, where the answer was lost.
        Err(::kube::Error::Api(status)) if status.is_already_exists() => {}
        answer => answer.map_err(|error| refused(&error))?,
    }
    for old in all.iter().skip(KEPT - 1) {
        cluster.delete::<KubeSecret>(namespace, &name(old.number), None).await.map_err(|error| refused(&error))?;
    }
    Ok(number)
}

/// Notes that a bundle was applied to the end.
///
/// # Errors
/// When that cannot be written.
pub async fn finish(cluster: &Cluster, namespace: &str, number: u64) -> Result<()> {
    let mut secret = read(cluster, namespace, number).await?;
    let notes = secret.metadata.annotations.get_or_insert_default();
    if notes.insert(DONE.to_owned(), "true".to_owned()).is_some() {
        return Ok(());
    }
    match cluster.replace(Some(namespace), &name(number), &secret).await {
        Err(::kube::Error::Api(status)) if status.is_conflict() => Ok(()),
        answer => answer.map_err(|error| {
            denied(&error, &cluster.server, &format!("note that the bundle {number} was applied in {namespace}"))
        }),
    }
}

/// Reads one, whole.
///
/// # Errors
/// When it is not there, may not be read, or is damaged.
pub async fn fetch(cluster: &Cluster, namespace: &str, number: u64) -> Result<Unpacked> {
    let secret = read(cluster, namespace, number).await?;
    let bytes = secret.data.as_ref().and_then(|data| data.get(KEY));
    let unpacked = bytes.ok_or_else(|| "it has no content".to_owned()).and_then(|bytes| pack::unpack(&bytes.0));
    unpacked.map_err(|why| {
        Error::user(format!("the Secret {} in {namespace} is damaged", name(number)))
            .because(why)
            .hint("go back to another one: helm iris rollback --list")
    })
}

/// Forgets all bundles of a hub.
///
/// # Errors
/// When that is not allowed.
pub async fn remove_all(cluster: &Cluster, namespace: &str) -> Result<()> {
    for applied in list(cluster, namespace).await? {
        let secret = name(applied.number);
        cluster.delete::<KubeSecret>(namespace, &secret, None).await.map_err(|error| {
            denied(&error, &cluster.server, &format!("remove the applied bundle (Secret {secret}) in {namespace}"))
        })?;
    }
    Ok(())
}

async fn read(cluster: &Cluster, namespace: &str, number: u64) -> Result<KubeSecret> {
    let doing = format!("read the applied bundle (Secret {}) in {namespace}", name(number));
    let found = cluster.get::<KubeSecret>(Some(namespace), &name(number)).await;
    found.map_err(|error| denied(&error, &cluster.server, &doing))?.ok_or_else(|| {
        Error::user(format!("there is no bundle {number} in {namespace}")).hint("see which: helm iris rollback --list")
    })
}

fn name(number: u64) -> String {
    format!("helm-iris-bundle-v{number}")
}
