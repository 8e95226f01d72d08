//! Secrets that a hub has already, in the Secrets of its charts: of a hub made by hand, or of ours.

mod in_use;
mod pattern;
mod read;
mod shared;
mod values;

use std::collections::BTreeMap;

use crate::bundle::manifest::SecretEntry;
use crate::chart::release::AdoptFrom;
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::observe::ReleaseKey;
use crate::redact::Secret;
use crate::secrets::Found;
pub(super) use in_use::in_use;
use read::Secrets;
use values::Database;

/// What the places that charts name hold of the wanted secrets.
///
/// # Errors
/// A Secret that may not be read; a value that is no text.
pub async fn found(cluster: &Cluster, namespace: &str, wanted: &[SecretEntry]) -> Result<FoundSecrets> {
    let places: Vec<&AdoptFrom> = wanted.iter().flat_map(|entry| &entry.adopt).collect();
    let secrets = Secrets::read(cluster, namespace, &places).await?;
    let mut found = pick(wanted, &secrets)?;
    let (shared, unshared) = shared::found(cluster, wanted).await?;
    found.extend(shared);
    // Others may belong to anything.
    let own = places.iter().filter(|from| !from.if_none).map(|from| from.secret.as_str());
    Ok(FoundSecrets { found, unshared, owners: secrets.owners(own) })
}

/// What was found of a hub's secrets.
#[derive(Debug, Clone, Default)]
pub struct FoundSecrets {
    /// What there is.
    pub found: Vec<Found>,
    /// Ledgers of other namespaces that may not be read, by secret.
    pub unshared: BTreeMap<String, Error>,
    /// To which releases the Secrets belong that charts make for themselves, by name.
    pub owners: BTreeMap<String, ReleaseKey>,
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
    let database = secrets.database();
    for entry in wanted {
        for from in entry.adopt.iter().filter(|from| from.if_none && is_meant(from, database.as_ref())) {
            if !found.iter().any(|one| one.name == entry.name) {
                found.extend(at(&entry.name, from, secrets)?);
            }
        }
    }
    Ok(found)
}

/// Whether a place is about the database that the hub uses.
fn is_meant(from: &AdoptFrom, database: Option<&Database>) -> bool {
    let user = from.user.as_ref().is_none_or(|user| database.is_some_and(|database| database.user == *user));
    user && (!from.of_host || database.is_some())
}

/// What one place holds; a pattern stands for several Secrets.
fn at(name: &str, from: &AdoptFrom, secrets: &Secrets) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let database = secrets.database().filter(|_| from.of_host);
    let is_its = |secret: &&str| database.as_ref().is_none_or(|database| database.is_of(secret));
    for secret in secrets.names(&from.secret).filter(is_its) {
        let from = AdoptFrom { secret: secret.to_owned(), ..from.clone() };
        let value = secrets.value(&from).map_err(|why| {
            Error::user(format!("`{name}` cannot be taken over from the cluster"))
                .because(format!("Secret {secret}, key {}: {why}", from.key))
        })?;
        // Charts write empty strings for what is not used.
        let value = value.filter(|(_, value)| !value.is_empty());
        found.extend(value.map(|(secret, value)| Found {
            name: name.to_owned(),
            place: AdoptFrom { secret, ..from }.place(),
            value: Secret::new(value),
            ledger: None,
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
