//! The keys that profiles and site files share: what a hub can be told.
//!
//! The doc comments are the reference that `helm iris profiles show` and the JSON schema print.

mod database;
mod form;
mod login;
mod sizes;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

pub use database::{Backup, Database, DatabaseTls, TlsMode};
pub use login::{Authenticator, Https, IdentityProvider, Login, OAuth, Provider};
pub use sizes::{Nfs, Nodes, SharedData, UserSize, WorkerSize};

/// All settings of one hub; each layer (chart, profiles, site file, `--set`) may give any of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Where volumes come from.
    pub storage: Storage,
    /// How the hub is reached from outside.
    pub load_balancer: LoadBalancer,
    /// On which nodes things run.
    pub scheduling: Scheduling,
    /// Who may log in.
    pub login: Login,
    /// Encrypted access. Without a host, passwords travel in clear.
    pub https: Https,
    /// What every user gets.
    pub users: Users,
    /// Where the hub keeps its state.
    pub database: Database,
    /// Dask clusters that users start.
    pub dask: Dask,
    /// What is in images that helm iris does not know, by name and tag, e.g. `registry.example.org/ours:1.4`.
    pub images: BTreeMap<String, ImageVersions>,
    /// How secrets reach the charts.
    pub secret_mode: SecretMode,
    /// Other places to get upstream charts from, by chart name (a mirror, or another version).
    pub sources: BTreeMap<String, SourceOverride>,
    /// Raw Helm values by chart of helm iris, laid over what it renders.
    pub values: Map<String, Value>,
    /// JSON patches (RFC 6902) by chart, applied to the raw values after `values`.
    pub patches: Map<String, Value>,
}

/// Where volumes come from.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Storage {
    /// The StorageClass for all volumes. Unset: the cluster's default class.
    #[serde(deserialize_with = "form::dns_name")]
    #[schemars(transform = form::DNS_NAME.in_schema())]
    pub class_name: Option<String>,
    /// The default StorageClass to create in a cluster that has none.
    pub new_class: Option<NewStorageClass>,
}

/// A StorageClass to create.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewStorageClass {
    /// Its name.
    pub name: Option<String>,
    /// The CSI driver, e.g. `cinder.csi.openstack.org`.
    pub provisioner: Option<String>,
    /// The driver's parameters, e.g. `availability: nova`. They can never be changed later.
    pub parameters: BTreeMap<String, String>,
    /// What happens to a volume when its claim is deleted.
    pub reclaim_policy: ReclaimPolicy,
    /// When a volume is made: `WaitForFirstConsumer` picks the zone of the pod.
    pub volume_binding_mode: VolumeBindingMode,
    /// Whether volumes may grow.
    pub allow_volume_expansion: Option<bool>,
}

/// What happens to a volume when its claim is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReclaimPolicy {
    /// The volume and its data go with the claim.
    #[default]
    Delete,
    /// The volume stays until somebody deletes it.
    Retain,
}

/// When a volume is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VolumeBindingMode {
    /// When the first pod that uses it is placed.
    #[default]
    WaitForFirstConsumer,
    /// At once, wherever the driver likes.
    Immediate,
}

/// How the hub is reached from outside.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// The kind of the public Service.
    pub service_type: ServiceType,
    /// A floating IP address that you own and the cloud has opened. Unset: the cloud picks one.
    pub address: Option<String>,
    /// Only these networks may connect, e.g. `192.0.2.0/24`. Empty: everyone.
    pub source_ranges: Vec<String>,
    /// Octavia: keep the floating IP when the Service is deleted.
    pub keep_floating_ip: Option<bool>,
    /// Octavia: the id of the external network to take the floating IP from.
    pub floating_network_id: Option<String>,
    /// More annotations of the public Service; values are strings.
    pub annotations: BTreeMap<String, String>,
}

/// The kind of the public Service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// An address from the cloud.
    #[default]
    LoadBalancer,
    /// A port on every node.
    NodePort,
    /// Reached by `kubectl port-forward` only.
    ClusterIP,
}

/// On which nodes things run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Scheduling {
    /// What to make of the node label `hub.jupyter.org/node-purpose`; clouds that do not set it: `ignore`.
    pub match_node_purpose: MatchNodePurpose,
    /// The size of the nodes that users' servers and Dask get. What would never fit is an error then.
    pub nodes: Nodes,
    /// Node labels that the hub, its proxy and the gateway need.
    pub core_node_selector: BTreeMap<String, String>,
    /// Node labels that user servers need.
    pub user_node_selector: BTreeMap<String, String>,
    /// Node labels that Dask schedulers and workers need.
    pub worker_node_selector: BTreeMap<String, String>,
    /// Taints that user servers bear.
    pub user_tolerations: Vec<Toleration>,
    /// Taints that Dask schedulers and workers bear.
    pub worker_tolerations: Vec<Toleration>,
}

/// What to make of the node label `hub.jupyter.org/node-purpose`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatchNodePurpose {
    /// Nothing.
    #[default]
    Ignore,
    /// Prefer nodes that carry it.
    Prefer,
    /// Use only nodes that carry it.
    Require,
}

/// A taint that pods bear.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Toleration {
    /// The taint's key.
    pub key: String,
    /// `Equal` or `Exists`.
    pub operator: TolerationOperator,
    /// The taint's value, for `Equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`. Unset: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

/// How a toleration matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TolerationOperator {
    /// Key and value.
    #[default]
    Equal,
    /// The key alone.
    Exists,
}

