//! PLAN: what would take the cluster from what it is to what the bundle says. Data, without a secret.

mod build;
mod crds;
mod database;
mod deliver;
mod detail;
mod dump;
mod handover;
mod losses;
mod obstacle;
mod server;
mod step;
mod view;
mod view_detail;

use serde::Serialize;

use crate::chart::release::Scope;
use crate::crds::CrdState;
use crate::secrets::Note;

pub use crate::compare::{Change, How, ValueChange, same_values};
pub use build::{Desired, Input, at_work, build, is_empty, no_class, prune_command, several_classes};
pub use detail::{ChangedObject, Detail, Evidence, Manifests, new_objects};
pub use handover::held;
pub use losses::{hidden_hub, not_found};
pub use obstacle::{Obstacle, growing, refuse_obstacles};
pub use view::{lines, note};

/// What would be done, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The cluster as people know it: its context, or its address.
    pub cluster: String,
    /// Address of its API server.
    pub server: String,
    /// The hub's namespace.
    pub namespace: String,
    /// SHA-256 of `bundle.yaml`.
    pub bundle: String,
    /// What to know about the secrets.
    pub secrets: Vec<Note>,
    /// What to know before saying yes.
    pub warnings: Vec<String>,
    /// The definitions of resources that the charts bring, where the cluster's are not the same.
    pub crds: Vec<CrdDifference>,
    /// The operations, needs first; also those that do nothing.
    #[serde(serialize_with = "step::serialize")]
    pub operations: Vec<Operation>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
pub enum Operation {
    /// Make the hub's namespace.
    CreateNamespace {
        /// Its name.
        name: String,
    },
    /// Write the ledger's Secret.
    WriteLedger {
        /// Its namespace.
        namespace: String,
        /// Whether it is new.
        new: bool,
    },
    /// Write a Secret that carries secrets to a chart.
    WriteSecret {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
        /// The release that reads it.
        release: String,
        /// Whether it is new.
        new: bool,
    },
    /// Make a definition of resources (CRD) what a chart has; helm would not.
    ApplyCrd(CrdOperation),
    /// Dump the hub's database, before a JupyterHub changes it that cannot be taken back.
    DumpDatabase(DumpOperation),
    /// One release.
    Release(ReleaseOperation),
    /// Remove such a Secret, which nothing reads any more.
    RemoveSecret {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
}

/// A definition of resources that is not in the cluster as a chart has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrdDifference {
    /// Its name.
    pub name: String,
    /// Name and version of the chart that it is of.
    pub chart: String,
    /// The release that brings it.
    pub release: String,
    /// How the cluster's stands to it.
    #[serde(flatten)]
    pub state: CrdState,
}

/// An upgrade of such a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CrdOperation {
    /// Its name.
    pub name: String,
    /// Name and version of the chart that it is of.
    pub chart: String,
    /// The release that comes after it.
    pub release: String,
    /// Whether it is not there yet.
    pub new: bool,
}

/// A dump of a database that a release of ours serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DumpOperation {
    /// The namespace of all of it.
    pub namespace: String,
    /// The release of the database.
    pub database: String,
    /// The release that is upgraded after it, and not without it.
    pub release: String,
    /// The JupyterHub that runs: its version, or that of its chart where nothing tells more.
    pub from: String,
    /// The one that is to run.
    pub to: String,
    /// The volume claim that keeps the dump.
    pub claim: String,
}

/// What happens to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseOperation {
    /// Release name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The chart of helm iris.
    pub chart: String,
    /// Name and version of the Helm chart.
    pub helm_chart: String,
    /// Once per hub or once per cluster.
    pub scope: Scope,
    /// What is done.
    pub action: Action,
    /// Whether it must be ready before those after it begin, however little is verified.
    pub awaited: bool,
    /// Names of the releases of this plan that come before it.
    #[serde(skip)]
    pub after: Vec<String>,
    /// Manifests, drift, and what cannot be done, as far as somebody looked.
    #[serde(flatten)]
    pub detail: Box<Detail>,
}

