//! Whether the bundle of this folder is what is applied.

use std::path::Path;

use serde::Serialize;

use super::releases::Releases;
use crate::bundle::Bundle;
use crate::bundle::manifest::ReleaseEntry;
use crate::chart::CLUSTER_NAMESPACE;
use crate::error::Result;
use crate::helm::chart_digest_of;
use crate::observe::ReleaseState;
use crate::plan::same_values;
use crate::secrets::Ledger;

/// How the bundle of this folder compares to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleState {
    /// Its folder.
    pub folder: String,
    /// SHA-256 of its `bundle.yaml`; none where it cannot be used.
    pub sha256: Option<String>,
    /// Whether it is what is applied; unknown where that could not be compared.
    pub applied: Option<bool>,
    /// Where it differs.
    pub differing: Vec<Differing>,
    /// Why it was not compared, or not wholly.
    pub not_compared: Option<String>,
}

/// A release that is not as the bundle says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// The release.
    pub release: String,
    /// How it differs.
    pub how: &'static str,
}

/// Opens the bundle of a folder, if there is one of this hub.
pub(super) fn open(folder: &Path, namespace: &str) -> Option<Result<Bundle>> {
    if !Bundle::is_in(folder) {
        return None;
    }
    match Bundle::open(folder) {
        Ok(bundle) if bundle.manifest().namespace != namespace => None,
        opened => Some(opened),
    }
}

/// Compares chart archives and values.
pub(super) fn compare(
    bundle: Result<Bundle>,
    folder: &Path,
    own: Option<&Releases>,
    shared: Option<&Releases>,
    ledger: Option<&Ledger>,
) -> BundleState {
    let folder = folder.display().to_string();
    let cannot = |sha256: Option<String>, why: String| BundleState {
        folder: folder.clone(),
        sha256,
        applied: None,
        differing: Vec::new(),
        not_compared: Some(why),
    };
    let bundle = match bundle {
        Ok(bundle) => bundle,
        Err(error) => return cannot(None, error.to_string()),
    };
    let digest = Some(bundle.digest().to_owned());
    let Some(own) = own else {
        return cannot(digest, "the releases may not be read".to_owned());
    };
    let mut differing = Vec::new();
    let mut hidden = None;
    for entry in &bundle.manifest().releases {
        let releases = if entry.namespace == CLUSTER_NAMESPACE { shared } else { Some(own) };
        let Some(releases) = releases else {
            hidden = Some(format!("{} may not be read", entry.name));
            continue;
        };
        if let Some(how) = difference(&bundle, entry, releases.state(&entry.name), ledger) {
            differing.push(Differing { release: entry.name.clone(), how });
        }
    }
    if ledger.is_none() {
        hidden = Some("the values were not compared, since they need the ledger".to_owned());
    }
    let applied = if differing.is_empty() { hidden.is_none().then_some(true) } else { Some(false) };
    BundleState { folder, sha256: digest, applied, differing, not_compared: hidden }
}

fn difference(
    bundle: &Bundle,
    entry: &ReleaseEntry,
    state: Option<&ReleaseState>,
    ledger: Option<&Ledger>,
) -> Option<&'static str> {
    let Some(state) = state else {
        // One with a condition may rightly not be there.
        return entry.condition.is_none().then_some("it is not installed");
    };
    if state.status != "deployed" {
        return Some("its last revision did not succeed");
    }
    let Some(digest) = chart_digest_of(&state.description) else {
        return Some("somebody else changed it with helm");
    };
    if Some(digest) != entry.sha256.as_deref() {
        return Some("it has another chart");
    }
    let same = ledger
        .is_none_or(|ledger| bundle.values(entry, ledger).is_ok_and(|values| same_values(&state.config, &values)));
    (!same).then_some("it has other values")
}
