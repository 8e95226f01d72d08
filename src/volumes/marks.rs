//! What is written onto a volume that is kept.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::{Value, json};

use super::{Claim, HubVolume, RETAIN, Volume};
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied, is_missing};

/// The label with the namespace of the hub that a volume is kept for.
pub(super) const NAMESPACE: &str = "helm-iris/namespace";
/// The annotation with the claim that it belongs to, as JSON.
pub(super) const CLAIM: &str = "helm-iris/claim";
/// The annotation with what was to become of it before.
pub(super) const POLICY: &str = "helm-iris/reclaim-policy";

/// Says what becomes of a volume when its claim goes, and writes on it whose it is.
///
/// # Errors
/// When that is not allowed.
pub async fn set_policy(cluster: &Cluster, namespace: &str, of: &HubVolume, policy: &str) -> Result<()> {
    let Some(volume) = &of.volume else { return Ok(()) };
    let fields = marked(namespace, of, volume, policy)?;
    match cluster.patch::<PersistentVolume>(None, &volume.name, &fields).await {
        // The cloud was faster; where it was to be kept, that is told by the next look.
        Err(error) if is_missing(&error) && policy != RETAIN => Ok(()),
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Err(not_allowed(&status.message, namespace)),
        answer => answer.map_err(|error| denied(&error, &cluster.server, &format!("keep the volume {}", volume.name))),
    }
}

fn marked(namespace: &str, of: &HubVolume, volume: &Volume, policy: &str) -> Result<Value> {
    let claim = serde_json::to_string(&of.claim).map_err(|error| Error::bug("a claim as JSON").because(error))?;
    let before = volume.policy_before.as_ref().unwrap_or(&volume.policy);
    Ok(json!({
        "metadata": {"labels": {NAMESPACE: namespace}, "annotations": {CLAIM: claim, POLICY: before}},
        "spec": {"persistentVolumeReclaimPolicy": policy},
    }))
}

/// Puts back what was to become of a volume, and takes our marks off.
///
/// # Errors
/// When that is not allowed.
pub(super) async fn unmark(cluster: &Cluster, name: &str, policy: &str) -> Result<()> {
    let fields = json!({
        "metadata": {"labels": {NAMESPACE: null}, "annotations": {CLAIM: null, POLICY: null}},
        "spec": {"persistentVolumeReclaimPolicy": policy},
    });
    let patched = cluster.patch::<PersistentVolume>(None, name, &fields).await;
    patched.map_err(|error| refused(&error, cluster, &format!("change the volume {name}")))
}

/// As [`denied`]; rights on volumes are not those of a namespace.
pub(super) fn refused(error: &::kube::Error, cluster: &Cluster, doing: &str) -> Error {
    match error {
        ::kube::Error::Api(status) if status.is_forbidden() => {
            granted(Error::user(format!("not allowed to {doing}")).because(&status.message))
        }
        other => denied(other, &cluster.server, doing),
    }
}

/// Who can help: volumes belong to the whole cluster.
fn granted(error: Error) -> Error {
    error
        .hint("an administrator of the cluster can run this command")
        .hint("or let you: kubectl create clusterrole helm-iris-volumes --verb=get,list,patch --resource=persistentvolumes")
        .hint("then: kubectl create clusterrolebinding helm-iris-volumes --clusterrole=helm-iris-volumes --user=YOU")
}

/// Somebody who may not look at volumes, or not change them, cannot keep what is in them.
pub(super) fn not_allowed(why: &str, namespace: &str) -> Error {
    let error = Error::user("you may not look after the volumes of this cluster, so their data cannot be made safe")
        .because(why)
        .because("nothing was removed");
    granted(error).hint(format!(
        "or see what is there (helm list -n {namespace}) and use helm uninstall: the claims of users and of the database \
         stay then, and so does their data, until somebody deletes the claims or the namespace"
    ))
}

/// The claim that is written on a volume.
pub(super) fn claim_on(annotations: &BTreeMap<String, String>) -> Option<Claim> {
    serde_json::from_str(annotations.get(CLAIM)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(policy: &str, before: Option<&str>) -> Value {
        let claim = Claim { name: "claim-anna".into(), size: "10Gi".into(), ..Claim::default() };
        let volume = Volume {
            name: "pvc-1".into(),
            driver: None,
            handle: None,
            policy: policy.into(),
            policy_before: before.map(str::to_owned),
            provisioned: true,
        };
        let of = HubVolume { claim, there: true, owned: false, bound: true, volume: Some(volume.clone()) };
        marked("dhub", &of, &volume, RETAIN).unwrap()
    }

    #[test]
    fn a_volume_tells_whose_it_is_and_what_was_to_become_of_it() {
        let first = kept("Delete", None);
        assert_eq!(first["metadata"]["annotations"][POLICY], "Delete");
        assert_eq!(first["spec"]["persistentVolumeReclaimPolicy"], "Retain");
        let again = kept("Retain", Some("Delete"));
        assert_eq!(again["metadata"]["annotations"][POLICY], "Delete", "a second run does not forget it");
        let annotations: BTreeMap<String, String> =
            serde_json::from_value(first["metadata"]["annotations"].clone()).unwrap();
        assert_eq!(claim_on(&annotations).unwrap().name, "claim-anna");
    }
}
