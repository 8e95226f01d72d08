//! What should be there: by the bundle that was applied last, else by the notes of the Lease.

use serde::Serialize;

use super::allowed;
use super::releases::Releases;
use crate::applied::{self, Applied};
use crate::chart::CLUSTER_NAMESPACE;
use crate::error::Result;
use crate::kube::Cluster;
use crate::lease::Seen;

/// A release that should be there, and is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingRelease {
    /// Release name.
    pub name: String,
    /// The namespace where it should be.
    pub namespace: String,
}

/// What is kept with the hub about what was applied.
#[derive(Default)]
pub(super) struct Expected {
    /// The bundle that was applied last, to the end.
    pub applied: Option<Applied>,
    /// The chart of helm iris in the newest bundle.
    pub chart: Option<String>,
    /// Its releases, by namespace and name; none where no bundle could be read.
    releases: Option<Vec<(String, String)>>,
    /// Whether there is a bundle that could not be read.
    pub is_hidden: bool,
}

/// Looks at the newest bundle of a hub, also at one that was begun only.
pub(super) async fn look(cluster: &Cluster, namespace: &str) -> Result<Expected> {
    let doing = format!("look at the applied bundles (Secrets) in {namespace}");
    let Some(all) = allowed(applied::find(cluster, namespace).await, cluster, &doing)? else {
        return Ok(Expected::default());
    };
    let Some(newest) = all.first().map(|newest| newest.number) else { return Ok(Expected::default()) };
    let read = applied::fetch(cluster, namespace, newest).await.and_then(|bundle| bundle.manifest());
    let applied = all.into_iter().find(|bundle| bundle.done);
    let Ok(manifest) = read else { return Ok(Expected { applied, is_hidden: true, ..Expected::default() }) };
    // One with a condition may rightly not be there.
    let always = manifest.releases.into_iter().filter(|entry| entry.condition.is_none());
    let releases = always.map(|entry| (entry.namespace, entry.name)).collect();
    Ok(Expected { applied, chart: Some(manifest.chart), releases: Some(releases), is_hidden: false })
}

impl Expected {
    /// The names of its releases.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.releases.iter().flatten().map(|(_, name)| name.as_str())
    }

    /// The releases that are not there, of those that may be looked for.
    pub(super) fn missing(
        &self,
        (namespace, lease): (&str, &Seen),
        own: Option<&Releases>,
        shared: Option<&Releases>,
    ) -> Vec<MissingRelease> {
        let begun = || lease.begun().map(|name| (namespace.to_owned(), name.to_owned())).collect();
        let wanted = self.releases.clone().unwrap_or_else(begun);
        let is_missing = |(namespace, name): &(String, String)| {
            let there = if namespace == CLUSTER_NAMESPACE { shared } else { own };
            there.is_some_and(|there| !there.rows.iter().any(|row| row.name == *name && row.is_there()))
        };
        let missing = wanted.into_iter().filter(is_missing);
        missing.map(|(namespace, name)| MissingRelease { name, namespace }).collect()
    }
}
