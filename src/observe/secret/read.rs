//! The Secrets in which a hub may keep its secrets, read from the cluster.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Secret as KubeSecret;
use serde_json::Value;

use super::pattern::{fits, is_pattern};
use super::values;
use crate::chart::release::AdoptFrom;
use crate::error::Result;
use crate::kube::{Cluster, denied};
use crate::observe::{ReleaseKey, made_by};

/// One Secret.
struct Data {
    by_key: BTreeMap<String, Vec<u8>>,
    /// The hub's values, where it holds them: hundreds of lines, which are parsed once.
    values: Option<Value>,
}

impl Data {
    fn new(by_key: BTreeMap<String, Vec<u8>>) -> Self {
        let values = by_key.get(values::KEY).and_then(|bytes| serde_yaml::from_slice(bytes).ok());
        Self { by_key, values }
    }

    /// The Secret that wins over this one.
    fn existing_secret(&self) -> Option<String> {
        values::existing_secret(self.values.as_ref()?)
    }

    /// What is at a place of it.
    fn at(&self, from: &AdoptFrom) -> Result<Option<String>, &'static str> {
        let Some(bytes) = self.by_key.get(&from.key) else { return Ok(None) };
        let text = str::from_utf8(bytes).map_err(|_| "it is not text")?;
        let inside = |document: &Value, path: &str| values::at(path, document, from.url);
        Ok(match &from.path {
            Some(path) if from.key == values::KEY => self.values.as_ref().and_then(|values| inside(values, path)),
            // A document that is none says nothing.
            Some(path) => serde_yaml::from_str(text).ok().and_then(|document| inside(&document, path)),
            None if from.url => values::url_password(text),
            None => Some(text.to_owned()),
        })
    }
}

/// Helm's own Secrets are many and hold whole releases; none of them is meant.
const NOT_OF_HELM: &str = "type!=helm.sh/release.v1";

/// The Secret with the hub's values, as the jupyterhub chart calls it.
const HUB: &str = "hub";

/// Secrets by name.
#[derive(Default)]
pub(super) struct Secrets {
    data: BTreeMap<String, Data>,
    owners: BTreeMap<String, ReleaseKey>,
}

impl Secrets {
    /// Reads those that the places name, and those that these say win over them.
    pub(super) async fn read(cluster: &Cluster, namespace: &str, places: &[&AdoptFrom]) -> Result<Self> {
        let (patterns, mut names): (BTreeSet<_>, BTreeSet<_>) =
            places.iter().map(|from| from.secret.clone()).partition(|name| is_pattern(name));
        if !patterns.is_empty() {
            let doing = format!("list the Secrets in {namespace}");
            let all = cluster.list_names::<KubeSecret>(namespace, NOT_OF_HELM).await;
            let all = all.map_err(|error| denied(&error, &cluster.server, &doing))?;
            names.extend(all.into_iter().filter(|name| patterns.iter().any(|pattern| fits(pattern, name))));
        }
        let mut secrets = Self::default();
        secrets.add(cluster, namespace, names).await?;
        let more: BTreeSet<String> = secrets.data.values().filter_map(Data::existing_secret).collect();
        let more = more.into_iter().filter(|name| !secrets.data.contains_key(name)).collect();
        secrets.add(cluster, namespace, more).await?;
        Ok(secrets)
    }

    async fn add(&mut self, cluster: &Cluster, namespace: &str, names: BTreeSet<String>) -> Result<()> {
        let reads = names.into_iter().map(|name| async move {
            let doing = format!("read the Secret {name} in {namespace}");
            let secret = cluster.get::<KubeSecret>(Some(namespace), &name).await;
            secret.map(|secret| (name, secret)).map_err(|error| denied(&error, &cluster.server, &doing))
        });
        for (name, secret) in try_join_all(reads).await?.into_iter().filter_map(|(name, secret)| Some((name, secret?)))
        {
            self.owners.extend(made_by(&secret.metadata).map(|owner| (name.clone(), owner)));
            self.data.insert(name, data_of(secret));
        }
        Ok(())
    }

    /// The releases to which those of these names belong.
    pub(super) fn owners<'n>(&self, names: impl Iterator<Item = &'n str>) -> BTreeMap<String, ReleaseKey> {
        names.filter_map(|name| Some((name.to_owned(), self.owners.get(name)?.clone()))).collect()
    }

    /// The names that a place stands for, as far as they are there.
    pub(super) fn names<'s>(&'s self, pattern: &'s str) -> impl Iterator<Item = &'s str> {
        self.data.keys().map(String::as_str).filter(move |name| fits(pattern, name))
    }

    /// The database that the hub's values lead to.
    pub(super) fn database(&self) -> Option<values::Database> {
        values::database(self.data.get(HUB)?.values.as_ref()?)
    }

    /// What a place holds, and in which Secret. Where the hub's own values name another Secret for its secrets, that one
    /// wins, key by key (jupyterhub `files/hub/z2jh.py`, `get_secret_value`; chart 1.0 and later).
    ///
    /// # Errors
    /// Bytes that are no text: why.
    pub(super) fn value(&self, from: &AdoptFrom) -> Result<Option<(String, String)>, &'static str> {
        let Some(own) = self.data.get(&from.secret) else { return Ok(None) };
        let existing = own.existing_secret();
        let winning = existing.as_ref().and_then(|name| self.data.get(name));
        let (own, winning) = (own.at(from)?, winning.map(|winning| winning.at(from)).transpose()?.flatten());
        let found = winning.zip(existing).or_else(|| own.zip(Some(from.secret.clone())));
        Ok(found.map(|(value, secret)| (secret, value)))
    }

    #[cfg(test)]
    pub(super) fn of(secrets: &[Given<'_>]) -> Self {
        let data = |pairs: &[(&str, &[u8])]| {
            Data::new(pairs.iter().map(|(key, bytes)| ((*key).to_owned(), bytes.to_vec())).collect())
        };
        let data = secrets.iter().map(|(name, pairs)| ((*name).to_owned(), data(pairs))).collect();
        Self { data, ..Self::default() }
    }
}

/// A Secret for a test: its name and its data.
#[cfg(test)]
pub(super) type Given<'g> = (&'g str, &'g [(&'g str, &'g [u8])]);

fn data_of(secret: KubeSecret) -> Data {
    Data::new(secret.data.into_iter().flatten().map(|(key, bytes)| (key, bytes.0)).collect())
}
