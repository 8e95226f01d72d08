//! A hub is taken away, and its data is not: planned as data, then done.
//!
//! The cluster alone tells what is there, so that it works on a machine that has neither site file nor
//! bundle. The order is the reverse of the needs, with the volumes made safe before anything goes.

mod build;
mod execute;
mod look;

use serde::Serialize;

pub use build::{Input, build};
pub use execute::Executor;
pub use look::{Observed, Server, look};

use crate::volumes::Owner;

/// What would be done, in order, and what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Uninstall {
    /// The cluster as people know it: its context, or its address.
    pub cluster: String,
    /// Address of its API server.
    pub server: String,
    /// The hub's namespace.
    pub namespace: String,
    /// The chart that was installed.
    pub chart: String,
    /// Whether the data of the hub is deleted.
    pub deletes_data: bool,
    /// The operations, in order.
    pub operations: Vec<Operation>,
    /// What becomes of each volume.
    pub volumes: Vec<VolumeFate>,
    /// What stays, and why.
    pub stays: Vec<Stay>,
}

/// One step, with a name that is the same in every plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// The name.
    pub id: String,
    /// What is done.
    #[serde(flatten)]
    pub step: Step,
}

/// What is done in one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "operation", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Step {
    /// Say what becomes of a volume when its claim goes, and write on it whose it is.
    SetReclaimPolicy {
        /// The volume.
        volume: String,
        /// What becomes of it now.
        from: String,
        /// What will.
        to: String,
    },
    /// `helm uninstall`.
    UninstallRelease {
        /// Release name.
        release: String,
        /// Name and version of the Helm chart.
        helm_chart: String,
        /// The newest revision.
        revision: u64,
        /// Helm's word for its state.
        status: String,
    },
    /// Stop the servers of users, which helm does not know.
    StopServers {
        /// Those that run now.
        servers: Vec<Server>,
    },
    /// Stop the Dask clusters of users, which helm does not know either.
    StopDask {
        /// Those that run now.
        clusters: Vec<String>,
    },
    /// Delete a claim, and its volume with it.
    DeleteClaim {
        /// The claim.
        claim: String,
        /// Whose files are lost.
        owner: Owner,
    },
    /// Remove a Secret that carried secrets to a chart.
    RemoveSecret {
        /// Its name.
        name: String,
    },
    /// Remove the ledger of the cluster.
    RemoveLedger,
}

/// What becomes of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeFate {
    /// The claim.
    pub claim: String,
    /// Whose it is.
    pub owner: Owner,
    /// The size that was asked for.
    pub size: String,
    /// The StorageClass.
    pub class: Option<String>,
    /// The volume; none where nothing was ever stored.
    pub volume: Option<String>,
    /// What becomes of it now when its claim is deleted.
    pub policy: Option<String>,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays with its claim.
    Kept,
    /// It stays, and its claim goes: `--reattach` brings both back.
    KeptAlone,
    /// It is deleted for good.
    Deleted,
    /// There is only a claim, which stays.
    Empty,
}

/// Something that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stay {
    /// What it is: `secrets`, `release`, `dask` or `namespace`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Uninstall {
    /// Whether nothing would be done.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Whether helm would run.
    pub fn runs_helm(&self) -> bool {
        self.operations.iter().any(|operation| matches!(operation.step, Step::UninstallRelease { .. }))
    }
}

impl Step {
    /// The step with its name.
    fn named(self) -> Operation {
        let id = match &self {
            Self::SetReclaimPolicy { volume, .. } => format!("volume/{volume}"),
            Self::UninstallRelease { release, .. } => format!("release/{release}"),
            Self::StopServers { .. } => "servers".to_owned(),
            Self::StopDask { .. } => "dask".to_owned(),
            Self::DeleteClaim { claim, .. } => format!("claim/{claim}"),
            Self::RemoveSecret { name } => format!("secret/{name}"),
            Self::RemoveLedger => "ledger".to_owned(),
        };
        Operation { id, step: self }
    }
}
