//! What was kept of a hub comes back to it: planned, shown, done. Each step looks at what is, so that a
//! second run goes on where the first one was killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::json;

use super::read::{self, StandingClaim, StandingVolume};
use super::{Claim, INSTANCE, Kept, RELEASE, ReattachFile, marks};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::kube::{Cluster, ClusterId, denied};
use crate::problem::Problem;

/// Kubernetes binds a claim to the volume that it names within a second or two.
const BINDING_TAKES: Duration = Duration::from_mins(1);
/// Between two looks at claims that are not bound yet.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// The labels of Helm's objects that say nothing but whose they are: all others change with the chart's
/// version, and are the chart's to set.
const OWNERSHIP: [&str; 2] = ["app.kubernetes.io/managed-by", INSTANCE];

/// The volumes that come back to a hub.
#[derive(Debug, Default)]
pub struct Attachment {
    namespace: String,
    steps: Vec<Step>,
}

/// One volume that comes back.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    kept: Kept,
    claim: Standing,
    /// Whether the volume is marked as kept; that ends when it is bound.
    marked: bool,
}

/// How the claim of a kept volume stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It has to be made.
    Gone,
    /// It is there, and waits for the volume.
    Waits,
    /// It has the volume.
    Bound,
}

/// Refuses to begin with empty volumes where those of an earlier hub wait.
///
/// # Errors
/// When volumes are kept for a hub of this namespace whose claims are gone.
pub async fn refuse_waiting(cluster: &Cluster, namespace: &str) -> Result<()> {
    let kept = read::kept(cluster, namespace).await?;
    let waiting = kept.iter().filter(|volume| volume.phase != "Bound").count();
    if waiting == 0 {
        return Ok(());
    }
    let volumes = if waiting == 1 { "1 volume".to_owned() } else { format!("{waiting} volumes") };
    Err(Error::user(format!("{volumes} of an earlier hub in {namespace} would be left behind"))
        .because("`helm iris uninstall` kept them, and this would begin with empty ones")
        .hint(format!("to have them back: add --reattach {namespace}.reattach.yaml"))
        .hint(format!("the file is written anew by: helm iris uninstall CHART -n {namespace}"))
        .hint(format!(
            "to begin anew, they stay as they are: kubectl label pv -l {label}={namespace} {label}-",
            label = marks::NAMESPACE
        )))
}

impl Attachment {
    /// Plans it.
    ///
    /// # Errors
    /// A file of another hub or cluster; all volumes that cannot come back, with the reason.
    pub async fn plan(cluster: &Cluster, namespace: &str, path: &Path) -> Result<Self> {
        let file = ReattachFile::read(path)?;
        fits(&file, cluster, namespace, path)?;
        let claims = read::claims(cluster, namespace).await?;
        let claims: BTreeMap<&str, &StandingClaim> =
            claims.iter().map(|claim| (claim.claim.name.as_str(), claim)).collect();
        let volumes = file.volumes.iter().map(|kept| read::volume(cluster, &kept.volume.name));
        let volumes = futures::future::try_join_all(volumes).await?;
        let (mut steps, mut problems) = (Vec::new(), Vec::new());
        for (kept, volume) in file.volumes.iter().zip(&volumes) {
            match step(namespace, kept, claims.get(kept.claim.name.as_str()).copied(), volume.as_ref()) {
                Ok(step) => steps.push(step),
                Err((why, fix)) => {
                    let message = format!("{} ({}): {why}", kept.claim.name, kept.owner);
                    problems.push(Problem::error(path.display().to_string(), None, message).fix(fix));
                }
            }
        }
        if problems.is_empty() {
            return Ok(Self { namespace: namespace.to_owned(), steps });
        }
        Err(Error::problems("some volumes cannot come back; nothing was changed", problems)
            .hint("a volume that is not needed can be taken out of the file, with its claim"))
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.claim == Standing::Bound && !step.marked)
    }

    /// The names of the claims.
    pub fn claims(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(|step| step.kept.claim.name.clone())
    }

    /// What would be done, line by line, as in the plan.
    pub fn lines(&self) -> Vec<String> {
        let told = |step: &Step| {
            let Kept { owner, claim, volume } = &step.kept;
            let (mark, what) = match step.claim {
                Standing::Bound if !step.marked => return None,
                Standing::Bound => ("~", format!("policy is {} again", volume.policy)),
                Standing::Gone | Standing::Waits => ("+", "comes back".to_owned()),
            };
            Some(format!("  {mark} volume      {} ({owner}, {}): {what}", claim.name, claim.size))
        };
        self.steps.iter().filter_map(told).collect()
    }

    /// Does it.
    ///
    /// # Errors
    /// When something is not allowed, or a claim does not get its volume; the same command goes on.
    pub async fn apply(&self, cluster: &Cluster, interrupt: &mut Interrupt) -> Result<()> {
        for step in self.steps.iter().filter(|step| step.claim != Standing::Bound) {
            if interrupt.is_requested() {
                return Err(stopped());
            }
            free(cluster, &self.namespace, &step.kept).await?;
            if step.claim == Standing::Gone {
                make(cluster, &self.namespace, &step.kept).await?;
            }
        }
        self.bound(cluster, interrupt).await?;
        for Step { kept: Kept { volume, .. }, .. } in self.steps.iter().filter(|step| step.marked) {
            marks::unmark(cluster, &volume.name, &volume.policy).await?;
        }
        Ok(())
    }

    /// Waits until every claim has its volume. Before that, nothing may delete a volume.
    async fn bound(&self, cluster: &Cluster, interrupt: &mut Interrupt) -> Result<()> {
        if self.steps.iter().all(|step| step.claim == Standing::Bound) {
            return Ok(());
        }
        let start = Instant::now();
        loop {
            let claims = read::claims(cluster, &self.namespace).await?;
            let has = |step: &&Step| {
                let (name, volume) = (&step.kept.claim.name, &step.kept.volume.name);
                claims.iter().any(|one| one.bound && one.claim.name == *name && one.volume.as_ref() == Some(volume))
            };
            let waiting: Vec<&str> =
                self.steps.iter().filter(|step| !has(step)).map(|step| step.kept.claim.name.as_str()).collect();
            if waiting.is_empty() {
                return Ok(());
            }
            if start.elapsed() > BINDING_TAKES {
                return Err(Error::user(format!("claims did not get their volumes: {}", waiting.join(", ")))
                    .because(format!("Kubernetes did not bind them within {} s", BINDING_TAKES.as_secs()))
                    .hint(format!("see why: kubectl describe pvc {} -n {}", waiting[0], self.namespace))
                    .hint("then run the same command again: it goes on from here"));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = interrupt.wait() => return Err(stopped()),
            }
        }
    }
}

