//! Looking for the reasons why workloads are not ready: in their pods, claims and events.

use std::collections::{BTreeMap, BTreeSet};

use ::kube::{Error as KubeError, ResourceExt};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Event as KubeEvent, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::StorageClass;

use super::pod;
use super::reason::Reason;
use super::workload::{Workload, WorkloadState};
use crate::kube::Cluster;

/// Events that tell why a pod does not start or does not get ready, not what happened by the way.
const TELLING: [&str; 5] =
    ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedCreatePodContainer", "Unhealthy"];

/// What was found at the last search.
#[derive(Default)]
pub(super) struct Trouble {
    reasons: BTreeMap<Workload, Reason>,
}

impl Trouble {
    /// Adds the reasons that are known to states that have none of their own.
    pub(super) fn tell(&self, states: &mut [WorkloadState]) {
        for state in states.iter_mut().filter(|state| !state.ready && state.reason.is_none()) {
            state.reason = self.reasons.get(&state.workload).cloned();
        }
    }

    /// Looks at the pods of what is not ready.
    pub(super) async fn search(&mut self, cluster: &Cluster, states: &[WorkloadState]) -> Result<(), KubeError> {
        let pending: Vec<_> = states.iter().filter(|state| !state.ready && !state.selector.is_empty()).collect();
        let namespaces: BTreeSet<&str> = pending.iter().map(|state| state.workload.namespace.as_str()).collect();
        let warnings =
            namespaces.into_iter().map(|namespace| cluster.list_by_field::<KubeEvent>(namespace, "type=Warning"));
        let mut events: Vec<KubeEvent> = try_join_all(warnings).await?.into_iter().flatten().collect();
        events.sort_by_key(|event| std::cmp::Reverse(when(event)));
        let events = events.as_slice();
        let found = try_join_all(pending.iter().map(|state| async move {
            let reason = of_workload(cluster, &state.workload, &state.selector, events).await?;
            Ok::<_, KubeError>((state.workload.clone(), reason))
        }));
        self.reasons = found.await?.into_iter().filter_map(|(workload, reason)| Some((workload, reason?))).collect();
        Ok(())
    }
}

/// Why the pods that the labels pick are not ready; none where all are, or there are none.
///
/// # Errors
/// When pods, claims or events may not be read.
pub async fn why_not_ready(cluster: &Cluster, namespace: &str, labels: &str) -> Result<Option<Reason>, KubeError> {
    let mut events = cluster.list_by_field::<KubeEvent>(namespace, "type=Warning").await?;
    events.sort_by_key(|event| std::cmp::Reverse(when(event)));
    of_pods(cluster, namespace, labels, &events).await
}

async fn of_workload(
    cluster: &Cluster,
    workload: &Workload,
    selector: &str,
    events: &[KubeEvent],
) -> Result<Option<Reason>, KubeError> {
    let worst = of_pods(cluster, &workload.namespace, selector, events).await?;
    Ok(worst.or_else(|| not_created(workload, events)))
}

async fn of_pods(
    cluster: &Cluster,
    namespace: &str,
    selector: &str,
    events: &[KubeEvent],
) -> Result<Option<Reason>, KubeError> {
    let pods = cluster.list::<Pod>(Some(namespace), selector).await?;
    let mut worst: Option<Reason> = None;
    for pod in pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let Some(mut reason) = pod::reason(pod) else { continue };
        if let Some(claim) = pending_claim(cluster, namespace, pod).await? {
            reason = claim;
        } else if !reason.failing {
            reason = with_event(reason, &pod.name_any(), events);
        }
        if reason.failing || worst.is_none() {
            worst = Some(reason);
        }
        if worst.as_ref().is_some_and(|worst| worst.failing) {
            break;
        }
    }
    Ok(worst)
}

/// When something was last seen to happen.
pub(super) fn when(event: &KubeEvent) -> Option<String> {
    let last = event.last_timestamp.as_ref().map(|time| time.0.to_string());
    last.or_else(|| event.event_time.as_ref().map(|time| time.0.to_string()))
}

fn with_event(reason: Reason, pod: &str, events: &[KubeEvent]) -> Reason {
    let mine = |event: &&KubeEvent| {
        event.involved_object.name.as_deref() == Some(pod)
            && event.reason.as_deref().is_some_and(|reason| TELLING.contains(&reason))
    };
    match events.iter().find(mine).and_then(|event| event.message.as_deref()) {
        Some(message) => Reason::waiting(format!("{}: {message}", reason.text)),
        None => reason,
    }
}

