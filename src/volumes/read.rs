//! READ: the claims of a hub's namespace, the volumes behind them, and those that wait for a claim.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Claim, HubVolume, Volume, Volumes, marks};
use crate::error::Result;
use crate::kube::{Cluster, Pick, denied};

/// The annotation of volumes that a driver made for a claim.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Prefixes of annotations that Kubernetes writes itself, or that would repeat the whole object.
const NOT_KEPT: [&str; 4] =
    ["pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/", "kubectl.kubernetes.io/"];

/// A claim as it stands.
#[derive(Debug, Clone)]
pub(super) struct StandingClaim {
    pub claim: Claim,
    /// The volume that it is bound to, or is to be bound to.
    pub volume: Option<String>,
    pub bound: bool,
    pub deleting: bool,
    owned_by: Vec<String>,
}

/// A volume as it stands.
#[derive(Debug, Clone)]
pub(super) struct StandingVolume {
    pub volume: Volume,
    /// Namespace and name of its claim.
    pub claim: Option<(String, String)>,
    /// Whether it is kept for the hub of this namespace.
    pub kept_for: Option<String>,
    pub phase: String,
    pub deleting: bool,
    class: Option<String>,
    /// The claim as it was, or as far as the volume tells.
    of: Claim,
}

/// Reads the volumes of the hub in a namespace.
///
/// # Errors
/// When the claims cannot be read. Volumes that may not be read are told as such.
pub async fn read(cluster: &Cluster, namespace: &str) -> Result<Volumes> {
    let (claims, (volumes, users_of_classes), hidden) =
        match futures::join!(claims(cluster, namespace), all_volumes(cluster, namespace)) {
            (claims, Ok(volumes)) => (claims?, volumes, None),
            (claims, Err(::kube::Error::Api(status))) if status.is_forbidden() => {
                (claims?, Default::default(), Some(marks::not_allowed(&status.message, namespace)))
            }
            (_, Err(error)) => return Err(denied(&error, &cluster.server, "look at the volumes of the cluster")),
        };
    Ok(Volumes { all: joined(claims, volumes), hidden, users_of_classes })
}

/// The names of the claims that are there.
///
/// # Errors
/// When they cannot be read.
pub async fn claims_there(cluster: &Cluster, namespace: &str) -> Result<BTreeSet<String>> {
    Ok(claims(cluster, namespace).await?.into_iter().map(|one| one.claim.name).collect())
}

pub(super) async fn claims(cluster: &Cluster, namespace: &str) -> Result<Vec<StandingClaim>> {
    let read = cluster
        .survey(Pick { namespace: Some(namespace), ..Pick::default() }, |claim| Some(standing_claim(claim)))
        .await;
    read.map_err(|error| denied(&error, &cluster.server, &format!("look at the volume claims in {namespace}")))
}

type OfClasses = BTreeMap<String, BTreeSet<String>>;

/// The volumes of a namespace, and which namespaces use each class.
async fn all_volumes(cluster: &Cluster, namespace: &str) -> Result<(Vec<StandingVolume>, OfClasses), ::kube::Error> {
    let mut classes = OfClasses::new();
    let picked = cluster.survey(Pick::default(), |volume| {
        let volume = standing_volume(volume);
        if let (Some(class), Some((user, _))) = (&volume.class, &volume.claim) {
            classes.entry(class.clone()).or_default().insert(user.clone());
        }
        volume.claim.as_ref().is_some_and(|(of, _)| of == namespace).then_some(volume)
    });
    Ok((picked.await?, classes))
}

/// The volumes that are kept for the hub of a namespace; none where we may not look.
pub(super) async fn kept(cluster: &Cluster, namespace: &str) -> Result<Vec<StandingVolume>> {
    let labels = format!("{}={namespace}", marks::NAMESPACE);
    match cluster.survey(Pick { labels: &labels, ..Pick::default() }, |volume| Some(standing_volume(volume))).await {
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(Vec::new()),
        read => read.map_err(|error| denied(&error, &cluster.server, "look at the volumes of the cluster")),
    }
}

/// One volume by its name.
pub(super) async fn volume(cluster: &Cluster, name: &str) -> Result<Option<StandingVolume>> {
    let found = cluster.get::<PersistentVolume>(None, name).await;
    let found = found.map_err(|error| marks::refused(&error, cluster, &format!("look at the volume {name}")))?;
    Ok(found.map(standing_volume))
}

/// Each claim with its volume; then the volumes that are kept and whose claim is gone.
fn joined(claims: Vec<StandingClaim>, volumes: Vec<StandingVolume>) -> Vec<HubVolume> {
    let mut rest: BTreeMap<String, StandingVolume> =
        volumes.into_iter().map(|volume| (volume.volume.name.clone(), volume)).collect();
    let mut all: Vec<HubVolume> = claims
        .into_iter()
        // What a pod made for itself goes with it.
        .filter(|claim| !claim.owned_by.iter().any(|kind| kind == "Pod"))
        .map(|claim| HubVolume {
            bound: claim.volume.is_some(),
            volume: claim.volume.and_then(|name| rest.remove(&name)).map(|volume| volume.volume),
            owned: !claim.owned_by.is_empty(),
            claim: claim.claim,
            there: true,
        })
        .collect();
    let waiting = rest.into_values().filter(|volume| volume.kept_for.is_some() && !volume.deleting);
    all.extend(waiting.map(|volume| HubVolume {
        claim: volume.of,
        there: false,
        owned: false,
        bound: true,
        volume: Some(volume.volume),
    }));
    all.sort_by(|one, two| one.claim.name.cmp(&two.claim.name));
    all
}

