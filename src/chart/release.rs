//! `release.yaml`: what a chart of helm iris is, beside its values template.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Connection;
use crate::secrets::SecretKind;
use crate::settings::SecretMode;

/// The content of `charts/<name>/release.yaml`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReleaseSpec {
    /// One line for `charts list`.
    pub description: String,
    /// Where the Helm chart comes from. Without it nothing is installed: the chart only says how a hub keeps its
    /// state by itself.
    pub source: Source,
    /// Whether it lives once per hub or once per cluster.
    pub scope: Scope,
    /// The namespace when `-n` is not given (scope hub).
    pub namespace: Option<String>,
    /// A fixed release name. Unset: the namespace's name, because upstream's cluster-wide names
    /// carry the release name.
    pub release_name: Option<String>,
    /// Charts, or what they provide, that must be ready before.
    pub needs: Vec<String>,
    /// What this chart is to others, e.g. `database`.
    pub provides: Option<String>,
    /// How a hub reaches it, where it provides a database.
    pub connection: Option<Connection>,
    /// What a reviewer has to know before choosing it.
    pub warnings: Vec<Caution>,
    /// When it is applied at all; decided by looking at the cluster, never when rendering.
    pub condition: Option<Condition>,
    /// How long Helm's hooks and the workloads may take, as `90s` or `15m`.
    pub timeout: Option<String>,
    /// The Service at whose address people reach what was installed; `{release}` stands for the
    /// release's name.
    pub public_service: Option<String>,
    /// Chart defaults for settings, the lowest layer.
    pub defaults: Map<String, Value>,
    /// The secrets it needs and the value paths that they fill.
    pub secrets: Vec<SecretSpec>,
    /// With `secretMode: existing`, the value paths that get a fingerprint of the Secret with this
    /// chart's secrets: annotations of the pods that read it, so that a changed one restarts them.
    pub fingerprint_paths: Vec<String>,
}

/// Something that REVIEW.md says in bold.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Caution {
    /// What is so, in one sentence.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

impl ReleaseSpec {
    /// Whether anything is installed by it.
    pub fn makes_release(&self) -> bool {
        self.source.path.is_some() || self.source.chart.is_some()
    }

    /// Whether any of its secrets goes into a Kubernetes Secret of ours.
    pub fn delivers(&self, mode: SecretMode) -> bool {
        self.secrets.iter().any(|secret| secret.is_delivered(mode))
    }
}

/// Where the Helm chart comes from: a repository, or the `helm/` folder beside `release.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Source {
    /// Chart repository (`https://…`) or registry (`oci://…`) of an upstream chart.
    pub repo: Option<String>,
    /// Name of the chart there.
    pub chart: Option<String>,
    /// Its exact version.
    pub version: Option<String>,
    /// SHA-256 of its archive, where known.
    pub sha256: Option<String>,
    /// `helm`: the chart is shipped in this folder. Its dependencies are those of its `Chart.yaml`.
    pub path: Option<String>,
    /// SHA-256 of dependencies' archives by name, where known.
    pub dependency_sha256: BTreeMap<String, String>,
}

/// Whether a release lives once per hub or once per cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// In the hub's namespace.
    #[default]
    Hub,
    /// In `helm-iris-system`, shared by all hubs.
    Cluster,
}

/// When a release is applied at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The cluster has no default StorageClass, or only the one that this release made.
    NoDefaultClass,
}

/// A secret that a chart needs.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SecretSpec {
    /// Its name in the ledger; charts of one hub that name the same secret share it.
    pub name: String,
    /// What it looks like: `hex32`, `alnum(n)`, or `text` that only a person can bring.
    pub kind: SecretKind,
    /// The least characters of one that a person brings. Unset: what its kind needs.
    pub min_length: Option<usize>,
    /// What it is for, one line for people.
    pub purpose: String,
    /// The setting that must be given for it to be needed, e.g. `dask.hubNamespace`; or `database.host`,
    /// which there is where the hub's database is a server. Unset: always.
    pub when: Option<String>,
    /// The setting that makes it needless.
    pub unless: Option<String>,
    /// The setting that names another namespace, whose ledger has the same secret: both must have one
    /// value.
    pub shared_with: Option<String>,
    /// What it means for people when it is replaced, e.g. `everybody has to log in again`.
    pub replacing: String,
    /// Where only somebody else can change it, so that no new one is made here. Unset: nowhere.
    pub elsewhere: Option<Elsewhere>,
    /// The value paths that it fills, e.g. `hub.db.password` or `hub.config.CryptKeeper.keys[0]`.
    pub paths: Vec<String>,
    /// The value paths that the value before fills, once it was replaced: for a secret of two
    /// sides that cannot change at once, on the side that can use either.
    pub previous_paths: Vec<String>,
    /// Whether a new value goes in front of the old ones, joined by `;`, instead of replacing them: for
    /// keys whose old ones still open what they closed.
    pub prepend: bool,
    /// Where a hub that was installed by hand keeps it.
    pub adopt: Vec<AdoptFrom>,
    /// Where it goes with `secretMode: existing`: keys of the Kubernetes Secret with this chart's
    /// secrets. None: the chart can read it from its values alone.
    pub existing: Vec<ExistingKey>,
    /// Why there is no `existing`, one line for people.
    pub inline_because: String,
}

/// A secret that is checked by something which helm iris does not make.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Elsewhere {
    /// The setting with which it can be changed from here all the same.
    pub unless: String,
    /// What somebody does there, one line; `{database.user}` and `{database.host}` stand for these settings.
    pub how: String,
}

impl SecretSpec {
    /// Whether it goes into a Kubernetes Secret of ours instead of the values.
    pub fn is_delivered(&self, mode: SecretMode) -> bool {
        mode == SecretMode::Existing && !self.existing.is_empty()
    }
}

/// A key of the Kubernetes Secret with a chart's secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExistingKey {
    /// The key.
    pub key: String,
    /// The key holds a YAML document, and the secret stands at this path in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The key holds several secrets, and this text stands before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// It is the value before that goes here, once it was replaced.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
}

impl AdoptFrom {
    /// The place in short, as people name it: `<Secret>:<key>`, and the path where there is one.
    pub fn place(&self) -> String {
        let path = self.path.iter().map(|path| format!(":{path}")).collect::<String>();
        format!("{}:{}{path}", self.secret, self.key)
    }
}

/// A key of a Kubernetes Secret in the hub's namespace.
#[expect(clippy::struct_excessive_bools, reason = "each is a key that is given alone, and most are not")]
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AdoptFrom {
    /// Name of the Secret. `{release}` stands for the release's name, one `*` for anything.
    pub secret: String,
    /// Key in its data.
    pub key: String,
    /// Where the key holds values as YAML: the path of the secret in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether what is there is a URL, and the secret is the password in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub url: bool,
    /// Whether to look here only if no place before has it: for places that may be about something else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub if_none: bool,
    /// Whether this is a database's Secret, which counts only if the hub's database URL leads to that
    /// database.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub of_host: bool,
    /// The database user whose password it is, where it is not the hub's by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Whether every hub has it: one that is there without it keeps its secrets somewhere else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
}
