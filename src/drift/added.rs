//! Fields that somebody else set and the manifest says nothing about.

use serde_json::{Map, Value};

use super::manager::{Manager, Managers, element_key, fits};
use crate::objects::{Step, key_of, says_nothing};

/// Annotations that controllers and clients keep their own state in.
const BOOKKEEPING: [&str; 10] = [
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "kubectl.kubernetes.io/last-applied-configuration",
    "control-plane.alpha.kubernetes.io/",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
    "metallb.io/",
    "metallb.universe.tf/",
    "kube-vip.io/",
];
/// Fields that the cluster allocates, whoever writes them down.
const ALLOCATED: [&str; 12] = [
    "caBundle",
    "clusterIP",
    "clusterIPs",
    "creationTimestamp",
    "finalizers",
    "generation",
    "healthCheckNodePort",
    "nodePort",
    "ownerReferences",
    "resourceVersion",
    "status",
    "volumeName",
];

/// Maps whose keys are names that people choose.
const FREE: [&str; 7] = ["data", "binaryData", "labels", "annotations", "matchLabels", "nodeSelector", "selector"];

type Added<'l, 'm> = (Vec<Step>, &'l Value, &'m Manager<'l>);

/// Each field that others added, as far up as the manifest is silent, with its value and who set it.
pub(super) fn added<'l, 'm>(managers: &'m Managers<'l>, said: &Value, live: &'l Value) -> Vec<Added<'l, 'm>> {
    let mut found: Vec<Added<'l, 'm>> = Vec::new();
    for manager in managers.others.iter().filter(|manager| !manager.is_system) {
        let mut steps = Vec::new();
        let mut tell = |steps: &[Step], value| {
            if !found.iter().any(|(told, ..)| told == steps) {
                found.push((steps.to_vec(), value, manager));
            }
        };
        walk(manager.fields, Some(said), live, &mut steps, &mut tell);
    }
    found
}

fn walk<'l>(
    fields: &Value,
    said: Option<&Value>,
    live: &'l Value,
    steps: &mut Vec<Step>,
    tell: &mut dyn FnMut(&[Step], &'l Value),
) {
    for (field, below) in fields.as_object().into_iter().flatten() {
        let Some((step, said, live)) = down(field, said, live, steps) else { continue };
        steps.push(step);
        let said = said.filter(|said| !says_nothing(said));
        // `.` marks what they made themselves; else it is something within.
        let is_theirs = below.get(".").is_some() || below.as_object().is_none_or(Map::is_empty);
        match said {
            None if is_theirs => tell(steps, live),
            // What is owned whole was compared as a whole.
            said => walk(below, said, live, steps, tell),
        }
        steps.pop();
    }
}

/// One step further in the object and in the manifest; none where there is nothing to tell.
fn down<'l, 's>(
    field: &str,
    said: Option<&'s Value>,
    live: &'l Value,
    steps: &[Step],
) -> Option<(Step, Option<&'s Value>, &'l Value)> {
    if let Some(key) = field.strip_prefix("f:") {
        let is_bookkeeping = BOOKKEEPING.iter().any(|start| key.starts_with(start));
        let is_name = matches!(steps.last(), Some(Step::Key(map)) if FREE.contains(&map.as_str()));
        if is_bookkeeping || !is_name && ALLOCATED.contains(&key) {
            return None;
        }
        return Some((Step::Key(key.to_owned()), said.and_then(|said| said.get(key)), live.get(key)?));
    }
    let key = element_key(field)?;
    let find = |list: &Value| -> Option<usize> {
        list.as_array()?.iter().position(|item| item.as_object().is_some_and(|item| fits(&key, item)))
    };
    let place = find(live)?;
    let name = key_of(steps).unwrap_or("name");
    let id = key.get(name).or_else(|| key.values().next())?;
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let said = said.and_then(|said| said.get(find(said)?));
    Some((Step::Item { id, key: name, element: key }, said, live.get(place)?))
}