pub(super) fn standing_claim(claim: PersistentVolumeClaim) -> StandingClaim {
    let spec = claim.spec.unwrap_or_default();
    let size = spec.resources.and_then(|resources| resources.requests?.remove("storage")).map(|size| size.0);
    let owners = claim.metadata.owner_references.iter().flatten();
    StandingClaim {
        volume: spec.volume_name.filter(|name| !name.is_empty()),
        bound: claim.status.and_then(|status| status.phase).is_some_and(|phase| phase == "Bound"),
        deleting: claim.metadata.deletion_timestamp.is_some(),
        owned_by: owners.map(|owner| owner.kind.clone()).collect(),
        claim: Claim {
            access_modes: spec.access_modes.unwrap_or_default(),
            size: size.unwrap_or_default(),
            class: spec.storage_class_name,
            mode: spec.volume_mode,
            ..described(claim.metadata)
        },
    }
}

/// Name, labels and annotations, as far as they are the maker's own.
fn described(meta: ObjectMeta) -> Claim {
    let own = |(key, _): &(String, String)| !NOT_KEPT.iter().any(|prefix| key.starts_with(prefix));
    Claim {
        name: meta.name.unwrap_or_default(),
        labels: meta.labels.unwrap_or_default(),
        annotations: meta.annotations.unwrap_or_default().into_iter().filter(own).collect(),
        ..Claim::default()
    }
}

pub(super) fn standing_volume(volume: PersistentVolume) -> StandingVolume {
    let spec = volume.spec.unwrap_or_default();
    let annotations = volume.metadata.annotations.unwrap_or_default();
    let claim = spec.claim_ref.and_then(|claim| Some((claim.namespace?, claim.name?)));
    let of = marks::claim_on(&annotations).unwrap_or_else(|| Claim {
        name: claim.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
        access_modes: spec.access_modes.clone().unwrap_or_default(),
        size: spec.capacity.and_then(|mut capacity| capacity.remove("storage")).map(|size| size.0).unwrap_or_default(),
        class: spec.storage_class_name.clone(),
        mode: spec.volume_mode.clone(),
        ..Claim::default()
    });
    let (driver, handle) = spec.csi.map(|csi| (csi.driver, csi.volume_handle)).unzip();
    StandingVolume {
        volume: Volume {
            name: volume.metadata.name.unwrap_or_default(),
            driver,
            handle,
            policy: spec.persistent_volume_reclaim_policy.unwrap_or_else(|| super::RETAIN.to_owned()),
            policy_before: annotations.get(marks::POLICY).cloned(),
            provisioned: annotations.contains_key(PROVISIONED_BY),
        },
        claim,
        kept_for: volume.metadata.labels.and_then(|labels| labels.get(marks::NAMESPACE).cloned()),
        phase: volume.status.and_then(|status| status.phase).unwrap_or_default(),
        deleting: volume.metadata.deletion_timestamp.is_some(),
        class: spec.storage_class_name,
        of,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn a_volume(name: &str, of: &str, label: bool) -> StandingVolume {
        let labels = if label { json!({marks::NAMESPACE: "dhub"}) } else { json!({}) };
        let volume = json!({
            "metadata": {"name": name, "labels": labels, "annotations": {PROVISIONED_BY: "csi"}},
            "spec": {"claimRef": {"namespace": "dhub", "name": of}, "capacity": {"storage": "1Gi"},
                     "persistentVolumeReclaimPolicy": "Delete", "csi": {"driver": "d", "volumeHandle": "h"}},
        });
        standing_volume(serde_json::from_value(volume).unwrap())
    }

    fn a_claim(name: &str, volume: &str, owner: Option<&str>) -> StandingClaim {
        let owners = owner.map(|kind| json!([{"apiVersion": "v1", "kind": kind, "name": "x", "uid": "u"}]));
        let claim = json!({
            "metadata": {"name": name, "ownerReferences": owners,
                "annotations": {"pv.kubernetes.io/bind-completed": "yes", "hub.jupyter.org/username": "anna"}},
            "spec": {"volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}},
        });
        standing_claim(serde_json::from_value(claim).unwrap())
    }

    #[test]
    fn claims_meet_their_volumes_and_kept_ones_wait() {
        let claims = vec![
            a_claim("claim-anna", "pv-1", None),
            a_claim("claim-new", "", None),
            a_claim("scratch", "pv-2", Some("Pod")),
            a_claim("set", "pv-3", Some("StatefulSet")),
        ];
        let volumes = vec![
            a_volume("pv-1", "claim-anna", false),
            a_volume("pv-2", "scratch", false),
            a_volume("pv-3", "set", false),
            a_volume("pv-4", "gone", true),
            a_volume("pv-5", "of-nobody", false),
        ];
        let all = joined(claims, volumes);
        let shown: Vec<_> = all
            .iter()
            .map(|one| {
                let volume = one.volume.as_ref().map_or("", |volume| volume.name.as_str());
                (one.claim.name.as_str(), volume, one.there, one.owned)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("claim-anna", "pv-1", true, false),
                ("claim-new", "", true, false),
                ("gone", "pv-4", false, false),
                ("set", "pv-3", true, true)
            ]
        );
        assert_eq!(all[0].claim.annotations.len(), 1, "what Kubernetes wrote is not kept");
        assert_eq!(all[2].claim.size, "1Gi");
    }
}
