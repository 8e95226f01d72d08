//! Releases as Helm keeps them: one Secret per revision, of type `helm.sh/release.v1`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};

use ::kube::api::PartialObjectMeta;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures::future::try_join_all;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as KubeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::jupyterhub::HubVersion;
use crate::kube::{Cluster, denied};
use crate::redact::Secret;

/// The type of Helm's Secrets.
const TYPE: &str = "helm.sh/release.v1";
/// Helm's word for a revision that did not succeed.
const FAILED: &str = "failed";
/// More than etcd could hold even if it compressed a hundred to one.
const MAX_DECODED: u64 = 128 * 1024 * 1024;

/// The newest revision of a release.
#[derive(Clone)]
pub struct ReleaseState {
    /// Revision number.
    pub revision: u64,
    /// Helm's word for its state: `deployed`, `failed`, `pending-install`, …
    pub status: String,
    /// What Helm or we wrote about it.
    pub description: String,
    /// When helm began to make it, if that can be read.
    pub began: Option<Timestamp>,
    /// Name of the Helm chart.
    pub chart: String,
    /// Version of the Helm chart.
    pub version: String,
    /// The JupyterHub that it runs, if it runs one.
    pub hub: Option<HubVersion>,
    /// The values that were given to Helm. They hold secrets.
    pub config: Value,
    /// The objects it made, as YAML. They hold secrets.
    pub manifest: Secret,
    /// Whether the API server merged the objects, as Helm 4 does for releases that it began; Helm 4
    /// goes on as the revision before.
    pub server_side: bool,
}

impl ReleaseState {
    /// Whether helm works on it, or was killed while it did.
    pub fn is_pending(&self) -> bool {
        is_pending(&self.status)
    }
}

/// Whether helm works on a release of this state, or was killed while it did.
pub(super) fn is_pending(status: &str) -> bool {
    status.starts_with("pending-") || status == "uninstalling"
}

impl fmt::Debug for ReleaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReleaseState")
            .field("revision", &self.revision)
            .field("status", &self.status)
            .field("chart", &self.chart)
            .finish_non_exhaustive()
    }
}

/// The newest revision of each named release of a namespace, in the order of the names. Their
/// metadata is listed first, so that old revisions, each as large as the newest, are not fetched.
///
/// # Errors
/// When any of them cannot be read or understood: that is never the same as "not there".
pub(super) async fn newest(cluster: &Cluster, namespace: &str, names: &[&str]) -> Result<Vec<Option<ReleaseState>>> {
    let refused = &|error: &::kube::Error| {
        denied(error, &cluster.server, &format!("read Helm's releases (Secrets) in {namespace}"))
    };
    let all = cluster.list_metadata::<KubeSecret>(namespace, "owner=helm").await.map_err(|error| refused(&error))?;
    let all = all.as_slice();
    let reads = names.iter().map(|&name| async move {
        let Some(secret) = newest_of(all, name) else {
            return Ok(None);
        };
        match cluster.get::<KubeSecret>(Some(namespace), &secret).await {
            Ok(Some(secret)) => {
                let mut state = decode(&secret, name)?;
                if state.status != "deployed" && state.hub.is_some() {
                    state.hub = hub_that_ran(cluster, namespace, all, name).await.map_err(|error| refused(&error))?;
                }
                Ok(Some(state))
            }
            Ok(None) => Err(Error::user(format!("the release `{name}` was changed while it was read"))
                .hint("somebody else is at work; run the same command again when they are done")),
            Err(error) => Err(refused(&error)),
        }
    });
    try_join_all(reads).await
}

