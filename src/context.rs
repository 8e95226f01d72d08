//! BUILD: everything that a values template may name, and nothing else.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::login::LoginContext;
use crate::settings::{
    Dask, Database, Https, Image, LoadBalancer, NewStorageClass, Scheduling, SecretMode, ServiceType, Settings, Users,
};
use crate::sizes;

/// Octavia: keep the floating IP when the Service goes (cloud-provider-openstack,
/// `expose-applications-using-loadbalancer-type-service.md`).
const KEEP_FLOATING_IP: &str = "loadbalancer.openstack.org/keep-floatingip";
/// Octavia: the network to take floating IPs from (same source).
const FLOATING_NETWORK_ID: &str = "loadbalancer.openstack.org/floating-network-id";

/// What templates see. Every field is present; one that is unset is null.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// The release that is rendered.
    pub release: ReleaseContext,
    /// The hub's database.
    pub database: DatabaseContext,
    /// Volumes.
    pub storage: StorageContext,
    /// The public Service.
    pub load_balancer: LoadBalancerContext,
    /// Node placement.
    pub scheduling: Scheduling,
    /// Who may log in.
    pub login: LoginContext,
    /// Encrypted access.
    pub https: HttpsContext,
    /// What every user gets; each size is complete, and one of them the default.
    pub users: Users,
    /// Dask clusters; the image is the users' image unless one is set, a worker is of the default size.
    pub dask: Dask,
    /// Where the chart finds its secrets.
    pub secrets: SecretsContext,
}

/// Where the chart finds its secrets; never the secrets themselves.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretsContext {
    /// How secrets reach the charts.
    pub mode: SecretMode,
    /// The Kubernetes Secret with this chart's secrets; null: they are in the values.
    pub name: Option<String>,
}

/// The release that is rendered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseContext {
    /// Release name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The chart of helm iris.
    pub chart: String,
}

/// The hub's database.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseContext {
    /// The chart that provides it.
    pub engine: Option<String>,
    /// The Service to connect to: the engine's release name.
    pub host: Option<String>,
    /// Name of the database.
    pub name: Option<String>,
    /// The role that owns it.
    pub user: Option<String>,
    /// Size of its volume.
    pub size: Option<String>,
    /// The server's image.
    pub image: Image,
}

/// Volumes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageContext {
    /// The StorageClass to name; null: the cluster's default.
    pub class_name: Option<String>,
    /// The default class for a cluster that has none; null if the profile knows none.
    pub new_class: Option<NewStorageClass>,
}

/// Encrypted access.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpsContext {
    /// The name under which users reach the hub; null: it is not encrypted.
    pub host: Option<String>,
    /// Where Let's Encrypt writes.
    pub contact_email: Option<String>,
    /// The Secret with a certificate of the operator's own.
    pub secret_name: Option<String>,
    /// Whether a certificate of the operator's own is in the ledger.
    pub own_certificate: bool,
}

/// The public Service.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerContext {
    /// Its type.
    pub service_type: ServiceType,
    /// The address to ask for.
    pub address: Option<String>,
    /// Who may connect.
    pub source_ranges: Vec<String>,
    /// All annotations as strings, Octavia's included.
    pub annotations: BTreeMap<String, String>,
}

impl Context {
    /// The context of one release; `database_host` is the engine's release name, `secret` the
    /// Kubernetes Secret with the chart's secrets.
    pub fn build(
        settings: &Settings,
        release: ReleaseContext,
        database_host: Option<String>,
        secret: Option<String>,
    ) -> Self {
        let mut dask = sizes::filled_dask(&settings.dask);
        dask.image.name = dask.image.name.or_else(|| settings.users.image.name.clone());
        dask.image.tag = dask.image.tag.or_else(|| settings.users.image.tag.clone());
        Self {
            release,
            database: database(&settings.database, database_host),
            storage: StorageContext {
                class_name: settings.storage.class_name.clone(),
                new_class: settings.storage.new_class.clone().filter(|class| class.provisioner.is_some()),
            },
            load_balancer: load_balancer(&settings.load_balancer),
            scheduling: settings.scheduling.clone(),
            login: LoginContext::new(settings),
            https: https(&settings.https),
            users: sizes::filled_users(&settings.users),
            dask,
            secrets: SecretsContext { mode: settings.secret_mode, name: secret },
        }
    }
}

fn https(settings: &Https) -> HttpsContext {
    let Https { host, contact_email, secret_name, own_certificate } = settings.clone();
    HttpsContext { host, contact_email, secret_name, own_certificate: own_certificate.unwrap_or(false) }
}

fn database(settings: &Database, host: Option<String>) -> DatabaseContext {
    let Database { engine, name, user, size, image } = settings.clone();
    DatabaseContext { engine, host, name, user, size, image }
}

fn load_balancer(settings: &LoadBalancer) -> LoadBalancerContext {
    let mut annotations = BTreeMap::new();
    if let Some(keep) = settings.keep_floating_ip {
        annotations.insert(KEEP_FLOATING_IP.to_owned(), keep.to_string());
    }
    if let Some(network) = &settings.floating_network_id {
        annotations.insert(FLOATING_NETWORK_ID.to_owned(), network.clone());
    }
    annotations.extend(settings.annotations.clone());
    LoadBalancerContext {
        service_type: settings.service_type,
        address: settings.address.clone(),
        source_ranges: settings.source_ranges.clone(),
        annotations,
    }
}