/// Why a controller could make no pod at all: quotas, admission, missing service accounts.
fn not_created(workload: &Workload, events: &[KubeEvent]) -> Option<Reason> {
    let of_us =
        |name: &str| name.strip_prefix(&workload.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    let event = events.iter().find(|event| {
        event.reason.as_deref() == Some("FailedCreate") && event.involved_object.name.as_deref().is_some_and(of_us)
    })?;
    Some(Reason::not_created(event.message.as_deref().unwrap_or("its pods cannot be made")))
}

/// A claim of a pod that no volume is made for. One that waits for its first pod is none.
async fn pending_claim(cluster: &Cluster, namespace: &str, pod: &Pod) -> Result<Option<Reason>, KubeError> {
    let placed = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let claims =
        volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref()).map(|claim| claim.claim_name.as_str());
    for name in claims.filter(|_| !placed) {
        let claim = cluster.get::<PersistentVolumeClaim>(Some(namespace), name).await?;
        let Some(claim) = claim else {
            return Ok(Some(Reason::failing(format!("the volume claim {name} does not exist"))));
        };
        let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
        if phase != Some("Bound")
            && let Some(reason) = claim_reason(cluster, namespace, &claim).await?
        {
            return Ok(Some(reason));
        }
    }
    Ok(None)
}

/// Why no volume is made for a claim, where that is known.
///
/// # Errors
/// When its events may not be read, or the cluster does not answer.
pub async fn claim_reason(
    cluster: &Cluster,
    namespace: &str,
    claim: &PersistentVolumeClaim,
) -> Result<Option<Reason>, KubeError> {
    let name = claim.name_any();
    let class = claim.spec.as_ref().and_then(|spec| spec.storage_class_name.as_deref()).unwrap_or_default();
    if class.is_empty() {
        let text = format!("the volume claim {name} names no StorageClass, and the cluster has no default class");
        let hint = "as soon as there is a default class the volume is made: kubectl get storageclass";
        return Ok(Some(Reason::failing(text).hint(hint)));
    }
    // That classes may not be looked at is no reason.
    if let Ok(None) = cluster.get::<StorageClass>(None, class).await {
        let text = format!("the volume claim {name} names the StorageClass {class}, which does not exist");
        let hint = "make it, or name another in storage.className of the site file: kubectl get storageclass";
        return Ok(Some(Reason::failing(text).hint(hint)));
    }
    let fields = format!("involvedObject.kind=PersistentVolumeClaim,involvedObject.name={name}");
    let mut events = cluster.list_by_field::<KubeEvent>(namespace, &fields).await?;
    events.sort_by_key(when);
    let failed = events.iter().rev().find(|event| event.reason.as_deref() == Some("ProvisioningFailed"));
    Ok(failed.map(|event| {
        let message = event.message.as_deref().unwrap_or_default();
        let hint = if is_quota(message) {
            "the project's quota of volumes is used up: openstack quota show; ask cloud support for more, or delete \
             volumes that nobody needs"
                .to_owned()
        } else {
            format!("see: kubectl describe pvc {name} -n {namespace}; kubectl get storageclass {class} -o yaml")
        };
        Reason::failing(format!("no volume could be made for {name} (class {class}): {message}")).hint(hint)
    }))
}

/// Cinder's words for a project that may have no more volumes, or no more space.
fn is_quota(message: &str) -> bool {
    let message = message.to_lowercase();
    ["quota", "volumelimitexceeded", "maximum number of volumes"].iter().any(|word| message.contains(word))
}

/// Why a pod is not ready, by its own status; none if it is.
pub fn pod_reason(pod: &Pod) -> Option<Reason> {
    pod::reason(pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_quota_is_known_by_cinders_words() {
        for message in [
            "rpc error: code = Internal desc = Expected HTTP response code [202] but got 413 instead, message: \
             VolumeLimitExceeded: Maximum number of volumes allowed (10) exceeded for quota 'volumes'.",
            "VolumeSizeExceedsAvailableQuota: Requested volume exceeds allowed gigabytes quota.",
        ] {
            assert!(is_quota(message), "{message}");
        }
        assert!(!is_quota("failed to provision volume with StorageClass: availability zone nova is unknown"));
    }
}
