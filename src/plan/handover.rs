//! A secret of two sides that cannot change at once: the side that can use either value goes first.

use std::collections::BTreeSet;

use serde_json::Value;

use super::build::{Desired, Input};
use super::{Action, Operation, Plan, Reason};
use crate::bundle::manifest::{Manifest, SecretEntry};
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
        let is_late = |desired: &&Desired| !takes_either(&desired.entry.chart) && has(input, desired, secret, previous);
        let late: BTreeSet<&str> =
            input.desired.iter().filter(is_late).map(|desired| desired.entry.name.as_str()).collect();
        if late.is_empty() {
            continue;
        }
        let (last, first): (Vec<_>, Vec<_>) = std::mem::take(operations)
            .into_iter()
            .partition(|operation| operation.release().is_some_and(|name| late.contains(name)));
        operations.extend(first.into_iter().map(|operation| match operation {
            Operation::Release(mut release) => {
                release.awaited |= takes_either(&release.chart);
                Operation::Release(release)
            }
            other => other,
        }));
        operations.extend(last);
    }
}

fn is_in(place: &str, chart: &str) -> bool {
    place.split_once(':').is_some_and(|(owner, _)| owner == chart)
}

/// Whether a release has a value of a secret, in its newest revision or in the Secret that it reads.
fn has(input: &Input<'_>, desired: &Desired, secret: &SecretEntry, value: &Secret) -> bool {
    let chart = desired.entry.chart.as_str();
    let state = input.observed.release(&desired.entry);
    let paths = secret.fills.iter().filter(|place| is_in(place, chart)).filter_map(|place| {
        let (_, path) = place.split_once(':')?;
        overlay::parse_path(path)
    });
    let filled = |path: Vec<overlay::Step>| {
        state.is_some_and(|state| overlay::get(&state.config, &path).and_then(Value::as_str) == Some(value.expose()))
    };
    let stored = input.observed.delivered.get(&secret_name(chart));
    let keys = secret.delivered.iter().filter(|to| to.chart == chart && !to.previous).map(|to| &to.key);
    let mut held = keys.filter_map(|key| stored?.content.get(key));
    paths.into_iter().any(filled) || held.any(|held| held == value)
}

impl Plan {
    /// Whether it does something, and nothing but putting other secrets to use.
    pub fn replaces_secrets_only(&self, manifest: &Manifest) -> bool {
        !self.is_empty() && self.operations.iter().all(|operation| is_about_secrets(operation, manifest))
    }
}

fn is_about_secrets(operation: &Operation, manifest: &Manifest) -> bool {
    let Operation::Release(release) = operation else {
        return !matches!(operation, Operation::CreateNamespace { .. } | Operation::RemoveSecret { .. });
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
