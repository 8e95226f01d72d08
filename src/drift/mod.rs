//! What somebody changed in the cluster since a release was installed. Pure.
//!
//! A live object is compared with what the manifest says, and with nothing else: what Kubernetes
//! fills in, and what its controllers write, is no drift. Who changed a field is read from the
//! object's `managedFields`, and so is what others added.

mod added;
mod manager;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::compare::{Secrecy, ValueChange};
use crate::helm::Scrub;
use crate::objects::{Mode, Object, ObjectId, Step, differences, path_of};
use manager::Managers;

/// An object of a manifest as the cluster has it.
#[derive(Clone)]
pub enum Live {
    /// It is there.
    There(Value),
    /// The cluster says that there is none.
    Gone,
    /// We may not look.
    Hidden,
}

/// How a release's objects differ from its manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The objects that differ, in the manifest's order.
    pub objects: Vec<Drifted>,
    /// Kinds of which an object may not be read, so that nothing is known of it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub hidden: BTreeSet<String>,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drifted {
    /// Which.
    #[serde(flatten)]
    pub object: ObjectId,
    /// How.
    #[serde(flatten)]
    pub how: How,
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "drift", rename_all = "kebab-case")]
pub enum How {
    /// Somebody deleted it.
    Gone,
    /// Fields of it differ.
    Changed {
        /// Which.
        fields: Vec<FieldDrift>,
    },
}

/// A field that differs: `from` is what was installed, `to` what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDrift {
    /// Path and values.
    #[serde(flatten)]
    pub change: ValueChange,
    /// Who set it, as the client called itself, e.g. `kubectl-edit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What the next installation of the release does with it.
    pub next: Next,
}

/// What happens to a drifted field when helm applies its release again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// Helm puts it back.
    PutBack,
    /// Helm leaves it as it is.
    Stays,
    /// Helm stops: it does not overwrite what others set.
    Conflict,
    /// What is to be installed says the same.
    Agrees,
}

impl Drift {
    /// Whether nothing is known to differ.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// What happens to the fields, each kind once.
    pub fn next(&self) -> BTreeSet<Next> {
        let of = |drifted: &Drifted| match &drifted.how {
            How::Gone => vec![Next::PutBack],
            How::Changed { fields } => fields.iter().map(|field| field.next).collect(),
        };
        self.objects.iter().flat_map(of).collect()
    }

    /// Takes into account what is to be installed: where that says what is there, nothing is put back.
    pub fn before(&mut self, rendered: &[Object], stored: &[Object], live: &[Live]) {
        for drifted in &mut self.objects {
            let place = stored.iter().position(|object| object.id == drifted.object);
            let live = place.and_then(|place| live.get(place));
            let new = rendered.iter().find(|object| object.id.is_same(&drifted.object));
            let (Some(Live::There(live)), Some(new), How::Changed { fields }) = (live, new, &mut drifted.how) else {
                continue;
            };
            let said = said(&new.value);
            let differ: BTreeSet<String> = differences(&said, live, Mode::Live, new.id.is_built_in())
                .iter()
                .map(|one| path_of(&one.steps))
                .collect();
            for field in fields.iter_mut().filter(|field| field.next != Next::Stays) {
                if !differ.contains(&field.change.path) {
                    field.next = Next::Agrees;
                }
            }
        }
    }

    /// The same without any value: where our secrets are not known, anything may hold one.
    #[must_use]
    pub fn without_values(mut self) -> Self {
        for drifted in &mut self.objects {
            if let How::Changed { fields } = &mut drifted.how {
                for field in fields {
                    field.change.hide();
                }
            }
        }
        self
    }

    /// In a word or two, for `status`.
    pub fn word(&self) -> String {
        match (self.objects.len(), self.hidden.is_empty()) {
            (0, true) => "none".to_owned(),
            (0, false) => "unknown".to_owned(),
            (1, _) => "1 object".to_owned(),
            (count, _) => format!("{count} objects"),
        }
    }
}

/// The drift of a release: its objects, and each as it is. `server_side`: helm applied it on the
/// server, where others' fields are known and respected.
pub fn drift(objects: &[Object], live: &[Live], server_side: bool, scrub: &Scrub) -> Drift {
    let secrecy = Secrecy::of(scrub);
    let mut drift = Drift::default();
    for (object, live) in objects.iter().zip(live) {
        let how = match live {
            Live::Hidden => {
                drift.hidden.insert(object.id.kind.clone());
                continue;
            }
            Live::Gone => How::Gone,
            Live::There(live) => match fields(object, live, server_side, &secrecy) {
                fields if fields.is_empty() => continue,
                fields => How::Changed { fields },
            },
        };
        drift.objects.push(Drifted { object: object.id.clone(), how });
    }
    drift
}

fn fields(object: &Object, live: &Value, server_side: bool, secrecy: &Secrecy<'_>) -> Vec<FieldDrift> {
    let is_secret = object.id.kind == "Secret";
    let managers = Managers::of(live);
    let told = |steps: &[_], from, to, next, manager: Option<&manager::Manager<'_>>| FieldDrift {
        change: if is_secret {
            ValueChange::hidden(path_of(steps), from, to)
        } else {
            secrecy.told(path_of(steps), from, to)
        },
        by: manager.map(|manager| manager.name.to_owned()),
        at: manager.and_then(|manager| manager.time).map(str::to_owned),
        next,
    };
    let said = said(&object.value);
    let mut fields = Vec::new();
    for one in differences(&said, live, Mode::Live, object.id.is_built_in()) {
        // A certificate is put in by who serves it; what others put in when helm asks, they will again.
        let is_certificate = matches!(one.steps.last(), Some(Step::Key(key)) if key == "caBundle");
        if is_certificate || one.to.is_some() && managers.is_helms_alone(&one.steps) {
            continue;
        }
        let manager = managers.owner(&one.steps);
        let next = match (server_side, one.to) {
            (true, Some(_)) if manager.is_some() => Next::Conflict,
            // Helm's own client computes patches for unknown kinds from its two manifests alone.
            (false, _) if !object.id.is_built_in() => Next::Stays,
            _ => Next::PutBack,
        };
        fields.push(told(&one.steps, one.from, one.to, next, manager));
    }
    for (steps, value, manager) in added::added(&managers, &said, live) {
        fields.push(told(&steps, None, Some(value), Next::Stays, Some(manager)));
    }
    fields
}

/// What a manifest asks for: not the state that only the cluster knows, nor what names the object.
fn said(manifest: &Value) -> Value {
    let mut said = manifest.clone();
    if let Some(map) = said.as_object_mut() {
        for key in ["status", "apiVersion", "kind"] {
            map.remove(key);
        }
    }
    if let Some(metadata) = said.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| matches!(key.as_str(), "labels" | "annotations" | "finalizers" | "ownerReferences"));
    }
    said
}

#[cfg(test)]
mod tests;
