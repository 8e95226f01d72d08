//! Helm's releases: by labels and metadata only, because what they hold is large and secret.

use std::collections::{BTreeMap, BTreeSet};

use ::kube::api::ObjectMeta;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use super::look;
use crate::doctor::facts::{Look, PendingRelease};
use crate::error::Result;
use crate::kube::{Cluster, Pick};
use crate::lease;

const UNFINISHED: &str = "owner=helm,status in (pending-install,pending-upgrade,pending-rollback,uninstalling)";

/// Releases that Helm has not finished: of all namespaces, or of the hub's alone where no more may
/// be looked at.
pub(super) async fn pending(cluster: &Cluster, namespace: Option<&str>) -> Result<Look<Vec<PendingRelease>>> {
    let read = async |namespace| {
        let pick = Pick { namespace, labels: UNFINISHED, ..Pick::default() };
        look(cluster.metadata_pages::<Secret>(pick).await, cluster, "look at Helm's releases (Secrets)")
    };
    let mut all = read(None).await?;
    if all.is_refused() && namespace.is_some() {
        all = read(namespace).await?;
    }
    let Look::Seen(all) = all else { return Ok(Look::Refused) };
    let pending = newest(all.iter().filter_map(release));
    let checked = try_join_all(pending.into_iter().map(|release| async move {
        // A revision that was left behind is history once a newer one stands.
        let labels = format!("owner=helm,name={}", release.name);
        let pick = Pick { namespace: Some(&release.namespace), labels: &labels, ..Pick::default() };
        let all = look(cluster.metadata_pages::<Secret>(pick).await, cluster, "look at Helm's releases (Secrets)")?;
        let newer = all.seen().is_some_and(|all| all.iter().any(|one| revision(one) > release.revision));
        if newer {
            return Ok(None);
        }
        let is_left = lease::look(cluster, &release.namespace).await?.has_left(&release.name, release.revision);
        Ok(Some(PendingRelease { is_left, ..release }))
    }));
    Ok(Look::Seen(checked.await?.into_iter().flatten().collect()))
}

fn newest(releases: impl Iterator<Item = PendingRelease>) -> Vec<PendingRelease> {
    let mut newest: BTreeMap<(String, String), PendingRelease> = BTreeMap::new();
    for release in releases {
        let key = (release.namespace.clone(), release.name.clone());
        let known = newest.get(&key).map_or(0, |known| known.revision);
        if release.revision >= known {
            newest.insert(key, release);
        }
    }
    newest.into_values().collect()
}

fn label<'m>(meta: &'m ObjectMeta, key: &str) -> Option<&'m str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

fn revision(meta: &ObjectMeta) -> u64 {
    label(meta, "version").and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn release(meta: &ObjectMeta) -> Option<PendingRelease> {
    Some(PendingRelease {
        namespace: meta.namespace.clone()?,
        name: label(meta, "name")?.to_owned(),
        revision: revision(meta),
        status: label(meta, "status")?.to_owned(),
        is_left: false,
    })
}

/// Releases of the hub's namespace that are kept where helm iris does not look.
pub(super) async fn in_config_maps(cluster: &Cluster, namespace: Option<&str>) -> Result<Look<BTreeSet<String>>> {
    let pick = Pick { namespace, labels: "owner=helm", ..Pick::default() };
    let maps = look(cluster.metadata_pages::<ConfigMap>(pick).await, cluster, "look at ConfigMaps of Helm")?;
    let Look::Seen(maps) = maps else { return Ok(Look::Refused) };
    Ok(Look::Seen(maps.iter().filter_map(|map| label(map, "name").map(str::to_owned)).collect()))
}
