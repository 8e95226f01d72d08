//! Secrets that a hub has already, in the Secrets of its charts: of a hub made by hand, or of ours.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Secret as KubeSecret;

use crate::bundle::manifest::SecretEntry;
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::redact::Secret;
use crate::secrets::Found;

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

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;
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
}
