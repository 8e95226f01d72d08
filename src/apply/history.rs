//! Helm's history of a release: older revisions hold the values of their time, secrets included.

use k8s_openapi::api::core::v1::Secret as KubeSecret;

use crate::bundle::manifest::ReleaseEntry;
use crate::error::Result;
use crate::kube::{Cluster, denied};

/// One older revision of a release, as Helm keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRevision {
    namespace: String,
    /// Name of the Secret.
    name: String,
}

/// The revisions before the newest of some releases.
///
/// # Errors
/// When they may not be listed.
pub async fn old_revisions(cluster: &Cluster, releases: &[&ReleaseEntry]) -> Result<Vec<OldRevision>> {
    let mut old = Vec::new();
    for release in releases {
        let namespace = &release.namespace;
        let labels = format!("owner=helm,name={}", release.name);
        let all = cluster.list_metadata::<KubeSecret>(namespace, &labels).await;
        let doing = format!("list the revisions of {} in {namespace}", release.name);
        let all = all.map_err(|error| denied(&error, &cluster.server, &doing))?;
        let version = |labels: &std::collections::BTreeMap<String, String>| labels.get("version")?.parse::<u64>().ok();
        let known = |meta: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
            Some((meta.labels.as_ref().and_then(version)?, meta.name?))
        };
        let mut revisions: Vec<(u64, String)> = all.into_iter().filter_map(|meta| known(meta.metadata)).collect();
        revisions.sort();
        revisions.pop();
        old.extend(revisions.into_iter().map(|(_, name)| OldRevision { namespace: namespace.clone(), name }));
    }
    Ok(old)
}

/// Removes them for good.
///
/// # Errors
/// When that is not allowed; what was removed before stays removed.
pub async fn prune(cluster: &Cluster, old: &[OldRevision]) -> Result<()> {
    for OldRevision { namespace, name } in old {
        let doing = format!("remove the old revision {name} in {namespace}");
        let deleted = cluster.delete::<KubeSecret>(namespace, name, None).await;
        deleted.map_err(|error| denied(&error, &cluster.server, &doing))?;
    }
    Ok(())
}
