//! What needs nothing of a bundle but the hub's namespace, so that it is read while the bundle is rendered.

use tokio::task::JoinHandle;

use super::class::{self, Classes};
use super::namespace_exists;
use crate::error::Result;
use crate::kube::{Cluster, Connecting};
use crate::lease::{self, Seen};
use crate::parallel;
use crate::secrets::{self, StoredLedger};

/// What was read of a cluster before the rest of [`super::Observed`].
pub struct Early {
    pub(super) lease: Seen,
    pub(super) classes: Classes,
    pub(super) namespace_exists: Option<bool>,
    pub(super) ledger: Option<StoredLedger>,
}

/// A cluster that is being looked at.
pub struct Looking(JoinHandle<Result<(Cluster, Early)>>);

impl Early {
    /// Reads it.
    ///
    /// # Errors
    /// As [`super::observe`].
    pub async fn look(cluster: &Cluster, namespace: &str) -> Result<Self> {
        // First: whoever works on the hub after this is seen when we take the Lease.
        let lease = lease::look(cluster, namespace).await?;
        let (classes, namespace_exists, ledger) = futures::try_join!(
            class::defaults(cluster),
            namespace_exists(cluster, namespace),
            secrets::cluster::read(cluster, namespace),
        )?;
        Ok(Self { lease, classes, namespace_exists, ledger })
    }
}

impl Looking {
    /// Begins, as soon as the cluster is connected.
    pub fn begin(connecting: Connecting, namespace: &str) -> Self {
        let namespace = namespace.to_owned();
        Self(tokio::spawn(async move {
            let cluster = connecting.done().await?;
            let early = Early::look(&cluster, &namespace).await?;
            Ok((cluster, early))
        }))
    }

    /// The cluster, and what was seen.
    ///
    /// # Errors
    /// As [`Early::look`], or when the cluster cannot be connected to.
    pub async fn done(self) -> Result<(Cluster, Early)> {
        parallel::outcome(self.0.await)
    }
}