/// The newest revision of a release, if there is one.
///
/// # Errors
/// When it cannot be read or understood.
pub async fn newest_if_any(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<ReleaseState>> {
    Ok(newest(cluster, namespace, &[name]).await?.into_iter().flatten().next())
}

/// The newest revision of every release of a namespace by name, those that were made last first: the reverse
/// of the order in which they need each other.
///
/// # Errors
/// When any of them cannot be read or understood.
pub async fn all_releases(cluster: &Cluster, namespace: &str) -> Result<Vec<(String, ReleaseState)>> {
    let revisions = cluster
        .list_metadata::<KubeSecret>(namespace, "owner=helm")
        .await
        .map_err(|error| denied(&error, &cluster.server, &format!("read Helm's releases (Secrets) in {namespace}")))?;
    let made = |meta: &PartialObjectMeta<KubeSecret>| meta.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let mut since = BTreeMap::new();
    for revision in &revisions {
        let Some(name) = revision.metadata.labels.as_ref().and_then(|labels| labels.get("name")) else { continue };
        let oldest = since.entry(name.as_str()).or_insert_with(|| made(revision));
        *oldest = made(revision).min(*oldest);
    }
    let mut names: Vec<&str> = since.keys().copied().collect();
    names.sort_by_key(|name| std::cmp::Reverse(since[name]));
    let states = newest(cluster, namespace, &names).await?;
    Ok(names.into_iter().zip(states).filter_map(|(name, state)| Some((name.to_owned(), state?))).collect())
}

/// The newest revision of a release that helm has just written.
///
/// # Errors
/// When it is not there, or cannot be read or understood.
pub async fn newest_release(cluster: &Cluster, namespace: &str, name: &str) -> Result<ReleaseState> {
    newest_if_any(cluster, namespace, name).await?.ok_or_else(|| {
        Error::user(format!("the release `{name}` is gone"))
            .because(format!("Helm keeps nothing about it in {namespace}"))
    })
}

/// The JupyterHub of the newest revision that helm finished: one that it did not finish may never have run.
async fn hub_that_ran(
    cluster: &Cluster,
    namespace: &str,
    all: &[PartialObjectMeta<KubeSecret>],
    release: &str,
) -> std::result::Result<Option<HubVersion>, ::kube::Error> {
    let finished = |secret: &&PartialObjectMeta<KubeSecret>| {
        ["deployed", "superseded"].map(Some).contains(&label(secret, "status").as_deref())
    };
    let Some(name) = newest_among(all.iter().filter(finished), release) else { return Ok(None) };
    let secret = cluster.get::<KubeSecret>(Some(namespace), &name).await?;
    Ok(secret.and_then(|secret| decode(&secret, release).ok()?.hub))
}

fn label(secret: &PartialObjectMeta<KubeSecret>, key: &str) -> Option<String> {
    secret.metadata.labels.as_ref()?.get(key).cloned()
}

/// The name of the Secret with a release's newest revision.
fn newest_of(all: &[PartialObjectMeta<KubeSecret>], release: &str) -> Option<String> {
    newest_among(all.iter(), release)
}

fn newest_among<'s>(all: impl Iterator<Item = &'s PartialObjectMeta<KubeSecret>>, release: &str) -> Option<String> {
    all.filter(|secret| label(secret, "name").as_deref() == Some(release))
        .filter_map(|secret| Some((label(secret, "version")?.parse::<u64>().ok()?, secret.metadata.name.clone()?)))
        .max()
        .map(|(_, name)| name)
}

#[derive(Deserialize)]
struct Stored {
    info: StoredInfo,
    chart: StoredChart,
    #[serde(default)]
    config: Option<Value>,
    #[serde(default)]
    manifest: String,
    version: u64,
    #[serde(default)]
    apply_method: String,
}

#[derive(Deserialize)]
struct StoredInfo {
    status: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    last_deployed: String,
}

#[derive(Deserialize)]
struct StoredChart {
    metadata: Value,
}

#[derive(Deserialize)]
struct StoredMetadata {
    name: String,
    version: String,
}

fn broken(release: &str, why: &str) -> Error {
    Error::user(format!("what Helm keeps about the release `{release}` cannot be read"))
        .because(why)
        .hint(format!("try: helm history {release}; if that fails too, the release's newest Secret is damaged"))
}

/// What a Secret of Helm holds: JSON, gzipped, in base64 (within the base64 of every Secret).
fn unpack(secret: &KubeSecret, release: &str) -> Result<Vec<u8>> {
    let broken = |why: &str| broken(release, why);
    if secret.type_.as_deref() != Some(TYPE) {
        return Err(broken(&format!("its Secret is not of type {TYPE}")));
    }
    let data = secret
        .data
        .as_ref()
        .and_then(|data| data.get("release"))
        .ok_or_else(|| broken("its Secret has no key `release`"))?;
    let packed = STANDARD.decode(&data.0).map_err(|_| broken("not base64"))?;
    let mut json = Vec::new();
    // Helm before 3 wrote some without gzip, and still reads them.
    if packed.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(packed.as_slice()).take(MAX_DECODED).read_to_end(&mut json).map_err(|_| broken("not gzip"))?;
    } else {
        json = packed;
    }
    Ok(json)
}

/// The JSON of a release; the parser's message could quote a value, and values are secrets.
fn parse<T: DeserializeOwned>(json: &[u8], release: &str) -> Result<T> {
    serde_json::from_slice(json).map_err(|_| broken(release, "not the JSON of a release"))
}

/// A revision that is pending as helm itself writes one that did not succeed; none where it is not pending
/// any more.
///
/// # Errors
/// When it cannot be understood.
pub fn as_failed(secret: &KubeSecret, release: &str) -> Result<Option<KubeSecret>> {
    let mut stored: Value = parse(&unpack(secret, release)?, release)?;
    let info = stored.get_mut("info").and_then(Value::as_object_mut).ok_or_else(|| broken(release, "no `info`"))?;
    if !info.get("status").and_then(Value::as_str).is_some_and(is_pending) {
        return Ok(None);
    }
    info.insert("status".to_owned(), FAILED.into());
    info.insert("description".to_owned(), "left pending by a helm that was killed; freed by helm iris".into());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(stored.to_string().as_bytes()).and_then(|()| encoder.finish());
    let packed = packed.map_err(|error| Error::bug("gzip").because(error))?;
    let mut failed = secret.clone();
    let data = failed.data.get_or_insert_default();
    data.insert("release".to_owned(), ByteString(STANDARD.encode(packed).into_bytes()));
    failed.metadata.labels.get_or_insert_default().insert("status".to_owned(), FAILED.to_owned());
    Ok(Some(failed))
}

