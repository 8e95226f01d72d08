//! What the executor tells while it works, and what came of it.

use std::time::Duration;

use serde::Serialize;

use super::execute::Level;
use super::watch::Readiness;
use crate::dumps::Dump;
use crate::plan::Skip;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The release is left out.
    Skipped {
        /// Release name.
        release: String,
        /// Why.
        why: Skip,
    },
    /// The release is as it should be.
    Unchanged {
        /// Release name.
        release: String,
    },
    /// A definition of resources was upgraded.
    CrdApplied {
        /// Its name.
        name: String,
    },
    /// The database is dumped before the release.
    DumpStarted {
        /// Release name.
        release: String,
        /// The volume claim that it goes into.
        claim: String,
    },
    /// The database was dumped.
    Dumped {
        /// Release name.
        release: String,
        /// Where it is.
        dump: Dump,
        /// How long it took.
        took: Duration,
    },
    /// Helm was started for the release.
    HelmStarted {
        /// Release name.
        release: String,
        /// Whether it is new.
        new: bool,
    },
    /// Helm has done its part.
    HelmFinished {
        /// Release name.
        release: String,
        /// How long it took.
        took: Duration,
    },
    /// The API server did not answer helm as it should; helm is started again.
    Again {
        /// Release name.
        release: String,
        /// What helm's words mean.
        why: String,
    },
    /// A stop was asked for while helm is at work.
    Stopping {
        /// Release name.
        release: String,
        /// Whether helm is not waited for.
        at_once: bool,
    },
    /// Some workloads of the release are not ready yet.
    Waiting {
        /// Release name.
        release: String,
        /// How it stands.
        readiness: Readiness,
        /// Since when.
        waited: Duration,
    },
    /// The cluster does not answer; it is asked again.
    Unreachable {
        /// Release name.
        release: String,
        /// Why not.
        why: String,
    },
    /// All workloads of the release are ready.
    Ready {
        /// Release name.
        release: String,
        /// How many there are.
        workloads: usize,
        /// How long it took.
        took: Duration,
    },
}

/// What came of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Each release, in order.
    pub releases: Vec<ReleaseOutcome>,
    /// How far it was verified.
    pub level: Level,
}

/// What came of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseOutcome {
    /// Release name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What was done.
    pub done: Done,
    /// The dump of the database that was made before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump: Option<Dump>,
}

/// What was done with a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// Newly installed.
    Installed,
    /// A new revision.
    Upgraded,
    /// Nothing.
    Unchanged,
    /// Left out.
    Skipped,
}
