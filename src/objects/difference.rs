//! Where two objects differ in what they mean.

use serde_json::{Map, Value};

use super::list::{by_key, key_of};
use super::scalar;
use crate::yaml::printable;

/// What is compared with what a manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Another manifest: what only that one says is a difference too.
    Manifest,
    /// The object in the cluster: Kubernetes has filled in what the manifest leaves open, and leaves
    /// out what is empty.
    Live,
}

/// One step on the way to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a map.
    Key(String),
    /// To the element of a list by its place.
    Index(usize),
    /// To the element of a list that is merged by a key.
    Item {
        /// The element as people know it.
        id: String,
        /// The key.
        key: &'static str,
        /// What tells it from others.
        element: Map<String, Value>,
    },
}

/// A field that differs.
#[derive(Clone)]
pub struct Difference<'v> {
    /// Where it is.
    pub steps: Vec<Step>,
    /// What the manifest says.
    pub from: Option<&'v Value>,
    /// What the other one says.
    pub to: Option<&'v Value>,
}

/// Fields that mean something by being `false` or 0, so that Kubernetes never leaves them out.
const KEPT_WHEN_ZERO: [&str; 24] = [
    "allowPrivilegeEscalation",
    "allowVolumeExpansion",
    "automountServiceAccountToken",
    "averageUtilization",
    "enableServiceLinks",
    "fsGroup",
    "hostUsers",
    "immutable",
    "maxSurge",
    "maxUnavailable",
    "minAvailable",
    "minReplicas",
    "optional",
    "privileged",
    "progressDeadlineSeconds",
    "readOnlyRootFilesystem",
    "replicas",
    "revisionHistoryLimit",
    "runAsGroup",
    "runAsNonRoot",
    "runAsUser",
    "shareProcessNamespace",
    "suspend",
    "terminationGracePeriodSeconds",
];

/// Maps whose values are quantities.
const OF_QUANTITIES: [&str; 10] =
    ["requests", "limits", "capacity", "hard", "default", "defaultRequest", "max", "min", "allocatable", "podFixed"];
/// Quantities by themselves.
const QUANTITIES: [&str; 3] = ["sizeLimit", "divisor", "averageValue"];

/// Every field in which an object (`from`, as a manifest says it) differs from another.
pub fn differences<'v>(from: &'v Value, to: &'v Value, mode: Mode, is_built_in: bool) -> Vec<Difference<'v>> {
    let mut walk = Walk { mode, is_built_in, steps: Vec::new(), found: Vec::new() };
    walk.compare(Some(from), Some(to));
    walk.found
}

/// A field as people read it: `spec.template.spec.containers[hub].image`.
pub fn path_of(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(&printable(key)),
            Step::Key(key) => path.push_str(&format!(".{}", printable(key))),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Item { id, .. } => path.push_str(&format!("[{}]", printable(id))),
        }
    }
    path
}

struct Walk<'v> {
    mode: Mode,
    is_built_in: bool,
    steps: Vec<Step>,
    found: Vec<Difference<'v>>,
}

impl<'v> Walk<'v> {
    fn compare(&mut self, from: Option<&'v Value>, to: Option<&'v Value>) {
        let (from, to) = (from.filter(|value| !value.is_null()), to.filter(|value| !value.is_null()));
        match (from, to) {
            (None, None) => {}
            (None, Some(_)) | (Some(_), None) if self.may_be_absent(from) => {}
            (Some(from), Some(_)) if self.mode == Mode::Live && says_nothing(from) => {}
            (Some(Value::Object(old)), Some(Value::Object(new))) => self.maps(old, new),
            (Some(Value::Array(old)), Some(Value::Array(new))) => self.lists(old, new, (from, to)),
            (Some(old), Some(new)) if scalar::same(old, new, self.is_quantity()) => {}
            _ => self.found.push(Difference { steps: self.steps.clone(), from, to }),
        }
    }

    fn step(&mut self, step: Step, from: Option<&'v Value>, to: Option<&'v Value>) {
        self.steps.push(step);
        self.compare(from, to);
        self.steps.pop();
    }

    fn maps(&mut self, old: &'v Map<String, Value>, new: &'v Map<String, Value>) {
        for (key, from) in old {
            self.step(Step::Key(key.clone()), Some(from), new.get(key));
        }
        if self.mode == Mode::Manifest {
            for (key, to) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                self.step(Step::Key(key.clone()), None, Some(to));
            }
        }
    }

    fn lists(&mut self, old: &'v [Value], new: &'v [Value], whole: (Option<&'v Value>, Option<&'v Value>)) {
        let key = if self.is_built_in { key_of(&self.steps) } else { None };
        if let Some(pairs) = key.and_then(|key| by_key(old, new, key)) {
            let mode = self.mode;
            for (step, from, to) in pairs.into_iter().filter(|(_, from, _)| mode == Mode::Manifest || from.is_some()) {
                self.step(step, from, to);
            }
            return;
        }
        if old.len() != new.len() {
            self.found.push(Difference { steps: self.steps.clone(), from: whole.0, to: whole.1 });
            return;
        }
        for (index, (from, to)) in old.iter().zip(new).enumerate() {
            self.step(Step::Index(index), Some(from), Some(to));
        }
    }

    /// Whether what the manifest says may be missing in the cluster, or the other way round, without
    /// meaning anything else.
    fn may_be_absent(&self, from: Option<&Value>) -> bool {
        if self.mode == Mode::Manifest {
            return false;
        }
        let Some(from) = from else { return true };
        let kept = matches!(self.steps.last(), Some(Step::Key(key)) if KEPT_WHEN_ZERO.contains(&key.as_str()));
        // Of kinds that Kubernetes does not know, nobody can say what a field means that is left out.
        let is_default = self.is_built_in && !kept && (*from == Value::Bool(false) || from.as_f64() == Some(0.0));
        says_nothing(from) || is_default
    }

    fn is_quantity(&self) -> bool {
        if !self.is_built_in {
            return false;
        }
        match self.steps.as_slice() {
            [.., Step::Key(map), Step::Key(_)] if OF_QUANTITIES.contains(&map.as_str()) => true,
            [.., Step::Key(key)] => QUANTITIES.contains(&key.as_str()),
            _ => false,
        }
    }
}

/// Whether a manifest leaves it to Kubernetes: null, and what Kubernetes takes for it.
pub fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(says_nothing),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
