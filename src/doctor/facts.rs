//! What was read from the cluster and this machine, as far as the checks go.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::error::Error;
use crate::kube::Served;

/// Something that was to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Look<T> {
    /// It was seen.
    Seen(T),
    /// We may not.
    Refused,
    /// Nobody asked.
    #[default]
    NotAsked,
}

impl<T> Look<T> {
    /// What was seen.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(seen) => Some(seen),
            Self::Refused | Self::NotAsked => None,
        }
    }

    /// Whether we may not look.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused)
    }
}

/// All that was read.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Kubernetes' version, e.g. `v1.36.2`.
    pub kubernetes: String,
    /// Helm's version, or why there is none to use.
    pub helm: Option<Result<String, Error>>,
    /// `HELM_DRIVER` of the environment.
    pub helm_driver: Option<String>,
    /// When it was read.
    pub now: Option<Timestamp>,
    /// StorageClasses.
    pub classes: Look<Vec<Class>>,
    /// The names of the CSI drivers that the cluster knows.
    pub drivers: Look<BTreeSet<String>>,
    /// Nodes.
    pub nodes: Look<Vec<Node>>,
    /// What pods ask of the nodes that were looked at, by their names.
    pub used: Look<BTreeMap<String, Room>>,
    /// DaemonSets as namespace and name.
    pub daemon_sets: Look<Vec<(String, String)>>,
    /// Services of the type LoadBalancer.
    pub balancers: Look<Vec<Balancer>>,
    /// Releases that Helm has not finished.
    pub pending: Look<Vec<PendingRelease>>,
    /// Releases of the hub's namespace that Helm keeps in ConfigMaps.
    pub in_config_maps: Look<BTreeSet<String>>,
    /// What the groups and versions of the wanted objects serve.
    pub served: BTreeSet<Served>,
    /// What we may not do of what an installation does.
    pub forbidden: Look<Vec<Forbidden>>,
    /// Cluster-wide names of wanted objects that somebody has.
    pub taken: Look<Vec<Taken>>,
    /// What came of a trial claim; none where none was asked for.
    pub probe: Option<Result<String, Error>>,
}

/// A StorageClass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// The driver.
    pub provisioner: String,
    /// The driver's parameters.
    pub parameters: BTreeMap<String, String>,
    /// `Delete` or `Retain`.
    pub reclaim_policy: String,
    /// `WaitForFirstConsumer` or `Immediate`.
    pub binding_mode: String,
    /// The zones that it is limited to.
    pub zones: BTreeSet<String>,
    /// Whether volumes get it that name none.
    pub is_default: bool,
    /// Namespace and name of the Helm release that made it.
    pub made_by: Option<(String, String)>,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it is ready, and takes pods.
    pub is_ready: bool,
    /// What it has for pods.
    pub room: Room,
}

/// A taint of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `NoSchedule`, `NoExecute` or `PreferNoSchedule`.
    pub effect: String,
}

/// The resource as which NVIDIA's device plugin offers GPUs.
pub(super) const GPU: &str = "nvidia.com/gpu";

/// CPU, memory, GPUs and places for pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// CPU in thousandths of a core.
    pub cpu: u128,
    /// Memory in bytes.
    pub memory: u128,
    /// GPUs.
    pub gpus: u128,
    /// Pods.
    pub pods: u128,
}

/// A Service that asks the cloud for an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balancer {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The address that it asks for.
    pub asks_for: Option<String>,
    /// The addresses that it has.
    pub has: Vec<String>,
    /// When it was made.
    pub since: Option<Timestamp>,
    /// What the cloud says, where it has none.
    pub says: Option<String>,
}

/// A release that Helm has not finished.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingRelease {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The revision.
    pub revision: u64,
    /// Helm's word for its state.
    pub status: String,
    /// Whether a helm of ours that was killed has left it so.
    pub is_left: bool,
}

/// Something that we may not do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forbidden {
    /// The namespace; none: in the whole cluster.
    pub namespace: Option<String>,
    /// `create` or another verb.
    pub verb: String,
    /// Plural name of the kind.
    pub plural: String,
}

/// A name that somebody has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Kind.
    pub kind: String,
    /// Plural name of the kind.
    pub plural: String,
    /// Name.
    pub name: String,
    /// Its namespace; none where the whole cluster shares the name.
    pub namespace: Option<String>,
    /// Namespace and name of the Helm release that has it; none where no release has.
    pub by: Option<(String, String)>,
    /// Namespace and name of the release that would make it.
    pub wanted_by: (String, String),
}
