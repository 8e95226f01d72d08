//! The arguments of helm: the same for Helm 3 and 4, printable, without a secret.

use std::ffi::OsString;
use std::path::Path;

use super::explain::Facts;
use crate::kube::Cluster;
use crate::text::quoted;

/// What marks a revision as made by us, and by which archive.
const DIGEST: &str = "helm-iris chart sha256:";

/// The description of a revision. An upgrade by others does not inherit it, so it tells ours from theirs.
pub fn description(chart_sha256: &str) -> String {
    format!("{DIGEST}{chart_sha256}")
}

/// The archive's digest in a revision's description, if the revision is ours.
pub fn chart_digest_of(description: &str) -> Option<&str> {
    description.strip_prefix(DIGEST)
}

/// One `helm upgrade --install`.
#[derive(Debug, Clone, Copy)]
pub struct Upgrade<'u> {
    /// Release name.
    pub release: &'u str,
    /// Its namespace.
    pub namespace: &'u str,
    /// Whether helm may make the namespace. Helm 3 tries to, and Helm 4 patches one that is there,
    /// which an admin of one namespace may not; the hub's own is made before helm runs.
    pub create_namespace: bool,
    /// The chart's archive, its digest checked.
    pub archive: &'u Path,
    /// SHA-256 of the archive.
    pub sha256: &'u str,
    /// The bundle's folder: helm runs there, so that values files have the paths of the review,
    /// and a comma in the folder's own path does no harm (helm splits `--values` at commas).
    pub folder: &'u Path,
    /// Values files relative to the folder, in order.
    pub values: &'u [String],
    /// Seconds that hooks may take.
    pub timeout_seconds: u64,
}

impl Upgrade<'_> {
    /// The arguments. `--reset-values`, because helm takes the last revision's values where ours
    /// are empty. Never `--wait`: waiting is ours.
    pub fn arguments(&self, context: Option<&str>) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["upgrade", "--install", self.release].map(OsString::from).to_vec();
        arguments.push(self.archive.into());
        arguments.extend(["--namespace", self.namespace].map(OsString::from));
        arguments.extend(self.create_namespace.then(|| OsString::from("--create-namespace")));
        arguments.push("--reset-values".into());
        for values in self.values {
            arguments.extend(["--values".into(), OsString::from(values)]);
        }
        arguments.extend(["--timeout".into(), seconds(self.timeout_seconds)]);
        arguments.extend(["--history-max", "10", "--description"].map(OsString::from));
        arguments.push(description(self.sha256).into());
        arguments.extend(context_flag(context));
        arguments
    }

    /// The command as a person would type it in the bundle's folder, for `bundle.yaml` and REVIEW.md.
    pub fn command_line(&self, context: Option<&str>) -> String {
        let words = self.arguments(context).into_iter().map(|word| quoted(&word.to_string_lossy()));
        std::iter::once("helm".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// What a person can type anywhere to do the same with one more flag.
    pub(super) fn by_hand(&self, cluster: &Cluster, flag: &str) -> String {
        let folder = std::path::absolute(self.folder).unwrap_or_else(|_| self.folder.to_owned());
        format!(
            "(cd {} && {} {flag})",
            quoted(&folder.to_string_lossy()),
            self.command_line(cluster.context.as_deref())
        )
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        Facts { release: self.release, namespace: self.namespace, timeout_seconds: self.timeout_seconds }
    }
}

/// One `helm uninstall`.
#[derive(Debug, Clone, Copy)]
pub struct Uninstall<'u> {
    /// Release name.
    pub release: &'u str,
    /// Its namespace.
    pub namespace: &'u str,
    /// Seconds that hooks may take.
    pub timeout_seconds: u64,
}

impl Uninstall<'_> {
    /// The arguments. One that is gone already is no error, so that the same command can be run again.
    pub fn arguments(&self) -> Vec<OsString> {
        let mut arguments = ["uninstall", self.release, "--namespace", self.namespace].map(OsString::from).to_vec();
        arguments.extend(["--ignore-not-found".into(), "--timeout".into(), seconds(self.timeout_seconds)]);
        arguments
    }

    pub(super) fn facts(&self) -> Facts<'_> {
        Facts { release: self.release, namespace: self.namespace, timeout_seconds: self.timeout_seconds }
    }
}

fn seconds(count: u64) -> OsString {
    OsString::from(format!("{count}s"))
}

fn context_flag(context: Option<&str>) -> impl Iterator<Item = OsString> {
    context.into_iter().flat_map(|context| ["--kube-context", context].map(OsString::from))
}
