//! The only maker of a Kubernetes client: the same cluster, and the same rights there, as Helm's.

mod client;
mod config;
mod dynamic;
mod explain;
mod forward;
mod identity;
mod list;
mod proxy;
mod relay;
mod request;
mod survey;

use std::path::PathBuf;
use std::time::Duration;

use std::sync::Arc;

use ::kube::Client;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinHandle;

pub use dynamic::is_built_in;
pub use explain::{denied, explain};
pub use identity::ClusterId;
pub use list::Pick;
pub use proxy::ProxySettings;
pub use relay::Relay;
pub use request::{is_missing, is_passing};
pub use survey::Served;

use crate::error::Result;
use crate::parallel;
use crate::redact::Secret;

/// A cluster that takes longer to answer the first packet is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Reads at a time. Each needs a connection, and shaking hands for a new one takes longer than
/// waiting for one that is in use.
const READS_AT_A_TIME: usize = 3;
/// Longer than any read of ours takes on a busy API server.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How to reach the cluster: Helm's flags, or the environment that Helm hands to its plugins.
///
/// Everything is optional; what is not given comes from the kubeconfig.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// As in `$KUBECONFIG`: one file, or several separated by `:`.
    pub kubeconfig: Option<String>,
    /// The home folder, for `~/.kube/config`.
    pub home: Option<PathBuf>,
    /// The context of the kubeconfig.
    pub context: Option<String>,
    /// Bearer token.
    pub token: Option<Secret>,
    /// User to act as.
    pub as_user: Option<String>,
    /// Groups to act as.
    pub as_groups: Vec<String>,
    /// URL of the API server.
    pub api_server: Option<String>,
    /// Certificate authority of the API server.
    pub ca_file: Option<String>,
    /// Whether any certificate of the API server will do.
    pub insecure_skip_tls_verify: bool,
    /// Name that the API server's certificate must carry.
    pub tls_server_name: Option<String>,
    /// The proxies of the environment.
    pub proxy: ProxySettings,
}

/// A cluster that is being connected to.
pub struct Connecting(JoinHandle<Result<Cluster>>);

impl Connecting {
    /// The cluster.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn done(self) -> Result<Cluster> {
        parallel::outcome(self.0.await)
    }
}

/// A cluster that has answered.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    places: Arc<Semaphore>,
    versions: Arc<OnceCell<Vec<String>>>,
    /// The context's name; none inside a pod.
    pub context: Option<String>,
    /// The namespace of the context; `default` where it names none.
    pub namespace: String,
    /// URL of the API server.
    pub server: String,
    /// Which cluster it is, whatever its context is called.
    pub id: ClusterId,
    /// Kubernetes' version, e.g. `v1.36.2`.
    pub version: String,
}

impl Connection {
    /// Begins to connect, while other things are done.
    pub fn begin(self) -> Connecting {
        Connecting(tokio::spawn(async move { self.open().await }))
    }

    /// Connects, and learns which cluster it is.
    ///
    /// # Errors
    /// No usable kubeconfig, unknown context, or a cluster that cannot be reached or refuses us.
    pub async fn open(&self) -> Result<Cluster> {
        let target = config::resolve(self).await?;
        let server = target.config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        let namespace = target.config.default_namespace.clone();
        let client = client::client(target.config).map_err(|error| explain(&error, &server))?;
        let (id, version) = futures::join!(identity::identify(&client, &server), identity::version(&client));
        Ok(Cluster {
            id: id?,
            version: version.map_err(|error| explain(&error, &server))?,
            context: target.context,
            namespace,
            places: Arc::new(Semaphore::new(READS_AT_A_TIME)),
            versions: Arc::default(),
            client,
            server,
        })
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context).field("server", &self.server).finish_non_exhaustive()
    }
}

impl Cluster {
    /// The context, or the server where there is none: how people know the cluster.
    pub fn label(&self) -> &str {
        self.context.as_deref().unwrap_or(&self.server)
    }
}
