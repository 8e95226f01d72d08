//! Who set which field, from an object's `managedFields`.

use serde_json::{Map, Value};

use crate::objects::Step;

/// Parts of Kubernetes itself, which write into objects that others made.
const SYSTEM: [&str; 8] =
    ["kube-apiserver", "kube-scheduler", "kubelet", "kube-proxy", "cluster-autoscaler", "kubelite", "k3s", "rke2"];

/// Somebody who set fields.
pub(super) struct Manager<'l> {
    pub(super) name: &'l str,
    pub(super) time: Option<&'l str>,
    /// Whether it is a part of Kubernetes.
    pub(super) is_system: bool,
    /// `fieldsV1`.
    pub(super) fields: &'l Value,
}

/// All that set fields of an object; the latest first.
pub(super) struct Managers<'l> {
    /// All but helm.
    pub(super) others: Vec<Manager<'l>>,
    /// The fields of helm.
    helm: Vec<&'l Value>,
}

impl<'l> Managers<'l> {
    pub(super) fn of(live: &'l Value) -> Self {
        let entries = live["metadata"]["managedFields"].as_array().into_iter().flatten();
        let all = entries.filter_map(|entry| Some((entry["manager"].as_str()?, entry)));
        // Helm calls itself by the name of its program; so do we.
        let (helm, others): (Vec<_>, Vec<_>) = all.partition(|(name, _)| name.to_lowercase().starts_with("helm"));
        let mut others: Vec<Manager<'_>> = others.into_iter().map(|(name, entry)| Manager::of(name, entry)).collect();
        others.sort_by_key(|manager| std::cmp::Reverse(manager.time));
        Self { others, helm: helm.into_iter().map(|(_, entry)| &entry["fieldsV1"]).collect() }
    }

    /// Who set a field last.
    pub(super) fn owner(&self, steps: &[Step]) -> Option<&Manager<'l>> {
        self.others.iter().find(|manager| owns(manager.fields, steps))
    }

    /// Whether helm set a field, and nobody after it: then what stands there instead of what the manifest
    /// says was put there when helm asked, by something that the cluster lets change requests.
    pub(super) fn is_helms_alone(&self, steps: &[Step]) -> bool {
        self.owner(steps).is_none() && self.helm.iter().any(|fields| owns(fields, steps))
    }
}

impl<'l> Manager<'l> {
    fn of(name: &'l str, entry: &'l Value) -> Self {
        let is_status = entry["subresource"] == "status";
        let is_system =
            is_status || SYSTEM.contains(&name) || name.contains("controller-manager") || name.starts_with("csi-");
        Self { name, time: entry["time"].as_str(), is_system, fields: &entry["fieldsV1"] }
    }
}

/// Whether a set of fields holds one, or what it is a part of.
fn owns(fields: &Value, steps: &[Step]) -> bool {
    let Some(map) = fields.as_object() else { return false };
    let Some((step, rest)) = steps.split_first() else { return true };
    // What has nothing below it is owned whole.
    if map.is_empty() {
        return true;
    }
    match step {
        Step::Key(key) => map.get(&format!("f:{key}")).is_some_and(|below| owns(below, rest)),
        Step::Item { element, .. } => {
            map.iter().any(|(key, below)| element_key(key).is_some_and(|key| fits(&key, element)) && owns(below, rest))
        }
        Step::Index(_) => false,
    }
}

/// The key of a list's element: `k:{"name":"hub"}`.
pub(super) fn element_key(key: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(key.strip_prefix("k:")?).ok()
}

/// Whether an element has that key; what it leaves open is a default.
pub(super) fn fits(key: &Map<String, Value>, element: &Map<String, Value>) -> bool {
    let same = |(name, value): (&String, &Value)| element.get(name).is_none_or(|own| own == value);
    key.iter().all(same) && key.keys().any(|name| element.contains_key(name))
}
