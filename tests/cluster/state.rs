//! What a hub is in the cluster, to compare before and after.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Hub;

/// What must not change when nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// Newest revision by release.
    pub(super) revisions: BTreeMap<String, u64>,
    /// UIDs of all pods by name.
    pub(super) pods: BTreeMap<String, String>,
    /// Data of the Secrets that hold a hub's secrets.
    pub(super) secrets: BTreeMap<String, Value>,
}

impl Hub<'_> {
    /// What the API server holds of this hub.
    pub(super) fn state(&self) -> State {
        let mut revisions = BTreeMap::new();
        let mut secrets = BTreeMap::new();
        for secret in self.api().list(&self.core("secrets")) {
            let labels = &secret["metadata"]["labels"];
            let name = secret["metadata"]["name"].as_str().unwrap().to_owned();
            if labels["owner"] == "helm" {
                let revision: u64 = labels["version"].as_str().unwrap().parse().unwrap();
                let newest: &mut u64 = revisions.entry(labels["name"].as_str().unwrap().to_owned()).or_default();
                *newest = revision.max(*newest);
            } else {
                secrets.insert(name, secret["data"].clone());
            }
        }
        let pods = self.api().list(&self.core("pods"));
        let pods = pods.iter().map(|pod| &pod["metadata"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self::sorted(revisions, pods.map(|meta| (text(&meta["name"]), text(&meta["uid"]))).collect(), secrets)
    }

    fn sorted(
        revisions: BTreeMap<String, u64>,
        pods: BTreeMap<String, String>,
        secrets: BTreeMap<String, Value>,
    ) -> State {
        State { revisions, pods, secrets }
    }

    /// The newest revision of a release, 0 if there is none.
    pub(super) fn revision(&self, release: &str) -> u64 {
        self.state().revisions.get(release).copied().unwrap_or_default()
    }

    /// Nothing of this hub is in the cluster.
    pub(super) fn assert_nothing_installed(&self) {
        assert_eq!(self.state().revisions, BTreeMap::new());
    }
}
