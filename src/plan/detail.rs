//! What a plan tells of a release beyond its values: manifests, drift, and what cannot be done. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::obstacle::{self, Obstacle};
use super::{Plan, ReleaseOperation};
use crate::compare::{Secrecy, ValueChange};
use crate::drift::{Drift, Live, drift};
use crate::error::Error;
use crate::helm::Scrub;
use crate::objects::{Difference, Mode, Object, ObjectId, Step, differences, path_of};
use crate::observe::ReleaseKey;

/// Kinds whose pods start anew when their template changes.
const WITH_PODS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// What was read about a release to tell more of it.
#[derive(Default)]
pub struct Evidence {
    /// The objects of the revision that stands.
    pub stored: Vec<Object>,
    /// Each of them as it is; none where nobody looked.
    pub live: Option<Vec<Live>>,
    /// Whether the API server merged them.
    pub server_side: bool,
    /// The objects as helm would apply them, or why it cannot say; none where nothing would be applied.
    pub rendered: Option<Result<Vec<Object>, Error>>,
    /// What is there already of those that would be new, in the order of [`new_objects`].
    pub met: Vec<Live>,
    /// Whether the volumes of StorageClasses may grow, of those that [`growing`](super::growing) names and that
    /// may be read; by name.
    pub classes: BTreeMap<String, bool>,
}

/// What is told of a release besides its action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// How its objects would change; none where helm would not run, or was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifests: Option<Manifests>,
    /// Why helm could not say how they would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrendered: Option<String>,
    /// Changes that Kubernetes or helm would refuse.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<Obstacle>,
    /// What somebody changed in the cluster since; none where the release is new, or nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
}

/// How a release's objects would change, as helm renders them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifests {
    /// New ones.
    pub added: Vec<ObjectId>,
    /// Those that go.
    pub removed: Vec<ObjectId>,
    /// Those that change.
    pub changed: Vec<ChangedObject>,
    /// Those whose pods start anew.
    pub restarts: Vec<ObjectId>,
}

/// An object that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedObject {
    /// Which.
    #[serde(flatten)]
    pub object: ObjectId,
    /// Its fields that differ; checksums, which say only that pods start anew, are left out.
    pub fields: Vec<ValueChange>,
}

/// The objects that would be new.
pub fn new_objects<'o>(stored: &[Object], rendered: &'o [Object]) -> Vec<&'o Object> {
    rendered.iter().filter(|object| counterpart(stored, object).is_none()).collect()
}

impl Plan {
    /// Tells more of a release.
    pub fn add(&mut self, of: &ReleaseKey, evidence: &Evidence, scrub: &Scrub) {
        for operation in &mut self.operations {
            if let super::Operation::Release(release) = operation
                && (&release.namespace, &release.name) == (&of.0, &of.1)
            {
                *release.detail = detail(release, evidence, scrub);
            }
        }
    }
}

fn detail(release: &ReleaseOperation, evidence: &Evidence, scrub: &Scrub) -> Detail {
    let mut detail = Detail::default();
    if let Some(live) = evidence.live.as_ref().filter(|_| release.stands()) {
        let mut drift = drift(&evidence.stored, live, evidence.server_side, scrub);
        if let Some(Ok(rendered)) = &evidence.rendered {
            drift.before(rendered, &evidence.stored, live);
        }
        detail.drift = Some(drift);
    }
    match &evidence.rendered {
        Some(Ok(rendered)) => {
            detail.manifests = Some(manifests(&evidence.stored, rendered, scrub));
            detail.obstacles = obstacle::find(release, evidence, rendered);
        }
        Some(Err(error)) => {
            let hints = error.hints.iter().map(|hint| format!("; {hint}"));
            detail.unrendered = Some(std::iter::once(error.to_string()).chain(hints).collect());
        }
        None => {}
    }
    detail
}

/// What a release's objects are against what they would be.
pub(super) fn manifests(stored: &[Object], rendered: &[Object], scrub: &Scrub) -> Manifests {
    let mut manifests = Manifests::default();
    for new in rendered {
        match counterpart(stored, new) {
            None => manifests.added.push(new.id.clone()),
            Some(old) => compare(old, new, scrub, &mut manifests),
        }
    }
    let gone = stored.iter().filter(|old| counterpart(rendered, old).is_none() && !is_kept(old));
    manifests.removed = gone.map(|old| old.id.clone()).collect();
    manifests
}

/// Whether helm leaves it where it is, whatever becomes of its release.
fn is_kept(object: &Object) -> bool {
    object.value["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
}

fn compare(old: &Object, new: &Object, scrub: &Scrub, manifests: &mut Manifests) {
    let found = differences(&old.value, &new.value, Mode::Manifest, new.id.is_built_in());
    let in_template = |one: &Difference<'_>| matches!(one.steps.as_slice(), [Step::Key(spec), Step::Key(template), ..] if spec == "spec" && template == "template");
    if WITH_PODS.contains(&new.id.kind.as_str()) && found.iter().any(in_template) {
        manifests.restarts.push(new.id.clone());
    }
    let secrecy = Secrecy::of(scrub);
    let is_secret = new.id.kind == "Secret";
    let told = |one: &Difference<'_>| {
        let path = path_of(&one.steps);
        if is_secret { ValueChange::hidden(path, one.from, one.to) } else { secrecy.told(path, one.from, one.to) }
    };
    let fields: Vec<_> = found.iter().filter(|one| !is_checksum(one)).map(told).collect();
    if !fields.is_empty() {
        manifests.changed.push(ChangedObject { object: new.id.clone(), fields });
    }
}

/// Charts write digests of configuration into annotations, so that pods start anew with it.
fn is_checksum(one: &Difference<'_>) -> bool {
    matches!(one.steps.as_slice(), [.., Step::Key(map), Step::Key(key)] if map == "annotations" && key.starts_with("checksum/"))
}

pub(super) fn counterpart<'o>(objects: &'o [Object], of: &Object) -> Option<&'o Object> {
    objects.iter().find(|object| object.id.is_same(&of.id))
}

impl Manifests {
    /// Whether nothing would change, and no pod start anew.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty() && self.restarts.is_empty()
    }
}

#[cfg(test)]
#[path = "detail_tests.rs"]
pub(in crate::plan) mod tests;
