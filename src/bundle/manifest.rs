//! `bundle.yaml`: what a bundle holds and how it is applied.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chart::release::{AdoptFrom, Condition, Scope};
use crate::secrets::{Ledger, Need, SecretKind};

/// The version of the bundle's format that this program writes and reads.
pub const FORMAT: u32 = 1;
/// Stands for the fingerprint of a secret that no cluster has yet.
const PROVISIONAL: &str = "provisional";

/// The content of `bundle.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Format version.
    pub format: u32,
    /// The chart that was asked for.
    pub chart: String,
    /// The profile.
    pub profile: String,
    /// The hub's namespace.
    pub namespace: String,
    /// What it was made from, each with its digest.
    pub inputs: Vec<Input>,
    /// The releases in the order in which they are applied.
    pub releases: Vec<ReleaseEntry>,
    /// The secrets' names; values are in each release's `secrets.yaml` alone.
    pub secrets: Vec<SecretEntry>,
    /// Every non-secret file of the bundle but this one, with its digest.
    pub files: Vec<FileEntry>,
}

/// One thing that the bundle was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Input {
    /// What it is, e.g. `profile cumulus` or `site file iris.yaml`.
    pub name: String,
    /// SHA-256 of its content, hex.
    pub sha256: String,
}

/// One `helm upgrade --install`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleaseEntry {
    /// Release name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The chart of helm iris, also the folder of its values in the bundle.
    pub chart: String,
    /// Name of the Helm chart.
    pub helm_chart: String,
    /// Version of the Helm chart.
    pub version: String,
    /// File name of the archive in the chart cache.
    pub archive: String,
    /// SHA-256 of the archive; none where it was not at hand when the bundle was written.
    pub sha256: Option<String>,
    /// Once per hub or once per cluster.
    pub scope: Scope,
    /// Names of releases in this bundle that must be ready before.
    pub needs: Vec<String>,
    /// When it is applied at all.
    pub condition: Option<Condition>,
    /// Seconds that Helm's hooks and the workloads may take.
    pub timeout_seconds: u64,
    /// The Service at whose address people reach it.
    pub public_service: Option<String>,
    /// Values files relative to the bundle, in the order in which Helm gets them.
    pub values: Vec<String>,
    /// The Helm command, paths relative to the bundle; the archive is in the chart cache.
    pub command: String,
    /// What people changed in this release's files since they were first written; it is part of
    /// `overrides.yaml` and is carried on by every render.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits: Option<Value>,
    /// The Kubernetes Secret that carries secrets to it past its values; none where they are all in
    /// `secrets.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
}

/// A Kubernetes Secret of ours, in the release's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delivery {
    /// Its name.
    pub secret: String,
    /// Value paths that get a fingerprint of its content, so that a changed one restarts what reads it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingerprints: Vec<String>,
}

/// Where a secret stands in the Kubernetes Secret of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delivered {
    /// The chart of helm iris.
    pub chart: String,
    /// The key.
    pub key: String,
    /// Path in the YAML document that the key holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What stands before it in a key that holds several secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// Whether it is the value before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
}

/// One secret's name, kind and uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretEntry {
    /// Name in the ledger.
    pub name: String,
    /// What it looks like.
    pub kind: SecretKind,
    /// What it is for.
    pub purpose: String,
    /// What it means for people when it is replaced.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub replacing: String,
    /// Where only somebody else can change it: what they do there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub elsewhere: String,
    /// The least characters of one that a person brings, where that is not its kind's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<usize>,
    /// The namespace whose ledger has the same secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_with: Option<String>,
    /// Whether a new value goes in front of the old ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prepend: bool,
    /// `<chart>:<value path>` for each place that it fills.
    pub fills: Vec<String>,
    /// `<chart>:<value path>` for each place that the value before fills, once it was replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_fills: Vec<String>,
    /// Where it goes instead in Kubernetes Secrets of ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivered: Vec<Delivered>,
    /// Why some of it is in `secrets.yaml` although secrets are delivered otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub inline_because: String,
    /// Where in the hub's namespace a hub made by hand keeps it.
    pub adopt: Vec<AdoptFrom>,
    /// HMAC-SHA-256 under the ledger's key, 16 hex digits; `provisional` until a cluster has it.
    pub fingerprint: String,
}

impl SecretEntry {
    /// What the ledger has to know of it.
    pub fn need(&self) -> Need {
        let keys = self.delivered.iter().filter(|to| !to.previous).map(|to| format!("{}:{}", to.chart, to.key));
        Need {
            name: self.name.clone(),
            kind: self.kind,
            purpose: self.purpose.clone(),
            fills: self.fills.iter().cloned().chain(keys).collect(),
            min_length: self.min_length,
            replacing: self.replacing.clone(),
            shared_with: self.shared_with.clone(),
            prepend: self.prepend,
            keeps_previous: !self.previous_fills.is_empty() || self.delivered.iter().any(|to| to.previous),
        }
    }

    /// Names the value that a ledger has, once it is in use; until then it is chance.
    pub fn name_value(&mut self, ledger: &Ledger) {
        self.fingerprint = match ledger.entries.get(&self.name) {
            Some(entry) if !entry.provisional => ledger.fingerprint(&entry.value),
            _ => PROVISIONAL.to_owned(),
        };
    }

    /// Whether no cluster has it yet.
    pub fn is_provisional(&self) -> bool {
        self.fingerprint == PROVISIONAL
    }

    /// Whether a chart gets it, one way or the other.
    pub fn is_of(&self, chart: &str) -> bool {
        let fills = |place: &String| place.split_once(':').is_some_and(|(owner, _)| owner == chart);
        self.fills.iter().any(fills) || self.delivered.iter().any(|to| to.chart == chart)
    }
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileEntry {
    /// Path relative to the bundle.
    pub path: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
}
