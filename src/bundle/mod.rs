//! WRITE: the bundle, the folder written for review, and the only thing that is ever applied.

mod delivery;
mod edits;
pub mod manifest;
mod read;
mod renew;
mod review;
mod secrets_file;
mod write;

pub use edits::{ChartEdits, Edits, Previous};
pub use read::{Bundle, parse_manifest, visible_values};
pub use review::Review;
pub use secrets_file::{STAND_IN_FINGERPRINT, fill, stand_in};
pub use write::{Draft, SetAside, write};

/// The manifest's file name.
pub const MANIFEST_FILE: &str = "bundle.yaml";
/// The review's file name.
pub const REVIEW_FILE: &str = "REVIEW.md";
/// The manifest of a bundle that is being written.
const NEXT_FILE: &str = "bundle.next.yaml";

#[cfg(test)]
pub(crate) mod tests {
    use super::manifest::{Manifest, ReleaseEntry, SecretEntry};
    use crate::chart::release::Scope;

    /// A manifest for tests.
    pub(crate) fn manifest(releases: Vec<ReleaseEntry>, secrets: Vec<SecretEntry>) -> Manifest {
        Manifest {
            format: 1,
            chart: "hub".into(),
            profile: "p".into(),
            namespace: "dhub".into(),
            inputs: vec![],
            releases,
            secrets,
            files: vec![],
        }
    }

    /// A release for tests, all of whose names are the chart's.
    pub(crate) fn release(chart: &str) -> ReleaseEntry {
        ReleaseEntry {
            name: chart.into(),
            namespace: "dhub".into(),
            chart: chart.into(),
            helm_chart: chart.into(),
            version: "1.0.0".into(),
            archive: format!("{chart}-1.0.0.tgz"),
            sha256: Some("ab".into()),
            scope: Scope::Hub,
            needs: vec![],
            condition: None,
            timeout_seconds: 60,
            public_service: None,
            values: vec![],
            command: String::new(),
            edits: None,
            delivery: None,
        }
    }
}
