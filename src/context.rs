//! BUILD: everything that a values template may name, and nothing else.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::login::LoginContext;
use crate::settings::{
    Backup, Dask, Database, DatabaseTls, Https, Image, LoadBalancer, NewStorageClass, Scheduling, SecretMode,
    ServiceType, Settings, TlsMode, Users,
};
use crate::sizes;

/// Octavia: keep the floating IP when the Service goes (cloud-provider-openstack,
/// `expose-applications-using-loadbalancer-type-service.md`).
const KEEP_FLOATING_IP: &str = "loadbalancer.openstack.org/keep-floatingip";
/// Octavia: the network to take floating IPs from (same source).
const FLOATING_NETWORK_ID: &str = "loadbalancer.openstack.org/floating-network-id";

/// Where the hub's pod has the certificate of the database's authority.
const CA_FILE: &str = "/usr/local/etc/jupyterhub/database-ca.crt";

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
    /// What the chart of Dask Gateway can do.
    pub gateway: GatewayContext,
    /// Where the chart finds its secrets.
    pub secrets: SecretsContext,
}

/// What the chart of Dask Gateway can do, by its version.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayContext {
    /// Whether it can say which tokens of the hub are for the gateway: `jupyterhubServiceName`.
    pub tells_tokens: bool,
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
    /// What it is to the hub.
    pub kind: DatabaseKind,
    /// The Service or server to connect to; null where it is a file.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Labels of its pods, for network policies; empty where they are not known.
    pub pod_labels: BTreeMap<String, String>,
    /// The host as a network of one address, for network policies; null where it is a name.
    pub network: Option<String>,
    /// What a hub connects to, without the password; null where it is a file.
    pub url: Option<String>,
    /// Whether the connection is encrypted.
    pub tls: DatabaseTls,
    /// Who makes role and database on a server that somebody else runs; null: they are there.
    pub admin_user: Option<String>,
    /// Where the hub finds the certificate of `tls.ca`; null where none is given.
    pub ca_file: Option<String>,
    /// Name of the database.
    pub name: Option<String>,
    /// The role that owns it.
    pub user: Option<String>,
    /// Size of its volume.
    pub size: Option<String>,
    /// The server's image.
    pub image: Image,
    /// Dumps of it.
    pub backup: Backup,
}

/// What a database is to a hub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseKind {
    /// A PostgreSQL server.
    #[default]
    Postgres,
    /// A file on a volume of the hub's own.
    Sqlite,
}

/// Where the hub's database is, by the chart that provides it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseEndpoint {
    /// What it is.
    pub kind: DatabaseKind,
    /// The Service or server; none where it is a file.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Labels of its pods, where it has pods that are known.
    pub pod_labels: BTreeMap<String, String>,
}

impl DatabaseEndpoint {
    /// A file of the hub's own.
    pub fn file() -> Self {
        Self { kind: DatabaseKind::Sqlite, ..Self::default() }
    }
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
    /// The context of one release; `endpoint` is where the hub's database is, `gateway` what the chart of
    /// Dask Gateway can do, `secret` the Kubernetes Secret with the chart's secrets.
    pub fn build(
        settings: &Settings,
        release: ReleaseContext,
        endpoint: DatabaseEndpoint,
        gateway: GatewayContext,
        secret: Option<String>,
    ) -> Self {
        let mut dask = sizes::filled_dask(&settings.dask);
        dask.image.name = dask.image.name.or_else(|| settings.users.image.name.clone());
        dask.image.tag = dask.image.tag.or_else(|| settings.users.image.tag.clone());
        Self {
            release,
            database: database(&settings.database, endpoint),
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
            gateway,
            secrets: SecretsContext { mode: settings.secret_mode, name: secret },
        }
    }
}

fn https(settings: &Https) -> HttpsContext {
    let Https { host, contact_email, secret_name, own_certificate } = settings.clone();
    HttpsContext { host, contact_email, secret_name, own_certificate: own_certificate.unwrap_or(false) }
}

fn database(settings: &Database, endpoint: DatabaseEndpoint) -> DatabaseContext {
    let Database { engine, name, user, size, image, backup, tls, admin_user, .. } = settings.clone();
    let DatabaseEndpoint { kind, host, port, pod_labels } = endpoint;
    let address: Option<IpAddr> = host.as_ref().and_then(|host| host.parse().ok());
    let mut context = DatabaseContext {
        network: address.map(|address| format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })),
        ca_file: tls.ca.is_some().then(|| CA_FILE.to_owned()),
        url: None,
        engine,
        kind,
        host,
        port,
        pod_labels,
        tls,
        admin_user,
        name,
        user,
        size,
        image,
        backup,
    };
    context.url = url(&context);
    context
}

/// The password goes apart. Names of roles and databases need no escapes: the settings take no others.
fn url(database: &DatabaseContext) -> Option<String> {
    let DatabaseContext { host, port, user, name, tls, ca_file, .. } = database;
    let (host, port, user, name) = (host.as_ref()?, port.as_ref()?, user.as_ref()?, name.as_ref()?);
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let mode = tls.mode.map(|mode| match mode {
        TlsMode::Disable => "sslmode=disable".to_owned(),
        TlsMode::Require => "sslmode=require".to_owned(),
        TlsMode::VerifyFull => "sslmode=verify-full".to_owned(),
    });
    let ca = ca_file.as_ref().map(|file| format!("sslrootcert={file}"));
    let query: Vec<String> = mode.into_iter().chain(ca).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    Some(format!("postgresql+psycopg2://{user}@{host}:{port}/{name}{query}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str, tls: DatabaseTls) -> DatabaseContext {
        let name = Some("jhub".to_owned());
        let settings = Database { name: name.clone(), user: name, tls, ..Database::default() };
        let endpoint =
            DatabaseEndpoint { host: Some(host.to_owned()), port: Some(5432), ..DatabaseEndpoint::default() };
        database(&settings, endpoint)
    }

    #[test]
    fn urls_hold_what_libpq_needs_and_no_password() {
        let plain = of("postgresql", DatabaseTls::default());
        assert_eq!(plain.url.as_deref(), Some("postgresql+psycopg2://jhub@postgresql:5432/jhub"));
        assert_eq!((plain.network, plain.ca_file), (None, None));
        let tls = DatabaseTls { mode: Some(TlsMode::VerifyFull), ca: Some("PEM".into()) };
        let url = of("2001:db8::7", tls).url.unwrap();
        let expected =
            format!("postgresql+psycopg2://jhub@[2001:db8::7]:5432/jhub?sslmode=verify-full&sslrootcert={CA_FILE}");
        assert_eq!(url, expected);
    }

    #[test]
    fn an_address_is_a_network_of_its_own() {
        for (host, network) in
            [("192.0.2.7", Some("192.0.2.7/32")), ("2001:db8::7", Some("2001:db8::7/128")), ("db.example.org", None)]
        {
            assert_eq!(of(host, DatabaseTls::default()).network.as_deref(), network);
        }
        assert_eq!(database(&Database::default(), DatabaseEndpoint::file()).url, None);
    }
}
