//! Secrets that a hub has already, in the Secrets of its charts: of a hub made by hand, or of ours.

mod in_use;
mod pattern;
mod read;
mod shared;
mod values;

use crate::bundle::manifest::SecretEntry;
use crate::chart::release::AdoptFrom;
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::redact::Secret;
use crate::secrets::Found;
pub(super) use in_use::in_use;
use read::Secrets;

/// What the places that charts name hold of the wanted secrets.
///
/// # Errors
/// A Secret that may not be read; a value that is no text.
pub async fn found(cluster: &Cluster, namespace: &str, wanted: &[SecretEntry]) -> Result<Vec<Found>> {
    let places: Vec<&AdoptFrom> = wanted.iter().flat_map(|entry| &entry.adopt).collect();
    let secrets = Secrets::read(cluster, namespace, &places).await?;
    let mut found = Vec::new();
    for entry in wanted {
        found.extend(pick(entry, &secrets)?);
    }
    found.extend(shared::found(cluster, wanted).await?);
    Ok(found)
}

fn pick(entry: &SecretEntry, secrets: &Secrets) -> Result<Vec<Found>> {
    let mut found: Vec<Found> = Vec::new();
    for from in &entry.adopt {
        if from.if_none && !found.is_empty() {
            break;
        }
        for secret in secrets.names(&from.secret) {
            let from = AdoptFrom { secret: secret.to_owned(), ..from.clone() };
            let value = secrets.value(&from).map_err(|why| {
                Error::user(format!("`{}` cannot be taken over from the cluster", entry.name))
                    .because(format!("Secret {secret}, key {}: {why}", from.key))
            })?;
            // Charts write empty strings for what is not used.
            let value = value.filter(|value| !value.is_empty());
            found.extend(value.map(|value| Found {
                name: entry.name.clone(),
                place: from.place(),
                value: Secret::new(value),
                ledger: None,
            }));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
