//! Secrets that a hub has already, in the Secrets of its charts: of a hub made by hand, or of ours.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Secret as KubeSecret;
use serde_json::Value;

use super::{ReleaseKey, ReleaseState};
use crate::bundle::manifest::{Manifest, SecretEntry};
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::redact::Secret;
use crate::secrets::Found;
use crate::secrets::delivered::{StoredSecret, secret_name};

pub(super) async fn found(cluster: &Cluster, namespace: &str, wanted: &[SecretEntry]) -> Result<Vec<Found>> {
    let names: BTreeSet<&str> = places(wanted).map(|(_, secret, _)| secret).collect();
    let reads = names.into_iter().map(|name| async move {
        let doing = format!("read the Secret {name} in {namespace}");
        let secret = cluster.get::<KubeSecret>(Some(namespace), name).await;
        secret.map(|secret| (name, secret)).map_err(|error| denied(&error, &cluster.server, &doing))
    });
    let secrets: BTreeMap<&str, KubeSecret> =
        try_join_all(reads).await?.into_iter().filter_map(|(name, secret)| Some((name, secret?))).collect();
    pick(wanted, &secrets)
}

fn places(wanted: &[SecretEntry]) -> impl Iterator<Item = (&SecretEntry, &str, &str)> {
    wanted.iter().flat_map(|entry| {
        entry.adopt.iter().filter_map(move |place| place.split_once(':').map(|(secret, key)| (entry, secret, key)))
    })
}

fn pick(wanted: &[SecretEntry], secrets: &BTreeMap<&str, KubeSecret>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for (entry, secret, key) in places(wanted) {
        let bytes = secrets.get(secret).and_then(|secret| secret.data.as_ref()?.get(key));
        // Charts write empty strings for what is not used.
        let Some(bytes) = bytes.filter(|bytes| !bytes.0.is_empty()) else {
            continue;
        };
        let value = String::from_utf8(bytes.0.clone()).map_err(|_| {
            Error::user(format!("`{}` cannot be taken over from the cluster", entry.name))
                .because(format!("Secret {secret}, key {key}: it is not text"))
        })?;
        let place = format!("{secret}:{key}");
        found.push(Found { name: entry.name.clone(), place, value: Secret::new(value) });
    }
    Ok(found)
}

/// Without what a chart keeps and its pods do not read: a chart that is pointed at a Secret of ours
/// makes secrets for its own all the same, by chance.
pub(super) fn in_use(
    found: Vec<Found>,
    manifest: &Manifest,
    releases: &BTreeMap<ReleaseKey, ReleaseState>,
    delivered: &BTreeMap<String, StoredSecret>,
) -> Vec<Found> {
    let replaced = |found: &Found| {
        let key = found.place.split_once(':').map_or("", |(_, key)| key);
        manifest.releases.iter().any(|entry| {
            let ours = secret_name(&entry.chart);
            let pointed = releases.get(&super::key(entry)).is_some_and(|state| names(&state.config, &ours));
            let told = |secret: &SecretEntry| {
                secret.name == found.name && secret.delivered.iter().any(|to| to.chart == entry.chart)
            };
            let holds = || delivered.get(&ours).is_some_and(|stored| stored.ours && stored.content.contains_key(key));
            pointed && (manifest.secrets.iter().any(told) || holds())
        })
    };
    found.into_iter().filter(|found| !replaced(found)).collect()
}

/// Whether one of the values is this text.
fn names(values: &Value, text: &str) -> bool {
    match values {
        Value::Object(map) => map.values().any(|value| names(value, text)),
        Value::Array(list) => list.iter().any(|value| names(value, text)),
        other => other.as_str() == Some(text),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;
    use crate::bundle::manifest::Delivered;
    use crate::bundle::tests::{manifest, release};
    use crate::secrets::SecretKind;

    #[test]
    fn what_is_there_and_not_empty_is_found() {
        let secret = |pairs: &[(&str, &[u8])]| KubeSecret {
            data: Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec()))).collect()),
            ..KubeSecret::default()
        };
        let entry = |name: &str, adopt: &[&str]| SecretEntry {
            name: name.into(),
            kind: SecretKind::Hex32,
            adopt: adopt.iter().map(ToString::to_string).collect(),
            ..SecretEntry::default()
        };
        let secrets = BTreeMap::from([("hub", secret(&[("a.b", b"value"), ("empty", b""), ("binary", b"\xff")]))]);
        let found = pick(&[entry("one", &["none:x", "hub:a.b"]), entry("two", &["hub:empty"])], &secrets).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].place.as_str()), ("one", "hub:a.b"));
        assert!(pick(&[entry("three", &["hub:binary"])], &secrets).is_err());
    }

    /// The database's password in Secret `hub`, and a release that reads a Secret of ours or not.
    fn left(config: &Value, delivered: Vec<Delivered>, stored_key: Option<&str>) -> usize {
        let place = "hub:hub.db.password".to_owned();
        let found = vec![Found { name: "database-password".into(), place, value: Secret::new("theirs".into()) }];
        let secret = SecretEntry { name: "database-password".into(), delivered, ..SecretEntry::default() };
        let manifest = manifest(vec![release("daskhub")], vec![secret]);
        let state = ReleaseState {
            revision: 1,
            status: "deployed".into(),
            description: String::new(),
            chart: "daskhub".into(),
            version: "1".into(),
            config: config.clone(),
            manifest: Secret::new(String::new()),
        };
        let content = stored_key.map(|key| (key.to_owned(), Secret::new("ours".into()))).into_iter().collect();
        let stored = StoredSecret { content, ours: true, resource_version: "1".into() };
        let releases = BTreeMap::from([(crate::observe::key(&manifest.releases[0]), state)]);
        in_use(found, &manifest, &releases, &BTreeMap::from([("helm-iris-daskhub".to_owned(), stored)])).len()
    }

    #[test]
    fn what_a_chart_keeps_and_does_not_read_is_left_out() {
        let pointed = serde_json::json!({"jupyterhub": {"hub": {"existingSecret": "helm-iris-daskhub"}}});
        let plain = serde_json::json!({"jupyterhub": {"hub": {}}});
        let key = "hub.db.password";
        let to = || {
            vec![Delivered { chart: "daskhub".into(), key: key.into(), path: None, separator: None, previous: false }]
        };
        assert_eq!(left(&pointed, to(), Some(key)), 0);
        assert_eq!(left(&pointed, to(), None), 0, "it was deleted, and is written again");
        assert_eq!(left(&pointed, vec![], Some(key)), 0, "on the way back to the values");
        assert_eq!(left(&pointed, vec![], Some("other")), 1, "what is not delivered is read in the chart's Secret");
        assert_eq!(left(&plain, to(), Some(key)), 1, "a hub that reads its own: its secrets are taken over");
    }
}
