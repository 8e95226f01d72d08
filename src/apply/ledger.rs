//! The ledger goes into the cluster before helm runs: a secret in use is never known to one place alone.

use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::plan::{Operation, Plan};
use crate::secrets::{Ledger, Reconciled, Sources, StoredLedger, Written, cluster, reconcile};

/// Makes the hub's namespace, if the plan says so.
///
/// # Errors
/// When that is not allowed.
pub async fn make_namespace(cluster: &Cluster, plan: &Plan) -> Result<()> {
    for operation in &plan.operations {
        if let Operation::CreateNamespace { name } = operation {
            cluster::create_namespace(cluster, name).await?;
        }
    }
    Ok(())
}

/// Writes the ledger, as far as the plan says; gives the ledger that holds.
///
/// # Errors
/// When that is not allowed, or somebody else wrote another ledger meanwhile.
pub async fn secure(
    cluster: &Cluster,
    plan: &Plan,
    secrets: &Reconciled,
    before: Option<&StoredLedger>,
    sources: &Sources<'_>,
) -> Result<Ledger> {
    for operation in &plan.operations {
        if let Operation::WriteLedger { namespace, .. } = operation {
            let written = cluster::write(cluster, namespace, &secrets.ledger, before).await?;
            if written == Written::Outrun {
                return adopt(cluster, namespace, sources).await;
            }
        }
    }
    Ok(secrets.ledger.clone())
}

/// Somebody was faster, e.g. another run of this very command: what they wrote holds, if it agrees
/// with all we know.
async fn adopt(cluster: &Cluster, namespace: &str, sources: &Sources<'_>) -> Result<Ledger> {
    let outrun = || {
        Error::user("somebody else is installing this hub at the same time")
            .because("the ledger in the cluster was written meanwhile")
            .hint("run the same command again: it looks anew and takes over what is there")
    };
    let theirs = cluster::read(cluster, namespace).await?.ok_or_else(outrun)?;
    let again = reconcile(&Sources { cluster: Some(&theirs.ledger), ..*sources })?;
    if again.cluster_differs { Err(outrun()) } else { Ok(again.ledger) }
}
