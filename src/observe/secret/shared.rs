//! Secrets that another hub's ledger has too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::bundle::manifest::SecretEntry;
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::secrets::{self, Found};

/// What the ledgers of other namespaces have of the wanted secrets, and which may not be read.
pub(super) async fn found(cluster: &Cluster, wanted: &[SecretEntry]) -> Result<(Vec<Found>, BTreeMap<String, Error>)> {
    let namespaces: BTreeSet<&String> = wanted.iter().filter_map(|entry| entry.shared_with.as_ref()).collect();
    let (mut found, mut unshared) = (Vec::new(), BTreeMap::new());
    for namespace in namespaces {
        let shared = wanted.iter().filter(|entry| entry.shared_with.as_ref() == Some(namespace));
        let ledger = match secrets::cluster::read_if_allowed(cluster, namespace).await? {
            Ok(stored) => stored.map(|stored| Arc::new(stored.ledger)),
            Err(error) => {
                unshared.extend(shared.map(|entry| (entry.name.clone(), not_shared(&error, namespace, &entry.name))));
                continue;
            }
        };
        found.extend(shared.filter_map(|entry| {
            let ledger = ledger.as_ref()?;
            Some(Found {
                name: entry.name.clone(),
                place: format!("{namespace}/{}", secrets::cluster::NAME),
                value: ledger.value(&entry.name)?.clone(),
                ledger: Some(Arc::clone(ledger)),
            })
        }));
    }
    Ok((found, unshared))
}

/// Whoever may read the whole ledger there knows all of its secrets; this one alone is enough.
fn not_shared(error: &Error, namespace: &str, name: &str) -> Error {
    Error { hints: Vec::new(), ..error.clone() }
        .because(format!("`{name}` must be the same here as in the namespace {namespace}"))
        .hint(format!(
            "have its operator give you that one secret: helm iris secrets show {name} --reveal -n {namespace}"
        ))
        .hint(format!("then, with your own namespace after -n: helm iris secrets set {name} -n NAMESPACE"))
}