/// What is done with a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// It is new.
    Install,
    /// It is there and differs.
    Upgrade {
        /// The revision that stands now.
        revision: u64,
        /// Why.
        reasons: Vec<Reason>,
    },
    /// It is there and as the bundle says.
    Keep {
        /// The revision that stands.
        revision: u64,
    },
    /// Its condition is not met.
    Skip {
        /// Why not.
        why: Skip,
    },
}

/// Why a release is upgraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// Another chart or version.
    Chart {
        /// Name and version that stand.
        from: String,
        /// Name and version of the bundle.
        to: String,
    },
    /// The same name and version in another archive.
    Archive,
    /// Other values.
    Values {
        /// Which.
        changes: Vec<ValueChange>,
    },
    /// The newest revision was not made by helm iris.
    Foreign {
        /// Its number.
        revision: u64,
    },
    /// The newest revision did not succeed.
    Unfinished {
        /// Its number.
        revision: u64,
        /// Helm's word for its state.
        status: String,
    },
    /// A helm of ours was killed while it made the newest revision.
    Abandoned {
        /// Its number.
        revision: u64,
        /// Helm's word for its state.
        status: String,
    },
    /// Asked for by `--force`.
    Forced,
}

/// Why a release is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum Skip {
    /// The cluster has a default StorageClass.
    DefaultClass {
        /// Its name.
        name: String,
    },
    /// We may not look at StorageClasses, nor make one.
    ClassesHidden,
}

impl Plan {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.operations.iter().all(|operation| !operation.changes())
    }

    /// All changes that would be refused, with their releases.
    pub fn obstacles(&self) -> impl Iterator<Item = (&ReleaseOperation, &Obstacle)> {
        self.releases().flat_map(|release| release.detail.obstacles.iter().map(move |obstacle| (release, obstacle)))
    }

    /// The dump that comes before a release.
    pub fn dump_before(&self, release: &str) -> Option<&DumpOperation> {
        self.operations.iter().find_map(|operation| match operation {
            Operation::DumpDatabase(dump) if dump.release == release => Some(dump),
            _ => None,
        })
    }

    /// The releases, in order.
    pub fn releases(&self) -> impl Iterator<Item = &ReleaseOperation> {
        self.operations.iter().filter_map(|operation| match operation {
            Operation::Release(release) => Some(release),
            _ => None,
        })
    }
}

impl Operation {
    /// The release that it is about.
    pub fn release(&self) -> Option<&str> {
        match self {
            Self::Release(release) => Some(&release.name),
            Self::WriteSecret { release, .. } => Some(release),
            Self::DumpDatabase(dump) => Some(&dump.release),
            Self::ApplyCrd(crd) => Some(&crd.release),
            _ => None,
        }
    }

    /// Whether it changes the cluster.
    pub fn changes(&self) -> bool {
        match self {
            Self::CreateNamespace { .. }
            | Self::WriteLedger { .. }
            | Self::WriteSecret { .. }
            | Self::DumpDatabase(_)
            | Self::ApplyCrd(_)
            | Self::RemoveSecret { .. } => true,
            Self::Release(release) => release.changes(),
        }
    }
}

impl ReleaseOperation {
    /// Whether helm runs for it.
    pub fn changes(&self) -> bool {
        matches!(self.action, Action::Install | Action::Upgrade { .. })
    }

    /// Whether helm gets a chart for it that is not the one that stands, as far as that is known.
    pub fn takes_another_chart(&self) -> bool {
        let is_other = |reason: &Reason| !matches!(reason, Reason::Values { .. } | Reason::Forced);
        match &self.action {
            Action::Install => true,
            Action::Upgrade { reasons, .. } => reasons.iter().any(is_other),
            Action::Keep { .. } | Action::Skip { .. } => false,
        }
    }

    /// Whether it stands, before this plan.
    pub fn stands(&self) -> bool {
        !matches!(self.action, Action::Install | Action::Skip { .. })
    }

    /// Whether its workloads belong to the hub after this plan.
    pub fn is_there(&self) -> bool {
        !matches!(self.action, Action::Skip { .. })
    }
}
