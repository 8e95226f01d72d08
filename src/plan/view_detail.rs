//! Manifests, drift and obstacles of a release as text.

use std::collections::BTreeMap;

use super::view::values;
use super::{Action, Manifests, Obstacle, ReleaseOperation};
use crate::drift::{Drift, Drifted, FieldDrift, How, Next};
use crate::objects::ObjectId;
use crate::text::folded;

/// How far the fields of an object are indented.
const FIELDS: usize = 6;
/// More objects than this are counted, not listed.
const MAX_OBJECTS: usize = 12;

/// What is told below a release's line.
pub(super) fn detail(release: &ReleaseOperation, width: usize) -> Vec<String> {
    let detail = &release.detail;
    let mut lines = Vec::new();
    if let Some(manifests) = &detail.manifests {
        lines.extend(if release.action == Action::Install { new(manifests, width) } else { changed(manifests, width) });
    }
    if let Some(why) = &detail.unrendered {
        lines.extend(folded(&format!("! objects not shown: {why}"), width, "  "));
    }
    lines.extend(detail.obstacles.iter().flat_map(|one| obstacle(one, width)));
    lines.extend(detail.drift.iter().flat_map(|drift| drifted(drift, release, width)));
    lines
}

/// The objects of a new release by their kinds.
fn new(manifests: &Manifests, width: usize) -> Vec<String> {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in &manifests.added {
        *kinds.entry(&object.kind).or_default() += 1;
    }
    let kinds: Vec<_> = kinds
        .into_iter()
        .map(|(kind, count)| if count == 1 { kind.to_owned() } else { format!("{count} {kind}") })
        .collect();
    match manifests.added.len() {
        0 => vec!["no objects".to_owned()],
        1 => folded(&format!("1 object: {}", kinds.join(", ")), width, "  "),
        count => folded(&format!("{count} objects: {}", kinds.join(", ")), width, "  "),
    }
}

fn changed(manifests: &Manifests, width: usize) -> Vec<String> {
    if manifests.is_empty() {
        return vec!["objects: none changes".to_owned()];
    }
    let mut told: Vec<Vec<String>> = Vec::new();
    for one in &manifests.changed {
        told.push(below(format!("~ {}", one.object), values(&one.fields, width - FIELDS)));
    }
    told.extend(manifests.added.iter().map(|object| vec![format!("+ {object}")]));
    told.extend(manifests.removed.iter().map(|object| vec![format!("- {object}")]));
    let mut lines = vec!["objects:".to_owned()];
    lines.extend(limited(told));
    if !manifests.restarts.is_empty() {
        lines.extend(folded(&format!("pods start anew: {}", names(&manifests.restarts)), width, "  "));
    }
    lines
}

fn drifted(drift: &Drift, release: &ReleaseOperation, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if !drift.is_empty() {
        lines.push("changed in the cluster since it was installed:".to_owned());
        lines.extend(limited(drift.objects.iter().map(|one| object(one, width)).collect()));
        lines.extend(outlook(drift, release).iter().flat_map(|text| folded(text, width, "  ")));
    }
    if !drift.hidden.is_empty() {
        let kinds: Vec<_> = drift.hidden.iter().map(String::as_str).collect();
        lines.extend(folded(&format!("drift unknown, you may not look at: {}", kinds.join(", ")), width, "  "));
    }
    lines
}

fn object(drifted: &Drifted, width: usize) -> Vec<String> {
    match &drifted.how {
        How::Gone => vec![format!("- {}: is gone", drifted.object)],
        How::Changed { fields } => {
            below(format!("~ {}", drifted.object), fields.iter().flat_map(|one| field(one, width)).collect())
        }
    }
}

/// A field, and who changed it.
fn field(field: &FieldDrift, width: usize) -> Vec<String> {
    let mut lines = values(std::slice::from_ref(&field.change), width - FIELDS);
    let who = field.by.as_deref().map(|by| match &field.at {
        Some(at) => format!("  by {by}, {at}"),
        None => format!("  by {by}"),
    });
    lines.extend(who);
    lines
}

/// What becomes of it.
fn outlook(drift: &Drift, release: &ReleaseOperation) -> Vec<String> {
    let is_kept = !release.changes();
    let next = drift.next();
    let mut told = Vec::new();
    if next.contains(&Next::PutBack) {
        told.push(if is_kept {
            "stays so while nothing else changes; to put it back: install with --force".to_owned()
        } else {
            "applying this puts back what helm set".to_owned()
        });
    }
    if next.contains(&Next::Conflict) {
        told.push(
            "helm stops at fields that others set to another value: put theirs into the site file, or overwrite \
             them with install --force-conflicts"
                .to_owned(),
        );
    }
    if next.contains(&Next::Agrees) {
        told.push("some of it is what this plan says too".to_owned());
    }
    if next.contains(&Next::Stays) {
        told.push("helm leaves alone what others added".to_owned());
    }
    told
}

fn obstacle(obstacle: &Obstacle, width: usize) -> Vec<String> {
    let field = if obstacle.path.is_empty() { String::new() } else { format!(": {}", obstacle.path) };
    let mut lines = folded(&format!("! {}{field}", obstacle.object), width, "  ");
    lines.extend(folded(&format!("  {}", obstacle.why), width, "  "));
    lines.extend(obstacle.ways.iter().flat_map(|way| folded(&format!("  {way}"), width, "    ")));
    lines
}

fn names(objects: &[ObjectId]) -> String {
    objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn below(head: String, lines: Vec<String>) -> Vec<String> {
    std::iter::once(head).chain(lines.into_iter().map(|line| format!("    {line}"))).collect()
}

/// The first objects, indented, and how many more there are.
fn limited(objects: Vec<Vec<String>>) -> Vec<String> {
    let more = objects.len().saturating_sub(MAX_OBJECTS);
    let mut lines: Vec<String> =
        objects.into_iter().take(MAX_OBJECTS).flatten().map(|line| format!("  {line}")).collect();
    if more > 0 {
        lines.push(format!("  … and {more} objects more"));
    }
    lines
}
