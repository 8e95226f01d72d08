//! Definitions of resources (CRDs): those that differ are told, and upgraded where that was asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Input;
use super::{CrdDifference, CrdOperation, Operation, Plan};
use crate::crds::{CrdState, WantedCrd};
use crate::error::{Error, Result};
use crate::observe::key;

/// The operations that come before a release.
pub(super) fn before(input: &Input<'_>, release: &str) -> Vec<Operation> {
    let mine = input.crds.iter().filter(|crd| input.upgrade_crds && crd.release == release);
    let operation = |wanted: &WantedCrd| {
        let new = match wanted.state {
            CrdState::Differs => false,
            // Helm does it, with a new release.
            CrdState::Missing if is_there(input, release) => true,
            _ => return None,
        };
        let (name, chart) = (wanted.crd.name.clone(), wanted.crd.chart.clone());
        Some(Operation::ApplyCrd(CrdOperation { name, chart, release: release.to_owned(), new }))
    };
    mine.filter_map(operation).collect()
}

fn is_there(input: &Input<'_>, release: &str) -> bool {
    let entry = input.manifest.releases.iter().find(|entry| entry.name == release);
    entry.and_then(|entry| input.observed.releases.get(&key(entry))).is_some_and(|state| state.status != "uninstalled")
}

impl Plan {
    /// Tells of the definitions that are not as the charts have them; `upgrade`: those that it changes are among its
    /// operations.
    pub fn tell_crds(&mut self, crds: &[WantedCrd], upgrade: bool) {
        let there: BTreeSet<&str> = self.releases().filter(|one| one.stands()).map(|one| one.name.as_str()).collect();
        let (differences, warnings) = (differences(crds, &there), warnings(crds, &there, upgrade));
        self.crds = differences;
        self.warnings.extend(warnings);
    }
}

/// Those that are not the same; what helm itself does with a new release is none.
fn differences(crds: &[WantedCrd], there: &BTreeSet<&str>) -> Vec<CrdDifference> {
    let differs = |wanted: &&WantedCrd| match wanted.state {
        CrdState::Same => false,
        CrdState::Missing => there.contains(wanted.release.as_str()),
        _ => true,
    };
    let difference = |wanted: &WantedCrd| CrdDifference {
        name: wanted.crd.name.clone(),
        chart: wanted.crd.chart.clone(),
        release: wanted.release.clone(),
        state: wanted.state.clone(),
    };
    crds.iter().filter(differs).map(difference).collect()
}

/// Refuses what would leave objects behind that nobody can read.
pub(super) fn refuse(input: &Input<'_>) -> Result<()> {
    let lost = |wanted: &WantedCrd| match &wanted.state {
        CrdState::Stored { versions } if input.upgrade_crds => Some((wanted.crd.name.clone(), versions.join(", "))),
        _ => None,
    };
    let lost: Vec<_> = input.crds.iter().filter_map(lost).collect();
    let Some((name, _)) = lost.first() else { return Ok(()) };
    let names: Vec<&str> = lost.iter().map(|(name, _)| name.as_str()).collect();
    let error = Error::user(format!("CRDs cannot be upgraded: {}", names.join(", ")))
        .because("objects may be stored in versions that the chart's definition does not have any more");
    let error = lost.iter().fold(error, |error, (name, versions)| error.because(format!("{name}: {versions}")));
    Err(error
        .hint(format!("write its objects anew, in a version that stays: kubectl get {name} -A -o yaml | kubectl replace -f -"))
        .hint(format!("then say that none is left: kubectl patch crd {name} --subresource=status --type=merge -p '{{\"status\":{{\"storedVersions\":[\"VERSION\"]}}}}'"))
        .hint("or leave --upgrade-crds out: the release goes on with the definitions that are there"))
}

/// What to know of the definitions that stay as they are.
fn warnings(crds: &[WantedCrd], there: &BTreeSet<&str>, upgrade: bool) -> Vec<String> {
    let mut differ: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut stored: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut unknown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for WantedCrd { release, crd, state } in crds {
        let (of, what) = match state {
            CrdState::Differs if !upgrade => (&mut differ, crd.name.as_str()),
            CrdState::Missing if !upgrade && there.contains(release.as_str()) => (&mut differ, crd.name.as_str()),
            CrdState::Stored { .. } => (&mut stored, crd.name.as_str()),
            CrdState::Unknown { why } => (&mut unknown, why.as_str()),
            _ => continue,
        };
        of.entry(&crd.chart).or_default().push(what);
    }
    let differ = differ.into_iter().map(|(chart, names)| {
        let names = names.join(", ");
        format!(
            "CRDs of {chart} are not in the cluster as the chart has them: {names}; helm does not upgrade them: \
             install --upgrade-crds does (docs/upgrades.md)"
        )
    });
    let stored = stored.into_iter().map(|(chart, names)| {
        let names = names.join(", ");
        format!(
            "CRDs of {chart} differ, and objects may be stored in versions that the chart's lack: {names}; they stay \
             as they are (docs/upgrades.md)"
        )
    });
    let unknown = unknown.into_iter().map(|(chart, why)| {
        format!("{} CRDs of {chart} could not be compared with the cluster's: {}", why.len(), why[0])
    });
    differ.chain(stored).chain(unknown).collect()
}

#[cfg(test)]
#[path = "crds_tests.rs"]
mod tests;
