//! Volume claims: those of the hub one by one, those of users by their number.

use ::kube::ResourceExt;
use futures::future::join_all;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde::Serialize;

use super::allowed;
use crate::apply::{self, Reason};
use crate::error::Result;
use crate::kube::{Cluster, Pick};
use crate::quantity;

/// The label by which JupyterHub marks those of users.
const OF_USERS: (&str, &str) = ("component", "singleuser-storage");
/// Claims for which reasons are looked for; each costs two requests, and more do not fit a screen.
const MOST_REASONS: usize = 5;

/// The volume claims of a hub.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Volumes {
    /// Those of the hub itself, such as its database's.
    pub hub: Vec<ClaimRow>,
    /// Those of users.
    pub users: UserVolumes,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClaimRow {
    /// Its name.
    pub name: String,
    /// Its size: what it has, else what it asks for.
    pub size: String,
    /// `Bound`, `Pending` or `Lost`.
    pub phase: String,
    /// Its StorageClass.
    pub class: Option<String>,
    /// Why it has no volume, where that is known.
    pub reason: Option<Reason>,
}

/// The claims of users.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserVolumes {
    /// How many there are.
    pub count: usize,
    /// Their sizes, summed up.
    pub bytes: u128,
    /// How many have no volume.
    pub unbound: usize,
    /// The first of those.
    pub first_unbound: Vec<ClaimRow>,
}

/// Looks at the claims; none where that is not allowed.
pub(super) async fn look(cluster: &Cluster, namespace: &str) -> Result<Option<Volumes>> {
    let all = cluster
        .survey::<PersistentVolumeClaim, _>(Pick { namespace: Some(namespace), ..Pick::default() }, |claim| {
            let labels = claim.labels();
            Some((labels.get(OF_USERS.0).map(String::as_str) == Some(OF_USERS.1), row(&claim)))
        })
        .await;
    let Some(all) = allowed(all, cluster, &format!("look at the volume claims in {namespace}"))? else {
        return Ok(None);
    };
    let (users, hub): (Vec<_>, Vec<_>) = all.into_iter().partition(|(of_user, _)| *of_user);
    let mut hub: Vec<ClaimRow> = hub.into_iter().map(|(_, row)| row).collect();
    hub.sort_by(|one, two| is_bound(one).cmp(&is_bound(two)).then(one.name.cmp(&two.name)));
    let mut users = sum(users.into_iter().map(|(_, row)| row));
    explain(cluster, namespace, &mut hub).await;
    explain(cluster, namespace, &mut users.first_unbound).await;
    Ok(Some(Volumes { hub, users }))
}

fn is_bound(row: &ClaimRow) -> bool {
    row.phase == "Bound"
}

fn sum(rows: impl Iterator<Item = ClaimRow>) -> UserVolumes {
    let mut users = UserVolumes { count: 0, bytes: 0, unbound: 0, first_unbound: Vec::new() };
    for row in rows {
        users.count += 1;
        users.bytes += quantity::units(&row.size).unwrap_or_default();
        if !is_bound(&row) {
            users.unbound += 1;
            if users.first_unbound.len() < MOST_REASONS {
                users.first_unbound.push(row);
            }
        }
    }
    users
}

/// Looks for the reasons of the first that have no volume; that none can be seen is no error.
async fn explain(cluster: &Cluster, namespace: &str, rows: &mut [ClaimRow]) {
    let unbound = rows.iter_mut().filter(|row| !is_bound(row)).take(MOST_REASONS);
    join_all(unbound.map(|row| async move {
        if row.phase == "Lost" {
            let text = format!("the volume of {} is gone, and its data with it", row.name);
            row.reason =
                Some(Reason::failing(text).hint(format!("see: kubectl describe pvc {} -n {namespace}", row.name)));
        } else if let Ok(Some(claim)) = cluster.get::<PersistentVolumeClaim>(Some(namespace), &row.name).await {
            row.reason = apply::claim_reason(cluster, namespace, &claim).await.ok().flatten();
        }
    }))
    .await;
}

fn row(claim: &PersistentVolumeClaim) -> ClaimRow {
    let (spec, status) = (claim.spec.as_ref(), claim.status.as_ref());
    let storage = "storage";
    let has = status.and_then(|status| status.capacity.as_ref()?.get(storage));
    let asked = spec.and_then(|spec| spec.resources.as_ref()?.requests.as_ref()?.get(storage));
    ClaimRow {
        name: claim.name_any(),
        size: has.or(asked).map(|size| size.0.clone()).unwrap_or_default(),
        phase: status.and_then(|status| status.phase.clone()).unwrap_or_else(|| "Pending".to_owned()),
        class: spec.and_then(|spec| spec.storage_class_name.clone()).filter(|class| !class.is_empty()),
        reason: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claim(phase: &str, has: Option<&str>) -> ClaimRow {
        let claim = json!({
            "metadata": {"name": "claim-anna"},
            "spec": {"storageClassName": "cinder", "resources": {"requests": {"storage": "10Gi"}}},
            "status": {"phase": phase, "capacity": has.map(|size| json!({"storage": size}))},
        });
        row(&serde_json::from_value(claim).unwrap())
    }

    #[test]
    fn users_volumes_are_counted_and_summed() {
        let grown = claim("Bound", Some("20Gi"));
        assert_eq!((grown.size.as_str(), grown.class.as_deref()), ("20Gi", Some("cinder")));
        let users = sum([grown].into_iter().chain(vec![claim("Pending", None); 7]));
        assert_eq!((users.count, users.unbound, users.first_unbound.len()), (8, 7, MOST_REASONS));
        assert_eq!(users.bytes, quantity::units("90Gi").unwrap());
    }
}
