//! A trial claim: whether volumes are really made. The only part of `doctor` that writes; it removes
//! what it made, and what a killed one left behind.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ::kube::api::ObjectMeta;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, Event, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource, Pod, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, Volume,
    VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::facts::Class;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::kube::{Cluster, Pick, denied};
use crate::lease::{Holder, is_dead};

/// What the claim and its pod are called, before something unique.
const NAME: &str = "helm-iris-probe";
/// Marks both.
const LABEL: &str = "helm-iris/probe=true";
/// Which process made them.
const MADE_BY: &str = "helm-iris/made-by";
/// Does nothing; 250 kB, and on most nodes already.
const IMAGE: &str = "registry.k8s.io/pause:3.10";
/// What the smallest volume of most clouds is.
const SIZE: &str = "1Gi";
/// A cloud that takes longer makes users wait, too.
const PATIENCE: Duration = Duration::from_mins(3);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// A trial of a StorageClass.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'t> {
    /// The class.
    pub class: &'t Class,
    /// Where the claim is made.
    pub namespace: &'t str,
    /// Who tries.
    pub holder: &'t Holder,
}

/// Makes a claim, with a pod where the class waits for one, waits for the volume, and removes it all.
///
/// # Errors
/// What keeps the volume from being made; what could not be removed; interrupted.
pub async fn trial(cluster: &Cluster, trial: &Trial<'_>, interrupt: &mut Interrupt) -> Result<String> {
    remove_leftovers(cluster, trial).await?;
    let name = format!("{NAME}-{:08x}", rand::random::<u32>());
    let tried = tokio::select! {
        tried = make(cluster, trial, &name) => tried,
        () = interrupt.wait() => Err(Error::interrupted("stopped while the trial claim waited for its volume")),
    };
    // Whatever came of it, and also where only a part of it was made.
    let removed = remove(cluster, trial.namespace, &name).await;
    match (tried, removed) {
        (Ok(said), Ok(())) => Ok(said),
        (Ok(_), Err(error)) => Err(error),
        (Err(error), Ok(())) => Err(error.because("the trial claim was removed again")),
        (Err(error), Err(other)) => Err(other.hints.into_iter().fold(error.because(other.message), Error::hint)),
    }
}

