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
    let mut found = pick(wanted, &secrets)?;
    found.extend(shared::found(cluster, wanted).await?);
    Ok(found)
}

/// What is where it must be; then, if a hub is there at all, what may be about something else.
fn pick(wanted: &[SecretEntry], secrets: &Secrets) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in wanted {
        for from in entry.adopt.iter().filter(|from| !from.if_none) {
            found.extend(at(&entry.name, from, secrets)?);
        }
    }
    if found.is_empty() {
        return Ok(found);
    }
    for entry in wanted {
        for from in entry.adopt.iter().filter(|from| from.if_none) {
            if !found.iter().any(|one| one.name == entry.name) {
                found.extend(at(&entry.name, from, secrets)?);
            }
        }
    }
    Ok(found)
}

/// What one place holds; a pattern stands for several Secrets.
fn at(name: &str, from: &AdoptFrom, secrets: &Secrets) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for secret in secrets.names(&from.secret) {
        let from = AdoptFrom { secret: secret.to_owned(), ..from.clone() };
        let value = secrets.value(&from).map_err(|why| {
            Error::user(format!("`{name}` cannot be taken over from the cluster"))
                .because(format!("Secret {secret}, key {}: {why}", from.key))
        })?;
        // Charts write empty strings for what is not used.
        let value = value.filter(|value| !value.is_empty());
        found.extend(value.map(|value| Found {
            name: name.to_owned(),
            place: from.place(),
            value: Secret::new(value),
            ledger: None,
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