/// The name of the Secret of a revision.
pub fn secret_name(release: &str, revision: u64) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

pub(super) fn decode(secret: &KubeSecret, release: &str) -> Result<ReleaseState> {
    let stored: Stored = parse(&unpack(secret, release)?, release)?;
    let chart =
        StoredMetadata::deserialize(&stored.chart.metadata).map_err(|_| broken(release, "its chart has no name"))?;
    Ok(ReleaseState {
        revision: stored.version,
        status: stored.info.status,
        description: stored.info.description,
        began: stored.info.last_deployed.parse().ok(),
        hub: HubVersion::of_release(&stored.chart.metadata),
        chart: chart.name,
        version: chart.version,
        config: stored
            .config
            .filter(|config| !config.is_null())
            .unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        manifest: Secret::new(stored.manifest),
        server_side: stored.apply_method == "ssa",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(json: &[u8], gzip: bool) -> KubeSecret {
        let packed = if gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(json).unwrap();
            encoder.finish().unwrap()
        } else {
            json.to_vec()
        };
        KubeSecret {
            type_: Some(TYPE.into()),
            data: Some([("release".to_owned(), ByteString(STANDARD.encode(packed).into_bytes()))].into()),
            ..KubeSecret::default()
        }
    }

    #[test]
    fn a_release_is_decoded() {
        let json = json!({
            "name": "dhub", "namespace": "dhub", "version": 3,
            "info": {"status": "deployed", "description": "helm-iris chart sha256:ab", "notes": "n", "first_deployed": ""},
            "chart": {"metadata": {"name": "daskhub", "version": "0.1.0"}, "templates": [{"name": "t", "data": "eA=="}]},
            "config": {"a": {"password": "hunter2"}}, "manifest": "---\n", "hooks": []
        });
        for gzip in [true, false] {
            let state = decode(&secret(json.to_string().as_bytes(), gzip), "dhub").unwrap();
            assert_eq!((state.revision, state.status.as_str(), state.chart.as_str()), (3, "deployed", "daskhub"));
            assert_eq!(state.config["a"]["password"], "hunter2");
            assert!(!format!("{state:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_pending_revision_becomes_a_failed_one_and_nothing_else_changes() {
        let json = |status: &str| {
            json!({"name": "dhub", "version": 3, "info": {"status": status, "description": "Preparing upgrade"},
                "chart": {"metadata": {"name": "c", "version": "1"}}, "config": {"a": 1}, "manifest": "m", "hooks": [1]})
        };
        for status in ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"] {
            let failed = as_failed(&secret(json(status).to_string().as_bytes(), true), "dhub").unwrap().unwrap();
            assert_eq!(failed.metadata.labels.as_ref().unwrap()["status"], "failed");
            let mut stored: Value = parse(&unpack(&failed, "dhub").unwrap(), "dhub").unwrap();
            assert!(stored["info"]["description"].as_str().unwrap().contains("killed"));
            stored["info"]["description"] = "Preparing upgrade".into();
            assert_eq!(stored, json("failed"));
        }
        for status in ["deployed", "failed", "superseded", "uninstalled"] {
            assert_eq!(as_failed(&secret(json(status).to_string().as_bytes(), true), "dhub").unwrap(), None);
        }
    }

    #[test]
    fn empty_values_are_a_map() {
        let json =
            json!({"version": 1, "info": {"status": "deployed"}, "chart": {"metadata": {"name": "c", "version": "1"}}});
        assert_eq!(decode(&secret(json.to_string().as_bytes(), true), "c").unwrap().config, json!({}));
    }

    #[test]
    fn damage_is_an_error_that_shows_nothing() {
        let mut wrong_type = secret(b"{}", true);
        wrong_type.type_ = Some("Opaque".into());
        let truncated = secret(br#"{"version": 1, "config": {"password": "hunter2""#, true);
        let not_gzip = secret(&[0x1f, 0x8b, 1, 2, 3], false);
        for damaged in
            [wrong_type, truncated, not_gzip, KubeSecret { type_: Some(TYPE.into()), ..KubeSecret::default() }]
        {
            let error = decode(&damaged, "dhub").unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn the_newest_revision_is_the_highest_number() {
        let meta = |release: &str, version: &str| {
            let labels = [("name", release), ("owner", "helm"), ("version", version)];
            let mut meta = PartialObjectMeta::<KubeSecret>::default();
            meta.metadata.name = Some(format!("sh.helm.release.v1.{release}.v{version}"));
            meta.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
            meta
        };
        let all = [meta("a", "9"), meta("a", "10"), meta("b", "11"), meta("a", "2")];
        assert_eq!(newest_of(&all, "a").as_deref(), Some("sh.helm.release.v1.a.v10"));
        assert_eq!(newest_of(&all, "c"), None);
    }
}
