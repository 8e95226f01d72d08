//! The Secrets that carry secrets to the charts: written before helm runs, so that no pod waits for
//! them; removed when no release reads them any more.

use crate::bundle::Bundle;
use crate::bundle::manifest::ReleaseEntry;
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::observe::Observed;
use crate::plan::{Operation, Plan};
use crate::secrets::{Ledger, delivered};

/// Writes a Secret that the plan names, from the ledger that holds.
///
/// # Errors
/// When that is not allowed, or somebody else wrote another one meanwhile.
pub(super) async fn deliver(
    cluster: &Cluster,
    (namespace, name): (&str, &str),
    bundle: &Bundle,
    ledger: &Ledger,
    observed: &Observed,
) -> Result<()> {
    let reads = |release: &&ReleaseEntry| release.delivery.as_ref().is_some_and(|from| from.secret == name);
    let release = bundle.manifest().releases.iter().find(reads);
    let release = release.ok_or_else(|| Error::bug("the plan is of another bundle"))?;
    match bundle.secret(release, ledger)? {
        Some(content) => delivered::write(cluster, namespace, name, &content, observed.delivered.get(name)).await,
        None => Ok(()),
    }
}

/// Removes the Secrets that the plan names.
///
/// # Errors
/// When that is not allowed, or somebody else changed one meanwhile.
pub async fn withdraw(cluster: &Cluster, plan: &Plan, observed: &Observed) -> Result<()> {
    for operation in &plan.operations {
        let Operation::RemoveSecret { name, namespace } = operation else { continue };
        if let Some(before) = observed.delivered.get(name) {
            delivered::remove(cluster, namespace, name, before).await?;
        }
    }
    Ok(())
}
