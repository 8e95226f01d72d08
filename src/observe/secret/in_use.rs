//! A chart that is pointed at a Secret of ours makes secrets for its own all the same, by chance:
//! what its pods do not read is not in use.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bundle::manifest::{Manifest, ReleaseEntry};
use crate::observe::{ReleaseKey, ReleaseState, key};
use crate::secrets::Found;
use crate::secrets::delivered::{StoredSecret, secret_name};

/// Leaves out what a chart made for itself while our Secret, which it reads, is not there: that is
/// written again.
pub(in crate::observe) fn in_use(
    found: Vec<Found>,
    manifest: &Manifest,
    releases: &BTreeMap<ReleaseKey, ReleaseState>,
    delivered: &BTreeMap<String, StoredSecret>,
) -> Vec<Found> {
    let made_by_chance = |found: &Found, entry: &ReleaseEntry| {
        let ours = secret_name(&entry.chart);
        let key_there = found.place.split(':').nth(1).unwrap_or_default();
        let told = manifest
            .secrets
            .iter()
            .any(|secret| secret.name == found.name && secret.delivered.iter().any(|to| to.chart == entry.chart));
        let there = delivered.get(&ours).is_some_and(|stored| stored.ours && stored.content.contains_key(key_there));
        told && !there && releases.get(&key(entry)).is_some_and(|state| names(&state.config, &ours))
    };
    let in_use =
        |found: &Found| found.ledger.is_some() || !manifest.releases.iter().any(|entry| made_by_chance(found, entry));
    found.into_iter().filter(in_use).collect()
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
    use super::*;
    use crate::bundle::manifest::{Delivered, SecretEntry};
    use crate::bundle::tests::{manifest, release};
    use crate::redact::Secret;

    /// How much is left of the database's password in Secret `hub`, where a release reads a Secret of
    /// ours or not.
    fn left(config: &Value, delivered: Vec<Delivered>, stored_key: Option<&str>) -> usize {
        let found = Found {
            name: "database-password".into(),
            place: "hub:hub.db.password".into(),
            value: Secret::new("theirs".into()),
            ledger: None,
        };
        let secret = SecretEntry { name: "database-password".into(), delivered, ..SecretEntry::default() };
        let manifest = manifest(vec![release("daskhub")], vec![secret]);
        let state = ReleaseState {
            hub: None,
            revision: 1,
            status: "deployed".into(),
            began: None,
            description: String::new(),
            chart: "daskhub".into(),
            version: "1".into(),
            config: config.clone(),
            manifest: Secret::new(String::new()),
            server_side: false,
        };
        let content = stored_key.map(|key| (key.to_owned(), Secret::new("ours".into()))).into_iter().collect();
        let stored = StoredSecret { content, ours: true, resource_version: "1".into() };
        let releases = BTreeMap::from([(key(&manifest.releases[0]), state)]);
        let delivered = BTreeMap::from([("helm-iris-daskhub".to_owned(), stored)]);
        in_use(vec![found], &manifest, &releases, &delivered).len()
    }

    #[test]
    fn what_a_chart_made_by_chance_is_left_out() {
        let pointed = serde_json::json!({"jupyterhub": {"hub": {"existingSecret": "helm-iris-daskhub"}}});
        let plain = serde_json::json!({"jupyterhub": {"hub": {}}});
        let key = "hub.db.password";
        let to = || {
            vec![Delivered { chart: "daskhub".into(), key: key.into(), path: None, separator: None, previous: false }]
        };
        assert_eq!(left(&pointed, to(), None), 0, "our Secret was deleted, and is written again");
        assert_eq!(left(&pointed, to(), Some("other")), 0, "the key was");
        assert_eq!(left(&pointed, to(), Some(key)), 1, "what was read is ours");
        assert_eq!(left(&pointed, vec![], None), 1, "what is not delivered is read in the chart's Secret");
        assert_eq!(left(&plain, to(), None), 1, "a hub that reads its own: its secrets are taken over");
    }
}
