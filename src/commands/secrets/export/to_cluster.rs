//! `--to cluster`: what this machine keeps goes away, once the cluster has all of it.

use k8s_openapi::api::core::v1::Namespace;

use super::{Hub, told_of_removed};
use crate::commands::Outcome;
use crate::commands::store::hold;
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::secrets::{Ledger, Written, cluster, missing, right_cluster};
use crate::ui::Ui;

pub(super) async fn run(hub: &Hub, ui: &Ui) -> Result<Outcome> {
    let path = hub.store.path().display().to_string();
    let local = hub.store.read()?;
    let cluster = hub.connection.open().await?;
    let label = cluster.label();
    let stored = cluster::read(&cluster, &hub.namespace).await?;
    let (local, stored) = match (local, stored) {
        (Some(local), stored) => (local, stored.map(|stored| stored.ledger)),
        (None, Some(_)) => {
            ui.status(&format!("The secrets are in {label} alone already"));
            return Ok(Outcome::Done);
        }
        (None, None) => {
            return Err(Error::user(format!("there are no secrets of a hub in {}", hub.namespace))
                .because(format!("{path} is missing, and {label} has no ledger of it"))
                .hint("go to the folder of the hub's site file, or choose the cluster with --kube-context"));
        }
    };
    right_cluster(&local, &path, &cluster.id)?;
    check(hub, &local, stored.as_ref(), &cluster).await?;
    ui.status(&format!("This machine forgets the secrets of {}: {path} is removed.", hub.namespace));
    ui.status(&format!(
        "From then on {label} alone has them. Without the cluster, `render` makes provisional ones; `install` takes \
         back the cluster's. The secrets.yaml files of bundles stay as they are."
    ));
    if !ui.confirm(&format!("Remove {path}?"))? {
        return Ok(Outcome::Declined);
    }
    if stored.is_none() {
        create(hub, &local, &cluster).await?;
        ui.status(&format!("Wrote the ledger (Secret {}) to {label}", cluster::NAME));
    }
    let _alone = hold(&hub.store, ui)?;
    hub.store.remove(&local)?;
    told_of_removed(Some(&path), ui);
    Ok(Outcome::Done)
}

/// Whether nothing is lost with the local ledger.
async fn check(hub: &Hub, local: &Ledger, stored: Option<&Ledger>, cluster: &Cluster) -> Result<()> {
    let label = cluster.label();
    let refused = |why: String| {
        Err(Error::user(format!("{label} does not have all secrets of this machine"))
            .because(why)
            .hint("nothing was removed; `helm iris install` brings both into agreement first"))
    };
    let Some(stored) = stored else {
        // A hub that was installed by hand has secrets of its own, which provisional ones must not outdo.
        if local.entries.is_empty() || local.entries.values().any(|entry| entry.provisional) {
            return refused("the hub was not installed from here, so its secrets are provisional".to_owned());
        }
        return if namespace_exists(hub, cluster).await? {
            Ok(())
        } else {
            refused(format!("it has no namespace {}", hub.namespace))
        };
    };
    match missing(local, stored).as_slice() {
        [] => Ok(()),
        names => refused(format!("other or no values there: {}", names.join(", "))),
    }
}

async fn namespace_exists(hub: &Hub, cluster: &Cluster) -> Result<bool> {
    match cluster.get::<Namespace>(None, &hub.namespace).await {
        Ok(namespace) => Ok(namespace.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none())),
        // Who may not look at namespaces may still be able to write into this one.
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(true),
        Err(error) => Err(denied(&error, &cluster.server, &format!("look at the namespace {}", hub.namespace))),
    }
}

/// Writes the ledger where there is none, and reads it back.
async fn create(hub: &Hub, local: &Ledger, cluster: &Cluster) -> Result<()> {
    let mut ledger = local.clone();
    ledger.cluster.get_or_insert_with(|| cluster.id.to_string());
    let written = cluster::write(cluster, &hub.namespace, &ledger, None).await?;
    let back = cluster::read(cluster, &hub.namespace).await?;
    if written == Written::Done && back.is_some_and(|back| back.ledger == ledger) {
        return Ok(());
    }
    Err(Error::user("somebody else writes the ledger of this hub at the same time")
        .hint("nothing was removed; run the same command again: it looks anew"))
}