async fn make(cluster: &Cluster, trial: &Trial<'_>, name: &str) -> Result<String> {
    let Trial { class, namespace, .. } = trial;
    let refused = |what: &str| format!("make a {what} for the trial in {namespace}");
    let claim = claim(trial, name);
    let made = cluster.create(Some(namespace), &claim).await;
    made.map_err(|error| denied(&error, &cluster.server, &refused("claim")))?;
    let waits = class.binding_mode == "WaitForFirstConsumer";
    if waits {
        let made = cluster.create(Some(namespace), &pod(trial, name)).await;
        made.map_err(|error| denied(&error, &cluster.server, &refused("pod")))?;
    }
    let start = Instant::now();
    loop {
        if is_bound(cluster, namespace, name).await? && (!waits || is_mounted(cluster, namespace, name).await?) {
            let with = if waits { " and given to a pod" } else { "" };
            return Ok(format!("a volume was made{with} in {} s", start.elapsed().as_secs().max(1)));
        }
        if start.elapsed() > PATIENCE {
            return Err(too_late(cluster, trial, name).await);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn metadata(trial: &Trial<'_>, name: &str) -> ObjectMeta {
    let (key, value) = LABEL.split_once('=').unwrap_or((LABEL, ""));
    ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some(BTreeMap::from([
            (key.to_owned(), value.to_owned()),
            ("app.kubernetes.io/managed-by".to_owned(), "helm-iris".to_owned()),
        ])),
        annotations: Some(BTreeMap::from([(MADE_BY.to_owned(), trial.holder.process.clone())])),
        ..ObjectMeta::default()
    }
}

fn claim(trial: &Trial<'_>, name: &str) -> PersistentVolumeClaim {
    let requests = BTreeMap::from([("storage".to_owned(), Quantity(SIZE.to_owned()))]);
    PersistentVolumeClaim {
        metadata: metadata(trial, name),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements { requests: Some(requests), limits: None }),
            storage_class_name: Some(trial.class.name.clone()),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}

/// A pod that any namespace takes, also one of the level `restricted`.
fn pod(trial: &Trial<'_>, name: &str) -> Pod {
    let requests = [("cpu", "1m"), ("memory", "8Mi")].map(|(key, value)| (key.to_owned(), Quantity(value.to_owned())));
    let source = PersistentVolumeClaimVolumeSource { claim_name: name.to_owned(), read_only: None };
    let container = Container {
        name: "pause".to_owned(),
        image: Some(IMAGE.to_owned()),
        volume_mounts: Some(vec![VolumeMount {
            name: "volume".to_owned(),
            mount_path: "/volume".to_owned(),
            ..VolumeMount::default()
        }]),
        resources: Some(k8s_openapi::api::core::v1::ResourceRequirements {
            requests: Some(BTreeMap::from(requests)),
            ..Default::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    };
    Pod {
        metadata: metadata(trial, name),
        spec: Some(PodSpec {
            containers: vec![container],
            volumes: Some(vec![Volume {
                name: "volume".to_owned(),
                persistent_volume_claim: Some(source),
                ..Volume::default()
            }]),
            security_context: Some(PodSecurityContext {
                run_as_non_root: Some(true),
                run_as_user: Some(65535),
                seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
                ..PodSecurityContext::default()
            }),
            automount_service_account_token: Some(false),
            termination_grace_period_seconds: Some(0),
            restart_policy: Some("Never".to_owned()),
            ..PodSpec::default()
        }),
        status: None,
    }
}

async fn is_bound(cluster: &Cluster, namespace: &str, name: &str) -> Result<bool> {
    let claim = read::<PersistentVolumeClaim>(cluster, Some(namespace), name).await?;
    let claim = claim.ok_or_else(|| Error::user(format!("somebody removed the trial claim {name} in {namespace}")))?;
    Ok(claim.status.and_then(|status| status.phase).as_deref() == Some("Bound"))
}

/// A node mounts a pod's volumes before it pulls images: whatever its container says is said later.
async fn is_mounted(cluster: &Cluster, namespace: &str, name: &str) -> Result<bool> {
    let pod = read::<Pod>(cluster, Some(namespace), name).await?;
    let status = pod.and_then(|pod| pod.status).unwrap_or_default();
    let containers = status.container_statuses.unwrap_or_default();
    let beyond = containers.iter().filter_map(|one| one.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
    let running = matches!(status.phase.as_deref(), Some("Running" | "Succeeded" | "Failed"));
    Ok(running || beyond.into_iter().any(|reason| reason.contains("Image") || reason.contains("CreateContainer")))
}

async fn read<K>(cluster: &Cluster, namespace: Option<&str>, name: &str) -> Result<Option<K>>
where
    K: ::kube::Resource<DynamicType = ()> + serde::de::DeserializeOwned,
{
    let doing = format!("look at the trial's {name}");
    cluster.get::<K>(namespace, name).await.map_err(|error| denied(&error, &cluster.server, &doing))
}

/// Nothing came of it; the events say why.
async fn too_late(cluster: &Cluster, trial: &Trial<'_>, name: &str) -> Error {
    let Trial { class, namespace, .. } = trial;
    let fields = format!("involvedObject.name={name}");
    let events = cluster.list_by_field::<Event>(namespace, &fields).await.unwrap_or_default();
    let warnings = events.iter().filter(|event| event.type_.as_deref() == Some("Warning"));
    let says = warnings.chain(&events).find_map(|event| event.message.clone());
    let message = format!("a trial claim of the class {} got no volume in {} s", class.name, PATIENCE.as_secs());
    let error = Error::user(message).because(says.unwrap_or_else(|| "no event says why".to_owned()));
    error
        .hint("kubectl get events -A | grep -i volume")
        .hint("kubectl get pods -n kube-system   # runs the driver's controller?")
}

/// What a killed trial of this machine left behind, or any that nobody can be waiting for any more.
async fn remove_leftovers(cluster: &Cluster, trial: &Trial<'_>) -> Result<()> {
    let pick = Pick { namespace: Some(trial.namespace), labels: LABEL, ..Pick::default() };
    let refused = |error: &::kube::Error| denied(error, &cluster.server, "look for what an earlier trial left behind");
    let claims = cluster.metadata_pages::<PersistentVolumeClaim>(pick).await.map_err(|error| refused(&error))?;
    let pods = cluster.metadata_pages::<Pod>(pick).await.map_err(|error| refused(&error))?;
    let now = jiff::Timestamp::now();
    for left in claims.iter().chain(&pods).filter(|meta| is_left_over(meta, now)) {
        remove(cluster, trial.namespace, left.name.as_deref().unwrap_or_default()).await?;
    }
    Ok(())
}

fn is_left_over(meta: &ObjectMeta, now: jiff::Timestamp) -> bool {
    let process = meta.annotations.as_ref().and_then(|all| all.get(MADE_BY));
    let age = meta.creation_timestamp.as_ref().map_or(0, |made| now.as_second() - made.0.as_second());
    let too_old = u64::try_from(age).is_ok_and(|age| age > 2 * PATIENCE.as_secs());
    too_old || process.is_some_and(|process| is_dead(process))
}

/// Removes pod and claim; the volume of a class that retains goes, too.
async fn remove(cluster: &Cluster, namespace: &str, name: &str) -> Result<()> {
    let stays = |error: &::kube::Error, what: &str| {
        denied(error, &cluster.server, &format!("remove the trial's {what} {name} in {namespace}"))
            .hint(format!("kubectl delete pod,pvc -l {LABEL} -n {namespace}"))
    };
    cluster.delete::<Pod>(namespace, name, None).await.map_err(|error| stays(&error, "pod"))?;
    let claim = read::<PersistentVolumeClaim>(cluster, Some(namespace), name).await?;
    let volume = claim.and_then(|claim| claim.spec?.volume_name);
    if let Some(volume) = volume {
        let retained = read::<PersistentVolume>(cluster, None, &volume).await?;
        if let Some(spec) = retained.filter(|volume| policy(volume) == Some("Retain")) {
            let freed = let_go(spec);
            let answer = cluster.replace(None, &volume, &freed).await;
            answer.map_err(|error| {
                denied(&error, &cluster.server, &format!("remove the trial's volume {volume}, which its class retains"))
                    .hint(format!("kubectl delete pvc {name} -n {namespace}"))
                    .hint(format!("kubectl delete pv {volume}   # and the volume of the cloud behind it"))
            })?;
        }
    }
    cluster.delete::<PersistentVolumeClaim>(namespace, name, None).await.map_err(|error| stays(&error, "claim"))
}

fn policy(volume: &PersistentVolume) -> Option<&str> {
    volume.spec.as_ref()?.persistent_volume_reclaim_policy.as_deref()
}

fn let_go(mut volume: PersistentVolume) -> PersistentVolume {
    if let Some(spec) = &mut volume.spec {
        spec.persistent_volume_reclaim_policy = Some("Delete".to_owned());
    }
    volume
}