fn stopped() -> Error {
    Error::interrupted("stopped while volumes were attached").hint("run the same command again: it goes on from here")
}

fn fits(file: &ReattachFile, cluster: &Cluster, namespace: &str, path: &Path) -> Result<()> {
    let shown = path.display();
    if file.namespace != namespace {
        return Err(Error::usage(format!("{shown} is for the hub in {}, not in {namespace}", file.namespace))
            .hint(format!("install it there: -n {}", file.namespace)));
    }
    if ClusterId::parse(&file.cluster).contradicts(&cluster.id) {
        return Err(Error::user(format!("{shown} is about volumes of another cluster"))
            .because(format!("{} does not have them", cluster.label()))
            .hint("choose the right one with --kube-context"));
    }
    Ok(())
}

/// What is to be done for a kept volume; or why it cannot come back, and the way out.
fn step(
    namespace: &str,
    kept: &Kept,
    claim: Option<&StandingClaim>,
    volume: Option<&StandingVolume>,
) -> Result<Step, (String, String)> {
    let (name, pv) = (&kept.claim.name, &kept.volume.name);
    let see = |what: &str| format!("see: kubectl describe {what}");
    let handle = kept.volume.handle.as_ref();
    let Some(volume) = volume else {
        let cloud = handle.map(|handle| format!("; in the cloud it was {handle}")).unwrap_or_default();
        return Err((format!("the volume {pv} is gone{cloud}"), "take it out of the file, if it is not needed".into()));
    };
    if volume.deleting {
        return Err((format!("the volume {pv} is being deleted"), see(&format!("pv {pv}"))));
    }
    let meant = (namespace.to_owned(), name.clone());
    if let Some((of, by)) = volume.claim.as_ref().filter(|claim| **claim != meant) {
        return Err((format!("the volume {pv} belongs to the claim {by} in {of} now"), see(&format!("pv {pv}"))));
    }
    let standing = match claim {
        None => Standing::Gone,
        Some(claim) if claim.deleting => {
            return Err((
                "the claim is being deleted".into(),
                format!(
                    "wait until it is gone: kubectl get pvc {name} -n {namespace}; then run the same command again"
                ),
            ));
        }
        Some(claim) => match &claim.volume {
            Some(other) if other != pv => {
                return Err((
                    format!("a claim of that name has another volume, {other}"),
                    format!(
                        "save what is in it and delete it (kubectl delete pvc {name} -n {namespace}), or take the volume out of the file"
                    ),
                ));
            }
            Some(_) if claim.bound => Standing::Bound,
            _ => Standing::Waits,
        },
    };
    Ok(Step { kept: kept.clone(), claim: standing, marked: volume.kept_for.is_some() })
}

/// Frees a volume from the claim that is gone, for the one of the same name alone.
async fn free(cluster: &Cluster, namespace: &str, Kept { claim, volume, .. }: &Kept) -> Result<()> {
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim.name,
        "uid": null, "resourceVersion": null,
    });
    let fields = json!({"spec": {"claimRef": claim}});
    let patched = cluster.patch::<PersistentVolume>(None, &volume.name, &fields).await;
    patched.map_err(|error| marks::refused(&error, cluster, &format!("attach the volume {}", volume.name)))
}

/// Makes a claim for its volume; one that is there already is as good.
async fn make(cluster: &Cluster, namespace: &str, kept: &Kept) -> Result<()> {
    match cluster.create(Some(namespace), &claim_of(kept)).await {
        Ok(()) => Ok(()),
        Err(::kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => {
            Err(denied(&error, &cluster.server, &format!("make the claim {} in {namespace}", kept.claim.name)))
        }
    }
}

fn claim_of(Kept { claim, volume, .. }: &Kept) -> PersistentVolumeClaim {
    let Claim { name, labels, annotations, access_modes, size, class, mode } = claim.clone();
    let mut made = PersistentVolumeClaim::default();
    let is_helms = annotations.contains_key(RELEASE);
    let labels = labels.into_iter().filter(|(key, _)| !is_helms || OWNERSHIP.contains(&key.as_str()));
    made.metadata.name = Some(name);
    made.metadata.labels = Some(labels.collect());
    made.metadata.annotations = Some(annotations);
    made.spec = Some(PersistentVolumeClaimSpec {
        access_modes: Some(access_modes),
        resources: Some(VolumeResourceRequirements {
            requests: Some([("storage".to_owned(), Quantity(size))].into()),
            ..VolumeResourceRequirements::default()
        }),
        storage_class_name: class,
        volume_mode: mode,
        volume_name: Some(volume.name.clone()),
        ..PersistentVolumeClaimSpec::default()
    });
    made
}

#[cfg(test)]
#[path = "attach_tests.rs"]
mod tests;
