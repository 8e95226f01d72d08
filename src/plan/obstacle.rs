//! Changes that Kubernetes or helm would refuse, told before anything is attempted.

use serde::Serialize;
use serde_json::Value;

use super::detail::{Evidence, new_objects};
use super::{Plan, ReleaseOperation};
use crate::drift::Live;
use crate::error::{Error, Result};
use crate::helm::{Explanation, fixed_class, fixed_stateful_set};
use crate::objects::{Mode, Object, ObjectId, differences, is_less, path_of};
use crate::problem::Problem;

/// A change that would be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The object.
    #[serde(flatten)]
    pub object: ObjectId,
    /// The field, or nothing where it is about the whole object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Why it would be refused.
    pub why: String,
    /// Ways out.
    pub ways: Vec<String>,
}

/// What can never be changed: the kind, and where its fields begin.
const FIXED: &[(&str, &[&str])] = &[
    ("StorageClass", &["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]),
    ("StatefulSet", &["spec.volumeClaimTemplates", "spec.serviceName", "spec.selector", "spec.podManagementPolicy"]),
    ("Deployment", &["spec.selector"]),
    ("DaemonSet", &["spec.selector"]),
    ("Job", &["spec.selector", "spec.template", "spec.completionMode"]),
    ("Service", &["spec.clusterIP"]),
    (
        "PersistentVolumeClaim",
        &["spec.accessModes", "spec.storageClassName", "spec.selector", "spec.volumeMode", "spec.volumeName"],
    ),
    ("PriorityClass", &["value", "preemptionPolicy"]),
    ("RoleBinding", &["roleRef"]),
    ("ClusterRoleBinding", &["roleRef"]),
    ("Secret", &["type"]),
];

/// What of a ConfigMap or Secret that says `immutable: true` is.
const SEALED: [&str; 3] = ["data", "binaryData", "immutable"];

/// The size of a claim, which may grow.
const SIZE: &str = "spec.resources.requests.storage";

/// Stops before something is attempted that would be refused half-way.
///
/// # Errors
/// All obstacles of the plan at once.
pub fn refuse_obstacles(plan: &Plan) -> Result<()> {
    let problem = |(release, obstacle): (&ReleaseOperation, &Obstacle)| {
        let field = if obstacle.path.is_empty() { String::new() } else { format!(", {}", obstacle.path) };
        let message = format!("{}{field}: {}", obstacle.object, obstacle.why);
        Problem::error(release.name.clone(), None, message).fix(obstacle.ways.join("; "))
    };
    let problems: Vec<Problem> = plan.obstacles().map(problem).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::problems("the cluster would refuse a part of this, so nothing was done", problems))
}

/// All that would be refused of what helm rendered.
pub(super) fn find(release: &ReleaseOperation, evidence: &Evidence, rendered: &[Object]) -> Vec<Obstacle> {
    let mut found = Vec::new();
    for new in rendered {
        let Some(place) = evidence.stored.iter().position(|old| old.id.is_same(&new.id)) else { continue };
        let live = evidence.live.as_ref().and_then(|live| live.get(place));
        found.extend(fixed(&evidence.stored[place], live, new, &release.namespace));
        if let Some(Live::There(live)) = live {
            found.extend(stuck(live, new, evidence, &release.namespace));
        }
    }
    for (new, met) in new_objects(&evidence.stored, rendered).into_iter().zip(&evidence.met) {
        if let Live::There(there) = met {
            found.extend(owned_by_another(release, new, there));
        }
    }
    found
}

/// What of an object can never be changed and would have to be.
fn fixed(old: &Object, live: Option<&Live>, new: &Object, namespace: &str) -> Option<Obstacle> {
    let path = match live {
        // It would be made anew.
        Some(Live::Gone) => return None,
        Some(Live::There(live)) => first(new, &new.value, live, Mode::Live).or_else(|| {
            let path = first(new, &old.value, &new.value, Mode::Manifest)?;
            // Left out now, and still there.
            let gone = differences(&old.value, live, Mode::Live, true)
                .iter()
                .all(|one| !path_of(&one.steps).starts_with(&path));
            let left_out = differences(&old.value, &new.value, Mode::Manifest, true)
                .iter()
                .any(|one| one.to.is_none() && path_of(&one.steps) == path);
            (gone && left_out).then_some(path)
        }),
        _ => first(new, &old.value, &new.value, Mode::Manifest),
    }?;
    let Explanation { meaning, hints, .. } = explain(&new.id, namespace);
    Some(Obstacle { object: new.id.clone(), path, why: meaning, ways: hints })
}

/// The first field that differs and may not.
fn first(of: &Object, one: &Value, two: &Value, mode: Mode) -> Option<String> {
    let fixed = FIXED.iter().find(|(kind, _)| *kind == of.id.kind).map_or(&[] as &[&str], |(_, fields)| *fields);
    // The second is what stands in the cluster, or stood there by what Helm knows.
    let is_sealed = match mode {
        Mode::Live => two,
        Mode::Manifest => one,
    }["immutable"]
        == true;
    let sealed: &[&str] = if is_sealed { &SEALED } else { &[] };
    let is_fixed = |path: &str| {
        fixed
            .iter()
            .chain(sealed)
            .any(|field| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
    };
    differences(one, two, mode, of.id.is_built_in()).into_iter().find_map(|found| {
        let path = path_of(&found.steps);
        // In the cluster stands what was there before, else the second is what is to come.
        let (is, will_be) = if mode == Mode::Live { (found.to, found.from) } else { (found.from, found.to) };
        let shrinks = of.id.kind == "PersistentVolumeClaim"
            && path == SIZE
            && will_be.zip(is).is_none_or(|(will_be, is)| is_less(will_be, is));
        (is_fixed(&path) || shrinks).then_some(path)
    })
}

/// The StorageClasses of which it matters whether their volumes may grow: those of claims that would.
pub fn growing(evidence: &Evidence) -> Vec<String> {
    let (Some(lives), Some(Ok(rendered))) = (&evidence.live, &evidence.rendered) else { return Vec::new() };
    let pairs = evidence.stored.iter().zip(lives);
    let class = |(old, live): (&Object, &Live)| match live {
        Live::There(live) => rendered
            .iter()
            .find(|new| new.id.is_same(&old.id) && grows(live, new))
            .and_then(|_| class_of(live))
            .map(str::to_owned),
        _ => None,
    };
    pairs.filter_map(class).collect()
}

/// Whether a claim shall have more than it asks for.
fn grows(live: &Value, new: &Object) -> bool {
    let size = |of: &Value| of.pointer("/spec/resources/requests/storage").cloned();
    new.id.kind == "PersistentVolumeClaim" && size(live).zip(size(&new.value)).is_some_and(|(is, to)| is_less(&is, &to))
}

fn class_of(claim: &Value) -> Option<&str> {
    claim.pointer("/spec/storageClassName")?.as_str().filter(|class| !class.is_empty())
}

/// A volume that would have to grow, and cannot.
fn stuck(live: &Value, new: &Object, evidence: &Evidence, namespace: &str) -> Option<Obstacle> {
    if !grows(live, new) {
        return None;
    }
    let (name, again) = (&new.id.name, "then run the same command again");
    let (why, way) = if live.pointer("/status/phase").and_then(Value::as_str) != Some("Bound") {
        let why = "a volume can grow only once it is there, and this claim has none yet".to_owned();
        (why, format!("see why: kubectl describe pvc {name} -n {namespace}; {again}"))
    } else if let Some(class) = class_of(live) {
        let may_grow = evidence.classes.get(class)?;
        if *may_grow {
            return None;
        }
        let why = format!("its StorageClass `{class}` lets no volume grow (allowVolumeExpansion)");
        let allow = format!("kubectl patch storageclass {class} -p '{{\"allowVolumeExpansion\": true}}'");
        (why, format!("if the cloud's driver can do it: {allow}; {again}"))
    } else {
        let why =
            "its volume was made by hand, without a StorageClass, and Kubernetes lets none of those grow".to_owned();
        (why, "copy the data to a new claim".to_owned())
    };
    let ways = vec![way, "or undo the change".to_owned()];
    Some(Obstacle { object: new.id.clone(), path: SIZE.to_owned(), why, ways })
}

fn explain(id: &ObjectId, namespace: &str) -> Explanation {
    let namespace = id.namespace.as_deref().unwrap_or(namespace);
    let told =
        |meaning: &str, hints: Vec<String>| Explanation { meaning: meaning.to_owned(), hints, overruled_by: None };
    let delete = |what: &str| {
        format!(
            "or delete it{what}: kubectl delete {} {} -n {namespace}; then run the same command again",
            id.kind.to_lowercase(),
            id.name
        )
    };
    match id.kind.as_str() {
        "StorageClass" => fixed_class(&id.name),
        "StatefulSet" => fixed_stateful_set(&id.name, namespace),
        "PersistentVolumeClaim" => told(
            "a volume can grow, and nothing else of a claim can ever be changed",
            vec!["undo the change; to use another volume, copy the data to a new claim".into()],
        ),
        "Service" => told(
            "the address of a Service inside the cluster can never be changed",
            vec!["undo the change".into(), delete(" (a public address may be lost with it)")],
        ),
        "Deployment" | "DaemonSet" => told(
            "the selector of pods can never be changed",
            vec!["undo the change".into(), delete(" (its pods stop, and start anew)")],
        ),
        _ => told("this can never be changed once it is made", vec!["undo the change".into(), delete("")]),
    }
}

/// Helm touches nothing that it did not make for this release.
fn owned_by_another(release: &ReleaseOperation, new: &Object, there: &Value) -> Option<Obstacle> {
    let annotation = |key: &str| there["metadata"]["annotations"][key].as_str();
    let owner = annotation("meta.helm.sh/release-name").zip(annotation("meta.helm.sh/release-namespace"));
    let is_helms = there["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm";
    let (why, ways) = match owner {
        Some((name, namespace)) if (name, namespace) == (&release.name, &release.namespace) && is_helms => return None,
        Some((name, namespace)) if is_helms => (
            format!("it exists and belongs to the release `{name}` of {namespace}"),
            vec![
                "cluster-wide names carry the release's name: install this hub in another namespace (-n NAME)"
                    .to_owned(),
                "or uninstall the other release first".to_owned(),
            ],
        ),
        _ => (
            "it exists and was not made by helm, so helm does not touch it".to_owned(),
            vec!["delete it if nothing needs it, then run the same command again".to_owned()],
        ),
    };
    Some(Obstacle { object: new.id.clone(), path: String::new(), why, ways })
}

#[cfg(test)]
#[path = "obstacle_tests.rs"]
mod tests;
