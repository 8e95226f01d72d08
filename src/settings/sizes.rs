//! How much people get, and on nodes of what size.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Cpu, Memory, form};

/// What pods can get of one node, as `kubectl describe node` tells under Allocatable.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Nodes {
    /// Cores.
    #[serde(deserialize_with = "form::cores")]
    #[schemars(range(min = 0))]
    pub cpu: Option<Number>,
    /// Memory, e.g. `30G`.
    #[serde(deserialize_with = "form::memory")]
    #[schemars(transform = form::MEMORY.in_schema())]
    pub memory: Option<String>,
}

/// A size that users choose when they start a server; what it does not say is as `users.cpu` and `users.memory` say.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UserSize {
    /// What users see, e.g. `Small`.
    pub name: String,
    /// A line more.
    pub description: Option<String>,
    /// CPU.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// Whole GPUs of NVIDIA, e.g. 1. The nodes need NVIDIA's device plugin.
    pub gpus: Option<u32>,
    /// Whether it is taken if nobody chooses. Unset for all: the first.
    pub default: Option<bool>,
}

/// A size of Dask workers that users choose by its name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkerSize {
    /// Its name, e.g. `large`: letters, digits, `-` and `_`.
    pub name: String,
    /// Cores.
    #[serde(deserialize_with = "form::cores")]
    #[schemars(range(min = 0))]
    pub cpu: Option<Number>,
    /// Memory, e.g. `8G`.
    #[serde(deserialize_with = "form::memory")]
    #[schemars(transform = form::MEMORY.in_schema())]
    pub memory: Option<String>,
    /// Whole GPUs of NVIDIA.
    pub gpus: Option<u32>,
    /// Whether it is taken if nobody chooses. Unset for all: the first.
    pub default: Option<bool>,
}

/// Data that all users and Dask workers may read, and nobody may write.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SharedData {
    /// Its name, e.g. `survey`: small letters, digits and `-`.
    pub name: String,
    /// A volume claim in the hub's namespace that many nodes may mount.
    #[serde(deserialize_with = "form::dns_name")]
    #[schemars(transform = form::DNS_NAME.in_schema())]
    pub claim: Option<String>,
    /// Or a folder of an NFS server, which every node must reach.
    pub nfs: Option<Nfs>,
    /// Where it is seen, e.g. `/data/survey`.
    pub mount_path: String,
}

/// A folder of an NFS server.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Nfs {
    /// Name or address of the server.
    pub server: String,
    /// The folder that it exports.
    pub path: String,
}
