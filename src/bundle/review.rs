//! `REVIEW.md`: what will run where, what to look at, what was not checked; for a person.

mod access;
mod estimate;

use std::fmt::Write as _;

use super::manifest::{Manifest, SecretEntry};
use crate::chart::release::{Condition, Scope};
use crate::context::{DatabaseEndpoint, DatabaseKind};
use crate::problem::Problem;
use crate::secrets::{SecretKind, TEST_TOKEN};
use crate::settings::{Settings, Storage};

/// What the review is made from.
pub struct Review<'r> {
    /// The bundle.
    pub manifest: &'r Manifest,
    /// The name of the bundle's folder.
    pub folder: &'r str,
    /// The settings that it was rendered from.
    pub settings: &'r Settings,
    /// Where the hub's database is.
    pub database: &'r DatabaseEndpoint,
    /// Whether something that is installed has volumes.
    pub has_volumes: bool,
    /// Warnings of the checks.
    pub warnings: &'r [Problem],
    /// Charts that were not checked against their schema.
    pub unchecked: &'r [String],
}

impl Review<'_> {
    /// The text of `REVIEW.md`.
    pub fn text(&self) -> String {
        let Manifest { chart, namespace, profile, .. } = self.manifest;
        let mut out = format!("# Review: {chart} in namespace {namespace}, on {profile}\n\n");
        out.push_str("Nothing has been applied. Read the values files, then apply exactly this folder:\n\n");
        let _ = writeln!(out, "    helm iris install {chart} --bundle {}\n", self.folder);
        self.releases(&mut out);
        self.look_at(&mut out);
        // Every hub has it.
        if self.manifest.secrets.iter().any(|secret| secret.name == TEST_TOKEN) {
            estimate::tell(self.settings, &mut out);
        }
        self.secrets(&mut out);
        self.not_checked(&mut out);
        out
    }

    fn releases(&self, out: &mut String) {
        out.push_str(
            "## What will run where, in this order\n\n| release | namespace | chart | when |\n|---|---|---|---|\n",
        );
        for release in &self.manifest.releases {
            let when = match release.condition {
                Some(Condition::NoDefaultClass) => "only if the cluster has no default StorageClass",
                None => "always",
            };
            let chart = format!("{} {}", release.helm_chart, release.version);
            let shared = if release.scope == Scope::Cluster { " (shared by all hubs)" } else { "" };
            let _ = writeln!(out, "| {} | {}{shared} | {} | {when} |", release.name, release.namespace, chart.trim());
        }
        out.push('\n');
    }

    fn look_at(&self, out: &mut String) {
        out.push_str("## What to look at\n\n");
        for warning in self.warnings {
            let fix = warning.fix.as_ref().map(|fix| format!(" Fix: {fix}.")).unwrap_or_default();
            let _ = writeln!(out, "- **{}**{fix}", warning.message);
        }
        let settings = self.settings;
        access::tell(settings, &self.manifest.namespace, out);
        if self.has_volumes {
            let _ = writeln!(out, "- Volumes: {}", class(&settings.storage));
        }
        out.push_str(&self.database());
        if let (Some(name), Some(tag)) = (&settings.users.image.name, &settings.users.image.tag) {
            let _ = writeln!(
                out,
                "- Notebook image: {name}:{tag}. Dask runs the same image unless `dask.image` is set; versions must match."
            );
        }
        out.push('\n');
    }

    /// Where the hub keeps its state; nothing where no hub is installed.
    fn database(&self) -> String {
        let database = &self.settings.database;
        let DatabaseEndpoint { kind, host, port, .. } = self.database;
        match (kind, host, port, &database.name, &database.user) {
            (DatabaseKind::Sqlite, ..) => {
                let size = database.size.as_deref().unwrap_or_default();
                format!("- Database: a file (SQLite) on a volume of the hub's own, {size}.\n")
            }
            (_, Some(host), Some(port), Some(name), Some(user)) => {
                format!("- Database: PostgreSQL at {host}, port {port}; `{name}`, owned by the role `{user}`.\n")
            }
            _ => String::new(),
        }
    }

    fn secrets(&self, out: &mut String) {
        if self.manifest.secrets.is_empty() {
            return;
        }
        out.push_str("## Secrets\n\nGenerated once, kept in the ledger, shown nowhere.");
        if self.manifest.releases.iter().any(|release| release.delivery.is_some()) {
            self.delivery(out);
        } else {
            out.push_str(" They are in each `secrets.yaml` (mode 0600, ignored by git).\n\n");
        }
        for secret in &self.manifest.secrets {
            let _ = writeln!(out, "{}", secret_line(secret));
        }
        out.push('\n');
    }

    /// Which secrets go into Kubernetes Secrets, and which cannot.
    fn delivery(&self, out: &mut String) {
        let Manifest { releases, secrets, namespace, .. } = self.manifest;
        let _ = writeln!(
            out,
            " `install` writes them into Kubernetes Secrets of {namespace}, where the pods read them; a changed one restarts those pods:\n"
        );
        for release in releases {
            let Some(delivery) = &release.delivery else { continue };
            let mine = |secret: &&SecretEntry| secret.delivered.iter().any(|to| to.chart == release.chart);
            let names: Vec<&str> = secrets.iter().filter(mine).map(|secret| secret.name.as_str()).collect();
            let _ = writeln!(out, "- Secret {}: {}", delivery.secret, names.join(", "));
        }
        let inline: Vec<&SecretEntry> = secrets.iter().filter(|secret| !secret.fills.is_empty()).collect();
        if !inline.is_empty() {
            out.push_str("\nNot these: they are in `secrets.yaml` (mode 0600, ignored by git), and in what helm keeps of the release:\n\n");
        }
        for secret in inline {
            let why = match (secret.inline_because.as_str(), secret.kind) {
                ("", SecretKind::Text) => "it was named among the chart's values",
                ("", _) => "the chart reads it from its values alone",
                (why, _) => why,
            };
            let _ = writeln!(out, "- {}: {why}", secret.name);
        }
        out.push_str("\nAll of them:\n\n");
    }

    fn not_checked(&self, out: &mut String) {
        out.push_str("## What was not checked\n\n");
        for chart in self.unchecked {
            let _ = writeln!(
                out,
                "- **{chart}: not schema-checked**, because its chart archive is not at hand. Run `helm iris charts pull {} --profile {}`, then render again.",
                self.manifest.chart, self.manifest.profile
            );
        }
        estimate::tell_unchecked(self.settings, out);
        out.push_str("- The cluster: `helm iris install` looks at it and shows a plan before anything is changed.\n");
    }
}

/// The StorageClass of all volumes, in words.
fn class(storage: &Storage) -> String {
    match (&storage.class_name, &storage.new_class) {
        (Some(name), _) => format!("StorageClass {name}."),
        (None, Some(class)) => {
            let name = class.name.as_deref().unwrap_or("standard");
            format!(
                "the cluster's default StorageClass. If it has none, `{name}` is created; its parameters can never be changed."
            )
        }
        (None, None) => "the cluster's default StorageClass. This profile knows none to create.".to_owned(),
    }
}

/// What is said of one secret.
pub(super) fn secret_line(secret: &SecretEntry) -> String {
    let state = match (secret.is_provisional(), secret.kind) {
        (true, SecretKind::Text) => ", brought by a person: a cluster that has one already keeps its own",
        (true, _) => ", provisional: a cluster that has one already keeps its own",
        (false, _) => "",
    };
    format!("- {} ({}): {}{state}", secret.name, secret.kind, secret.purpose)
}
