//! A secret of two sides that cannot change at once: the side that can use either value goes first.

use std::collections::BTreeSet;

use super::build::{Desired, Input};
use super::{Action, Operation, Plan, Reason, ReleaseOperation};
use crate::bundle::manifest::{Manifest, ReleaseEntry, SecretEntry};
use crate::observe::Observed;
use crate::overlay;
use crate::redact::Secret;
use crate::secrets::delivered::secret_name;

/// Puts releases that still have the value before, and know only one, behind those that take either;
/// these are then waited for.
pub(super) fn order(operations: &mut Vec<Operation>, input: &Input<'_>) {
    for secret in input.manifest.secrets.iter().filter(|secret| secret.need().keeps_previous) {
        let entry = input.secrets.ledger.entries.get(&secret.name);
        let Some(previous) = entry.and_then(|entry| entry.previous.as_ref()) else { continue };
        let takes_either = |chart: &str| {
            let filled = secret.previous_fills.iter().any(|place| is_in(place, chart));
            filled || secret.delivered.iter().any(|to| to.previous && to.chart == chart)
        };
        let is_late = |desired: &&Desired| {
            !takes_either(&desired.entry.chart) && held_by(secret, &desired.entry, input.observed).contains(previous)
        };
        let late: BTreeSet<&str> =
            input.desired.iter().filter(is_late).map(|desired| desired.entry.name.as_str()).collect();
        if late.is_empty() {
            continue;
        }
        let (last, first): (Vec<_>, Vec<_>) = std::mem::take(operations)
            .into_iter()
            .partition(|operation| operation.release().is_some_and(|name| late.contains(name)));
        let early: Vec<String> = releases(&first).filter(|one| takes_either(&one.chart)).map(name).collect();
        operations.extend(first.into_iter().map(|operation| match operation {
            Operation::Release(mut release) if early.contains(&release.name) => {
                release.awaited = true;
                release.after.retain(|needed| !late.contains(needed.as_str()));
                Operation::Release(release)
            }
            other => other,
        }));
        operations.extend(last.into_iter().map(|operation| match operation {
            Operation::Release(mut release) => {
                release.after.extend(early.iter().cloned());
                Operation::Release(release)
            }
            other => other,
        }));
    }
}

fn releases(operations: &[Operation]) -> impl Iterator<Item = &ReleaseOperation> {
    operations.iter().filter_map(|operation| match operation {
        Operation::Release(release) => Some(release),
        _ => None,
    })
}

fn name(release: &ReleaseOperation) -> String {
    release.name.clone()
}

fn is_in(place: &str, chart: &str) -> bool {
    place.split_once(':').is_some_and(|(owner, _)| owner == chart)
}

/// The values of a secret that releases have, in their newest revisions or in the Secrets that they read.
pub fn held(secret: &SecretEntry, manifest: &Manifest, observed: &Observed) -> Vec<Secret> {
    manifest.releases.iter().flat_map(|entry| held_by(secret, entry, observed)).collect()
}

fn held_by(secret: &SecretEntry, entry: &ReleaseEntry, observed: &Observed) -> Vec<Secret> {
    let chart = entry.chart.as_str();
    let filled = observed.release(entry).into_iter().flat_map(|state| {
        let mine = secret.fills.iter().filter(|place| is_in(place, chart));
        let paths = mine.filter_map(|place| overlay::parse_path(place.split_once(':')?.1));
        paths.filter_map(|path| Some(Secret::new(overlay::get(&state.config, &path)?.as_str()?.to_owned())))
    });
    let stored = observed.delivered.get(&secret_name(chart));
    let keys = secret.delivered.iter().filter(|to| to.chart == chart && !to.previous && to.path.is_none());
    filled.chain(keys.filter_map(|to| stored?.content.get(&to.key).cloned())).collect()
}

impl Plan {
    /// Whether it does something, and nothing but putting other secrets to use.
    pub fn replaces_secrets_only(&self, manifest: &Manifest) -> bool {
        !self.is_empty() && self.operations.iter().all(|operation| is_about_secrets(operation, manifest))
    }
}

fn is_about_secrets(operation: &Operation, manifest: &Manifest) -> bool {
    let Operation::Release(release) = operation else {
        return matches!(operation, Operation::WriteLedger { .. } | Operation::WriteSecret { .. });
    };
    let entry = manifest.releases.iter().find(|entry| entry.name == release.name && entry.chart == release.chart);
    let fingerprints = entry.and_then(|entry| entry.delivery.as_ref()).map(|delivery| &delivery.fingerprints);
    let fills = manifest.secrets.iter().flat_map(|secret| secret.fills.iter().chain(&secret.previous_fills));
    let mine = fills.filter_map(|place| place.split_once(':').filter(|(owner, _)| *owner == release.chart));
    let paths: BTreeSet<&str> =
        mine.map(|(_, path)| path).chain(fingerprints.into_iter().flatten().map(String::as_str)).collect();
    match &release.action {
        Action::Keep { .. } | Action::Skip { .. } => true,
        Action::Install => false,
        Action::Upgrade { reasons, .. } => reasons.iter().all(|reason| match reason {
            Reason::Values { changes } => changes.iter().all(|change| paths.contains(change.path.as_str())),
            _ => false,
        }),
    }
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
