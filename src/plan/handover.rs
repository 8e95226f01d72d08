//! A secret of two sides that cannot change at once: the side that can use either value goes first.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Input, Operation};
use crate::bundle::manifest::{Manifest, ReleaseEntry, SecretEntry};
use crate::observe::Observed;
use crate::overlay;
use crate::redact::Secret;
use crate::secrets::Ledger;

/// Puts releases that still hold the value before, and know only one, behind those that take either;
/// these are then waited for.
pub(super) fn order(operations: &mut Vec<Operation>, input: &Input<'_>) {
    for secret in input.manifest.secrets.iter().filter(|secret| !secret.previous_fills.is_empty()) {
        let either: BTreeSet<&str> = charts(&secret.previous_fills).collect();
        let late: BTreeSet<&str> = charts(&secret.fills)
            .filter(|chart| !either.contains(chart) && holds_previous(input, secret, chart))
            .collect();
        if late.is_empty() {
            continue;
        }
        let is_late =
            |operation: &Operation| matches!(operation, Operation::Release(one) if late.contains(one.chart.as_str()));
        let (last, first): (Vec<_>, Vec<_>) = std::mem::take(operations).into_iter().partition(is_late);
        operations.extend(first.into_iter().map(|operation| match operation {
            Operation::Release(mut release) => {
                release.awaited |= either.contains(release.chart.as_str());
                Operation::Release(release)
            }
            other => other,
        }));
        operations.extend(last);
    }
}

/// The secrets of which a release still has a value that the ledger knows to be an old one.
pub fn outdated(manifest: &Manifest, observed: &Observed, ledger: &Ledger) -> Vec<String> {
    let is_old = |secret: &SecretEntry, text: &str| ledger.has_replaced(&secret.name, &Secret::new(text.to_owned()));
    let held_by = |secret: &SecretEntry, entry: &ReleaseEntry| {
        let state = observed.release(entry);
        let texts = state.into_iter().flat_map(|state| held(secret, &entry.chart, &state.config));
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    let old = manifest.secrets.iter().filter(|secret| {
        manifest.releases.iter().any(|entry| held_by(secret, entry).iter().any(|text| is_old(secret, text)))
    });
    old.map(|secret| secret.name.clone()).collect()
}

/// What values hold where a secret fills them.
fn held<'v>(secret: &SecretEntry, chart: &str, values: &'v Value) -> Vec<&'v str> {
    let mine = secret.fills.iter().filter_map(|place| place.split_once(':').filter(|(owner, _)| *owner == chart));
    let paths = mine.filter_map(|(_, path)| overlay::parse_path(path));
    paths.filter_map(|path| overlay::get(values, &path)?.as_str()).collect()
}

fn charts(places: &[String]) -> impl Iterator<Item = &str> {
    places.iter().filter_map(|place| place.split_once(':').map(|(chart, _)| chart))
}

/// Whether the newest revision of a chart's release has the value before of a secret.
fn holds_previous(input: &Input<'_>, secret: &SecretEntry, chart: &str) -> bool {
    let entry = input.secrets.ledger.entries.get(&secret.name);
    let Some(previous) = entry.and_then(|entry| entry.previous.as_ref()) else { return false };
    let states = input.desired.iter().filter(|desired| desired.entry.chart == chart);
    states
        .filter_map(|desired| input.observed.release(&desired.entry))
        .any(|state| held(secret, chart, &state.config).contains(&previous.expose()))
}
