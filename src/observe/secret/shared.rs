//! Secrets that another hub's ledger has too.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::bundle::manifest::SecretEntry;
use crate::error::Result;
use crate::kube::Cluster;
use crate::secrets::{Found, cluster};

/// What the ledgers of other namespaces have of the wanted secrets.
pub(super) async fn found(cluster: &Cluster, wanted: &[SecretEntry]) -> Result<Vec<Found>> {
    let namespaces: BTreeSet<&String> = wanted.iter().filter_map(|entry| entry.shared_with.as_ref()).collect();
    let mut found = Vec::new();
    for namespace in namespaces {
        let stored = cluster::read(cluster, namespace).await.map_err(|error| {
            error.hint("a secret there must be the same here: ask its admin to let you read it, or to run this")
        })?;
        let Some(ledger) = stored.map(|stored| Arc::new(stored.ledger)) else { continue };
        let shared = wanted.iter().filter(|entry| entry.shared_with.as_ref() == Some(namespace));
        found.extend(shared.filter_map(|entry| {
            Some(Found {
                name: entry.name.clone(),
                place: format!("{namespace}/{}", cluster::NAME),
                value: ledger.value(&entry.name)?.clone(),
                ledger: Some(Arc::clone(&ledger)),
            })
        }));
    }
    Ok(found)
}