/// A container image. Never `latest`: what was reviewed must be what runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Image {
    /// Registry and name.
    pub name: Option<String>,
    /// Tag; quote it if it looks like a number.
    pub tag: Option<String>,
}

/// Versions of what matters between notebooks, Dask and the hub. What is unset is not compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ImageVersions {
    /// Python; quote it if it looks like a number.
    pub python: Option<String>,
    /// The package `dask`.
    pub dask: Option<String>,
    /// The package `distributed`.
    pub distributed: Option<String>,
    /// The package `dask-gateway`.
    pub dask_gateway: Option<String>,
    /// The package `jupyterhub`, which users' servers come from.
    pub jupyterhub: Option<String>,
}

/// CPU of one container, in cores.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Cpu {
    /// Set aside on the node.
    #[serde(deserialize_with = "form::cores")]
    #[schemars(range(min = 0))]
    pub guarantee: Option<Number>,
    /// Never exceeded.
    #[serde(deserialize_with = "form::cores")]
    #[schemars(range(min = 0))]
    pub limit: Option<Number>,
}

/// Memory of one container, as `512M` or `4G` (K, M, G, T: powers of 1024).
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Memory {
    /// Set aside on the node.
    #[serde(deserialize_with = "form::memory")]
    #[schemars(transform = form::MEMORY.in_schema())]
    pub guarantee: Option<String>,
    /// Exceeding it kills the container.
    #[serde(deserialize_with = "form::memory")]
    #[schemars(transform = form::MEMORY.in_schema())]
    pub limit: Option<String>,
}

/// What every user gets.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Users {
    /// The notebook image. For Dask it must hold dask and dask-gateway; Dask runs the same image.
    pub image: Image,
    /// CPU of a user server.
    pub cpu: Cpu,
    /// Memory of a user server.
    pub memory: Memory,
    /// Sizes that users choose from when they start a server. Empty: all get `cpu` and `memory`.
    pub sizes: Vec<UserSize>,
    /// Data that all users and Dask workers may read.
    pub shared_data: Vec<SharedData>,
    /// Size of each user's home volume, e.g. `10Gi`. It can grow later, not shrink.
    #[serde(deserialize_with = "form::size")]
    #[schemars(transform = form::SIZE.in_schema())]
    pub home_size: Option<String>,
    /// Seconds that a user server may take to start; the first pull of a big image counts.
    pub start_timeout: Option<u32>,
    /// Seconds after which an idle server is stopped. 0: never.
    pub idle_timeout: Option<u32>,
    /// Seconds after which a server is stopped although it is in use. 0: never.
    pub max_age: Option<u32>,
    /// Pull the notebook image to every node before an upgrade; slow on a first install.
    pub pre_pull: Option<bool>,
    /// Where users land, e.g. `/lab`.
    pub default_url: Option<String>,
}

/// Dask clusters that users start.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Dask {
    /// Image of schedulers and workers. Unset: the users' image, so that versions match.
    pub image: Image,
    /// Each worker.
    pub worker: DaskPod,
    /// Each cluster's scheduler.
    pub scheduler: DaskPod,
    /// Seconds after which an idle cluster is stopped. 0: never.
    pub idle_timeout: Option<u32>,
    /// Sizes of workers that users choose from, by `GatewayCluster(worker_size="NAME")`. Empty: they choose cores and
    /// memory freely, up to the limits of `worker`.
    pub sizes: Vec<WorkerSize>,
    /// The most workers that one cluster may have.
    pub cluster_max_workers: Option<u32>,
    /// The most cores that one cluster may have, its scheduler's included.
    #[serde(deserialize_with = "form::cores")]
    #[schemars(range(min = 0))]
    pub cluster_max_cores: Option<Number>,
    /// The most memory that one cluster may have, its scheduler's included, e.g. `64G`.
    #[serde(deserialize_with = "form::memory")]
    #[schemars(transform = form::MEMORY.in_schema())]
    pub cluster_max_memory: Option<String>,
    /// The most clusters that one user may have at a time.
    pub user_max_clusters: Option<u32>,
    /// For `dask-gateway`: the namespace of the hub whose users may use it. Unset: who has the password.
    #[serde(deserialize_with = "form::dns_name")]
    #[schemars(transform = form::DNS_NAME.in_schema())]
    pub hub_namespace: Option<String>,
    /// For `jupyterhub`: the namespace of a `dask-gateway` that the hub's users may use.
    #[serde(deserialize_with = "form::dns_name")]
    #[schemars(transform = form::DNS_NAME.in_schema())]
    pub gateway_namespace: Option<String>,
}

/// CPU and memory of a Dask pod.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DaskPod {
    /// CPU.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
}

/// How secrets reach the charts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretMode {
    /// As Helm values, in `secrets.yaml`. Helm keeps them with each release.
    #[default]
    Inline,
    /// In Kubernetes Secrets that helm iris writes and the charts read, as far as they can.
    Existing,
}

/// Another place to get an upstream chart from.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SourceOverride {
    /// A chart repository, e.g. a mirror of the public one.
    pub repo: Option<String>,
    /// Another version; its digest is then kept in `iris.lock` unless `sha256` is given.
    #[serde(deserialize_with = "form::version")]
    #[schemars(transform = form::VERSION.in_schema())]
    pub version: Option<String>,
    /// SHA-256 of the archive, 64 hex digits.
    #[serde(deserialize_with = "form::sha256")]
    #[schemars(transform = form::SHA256.in_schema())]
    pub sha256: Option<String>,
}
