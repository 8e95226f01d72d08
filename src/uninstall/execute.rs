//! ACT: a flat walk over the plan. Each step may have been done already by a run that was stopped.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret as KubeSecret};

use super::look::{self, DASK_PODS, DaskCluster, SERVERS};
use super::{Observed, Step, Uninstall};
use crate::applied;
use crate::error::{Error, Result};
use crate::helm::{self, Helm, Scrub};
use crate::interrupt::Interrupt;
use crate::kube::{Cluster, denied};
use crate::lease::Held;
use crate::secrets::cluster::NAME as LEDGER;
use crate::volumes;

/// Seconds that hooks of a release may take.
const HOOKS: u64 = 300;
/// A claim goes when the last pod that uses it has ended, and that one may take its time.
const CLAIMS_TAKE: Duration = Duration::from_mins(3);
/// Between two looks at claims that are going.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// All that the executor needs.
pub struct Executor<'e> {
    /// The cluster that the plan is for.
    pub cluster: &'e Cluster,
    /// Helm; none where no release is uninstalled.
    pub helm: Option<&'e Helm>,
    /// What the cluster held when the plan was made.
    pub observed: &'e Observed,
    /// What keeps others from the hub meanwhile; none where we may not hold it.
    pub lease: Option<&'e Held>,
}

impl Executor<'_> {
    /// Does what the plan says, telling each step before it is done.
    ///
    /// # Errors
    /// The first thing that fails. What was done stays done; the same command goes on from there.
    pub async fn run(&self, plan: &Uninstall, interrupt: &mut Interrupt, tell: &mut dyn FnMut(&Step)) -> Result<()> {
        for operation in &plan.operations {
            if interrupt.is_requested() {
                return Err(stopped());
            }
            if let Some(lease) = self.lease {
                lease.require()?;
            }
            tell(&operation.step);
            self.step(&plan.namespace, &operation.step, interrupt).await?;
        }
        self.claims_are_gone(plan, interrupt).await
    }

    async fn step(&self, namespace: &str, step: &Step, interrupt: &mut Interrupt) -> Result<()> {
        match step {
            Step::SetReclaimPolicy { volume, to, .. } => {
                let is_it = |one: &&volumes::HubVolume| one.volume.as_ref().is_some_and(|of| of.name == *volume);
                let of = self.observed.volumes.all.iter().find(is_it);
                let of = of.ok_or_else(|| Error::bug("the plan is of another hub"))?;
                volumes::set_policy(self.cluster, namespace, of, to).await
            }
            Step::UninstallRelease { release, .. } => self.helm(namespace, release, interrupt).await,
            Step::StopServers { .. } => self.stop_pods(namespace, SERVERS).await,
            Step::StopDask { .. } => {
                for name in look::dask_clusters(self.cluster, namespace).await?.into_iter().flatten() {
                    let deleted = self.cluster.delete::<DaskCluster>(namespace, &name, None).await;
                    self.allowed(deleted, &format!("stop the Dask cluster {name} in {namespace}"))?;
                }
                // What a cluster owns goes with it, after a while; its pods are what costs.
                self.stop_pods(namespace, DASK_PODS).await
            }
            Step::DeleteClaim { claim, .. } => {
                let deleted = self.cluster.delete::<PersistentVolumeClaim>(namespace, claim, None).await;
                self.allowed(deleted, &format!("delete the claim {claim} in {namespace}"))
            }
            Step::RemoveSecret { name } => self.remove_secret(namespace, name).await,
            Step::RemoveLedger => {
                applied::remove_all(self.cluster, namespace).await?;
                self.remove_secret(namespace, LEDGER).await
            }
        }
    }

    async fn helm(&self, namespace: &str, release: &str, interrupt: &mut Interrupt) -> Result<()> {
        let helm = self.helm.ok_or_else(|| Error::bug("no helm to apply the plan with"))?;
        let uninstall = helm::Uninstall { release, namespace, timeout_seconds: HOOKS };
        let there = self.observed.releases.iter().find(|(name, _)| name == release);
        if let (Some(lease), Some((_, state))) = (self.lease, there) {
            lease.begin(release, state.revision).await?;
        }
        let scrub = self.observed.ledger.as_ref().map(|stored| Scrub::new(&stored.ledger)).unwrap_or_default();
        helm.uninstall(&uninstall, self.cluster, &scrub, interrupt).await
    }

    async fn stop_pods(&self, namespace: &str, labels: &str) -> Result<()> {
        for name in look::pods(self.cluster, namespace, labels).await?.into_iter().filter_map(|meta| meta.name) {
            let deleted = self.cluster.delete::<Pod>(namespace, &name, None).await;
            self.allowed(deleted, &format!("stop the pod {name} in {namespace}"))?;
        }
        Ok(())
    }

    async fn remove_secret(&self, namespace: &str, name: &str) -> Result<()> {
        let removed = self.cluster.delete::<KubeSecret>(namespace, name, None).await;
        self.allowed(removed, &format!("remove the Secret {name} in {namespace}"))
    }

    fn allowed(&self, answer: Result<(), ::kube::Error>, doing: &str) -> Result<()> {
        answer.map_err(|error| denied(&error, &self.cluster.server, doing))
    }

    /// Waits until the claims that were deleted are gone: before that, nothing was deleted.
    async fn claims_are_gone(&self, plan: &Uninstall, interrupt: &mut Interrupt) -> Result<()> {
        let deleted: BTreeSet<&String> = plan
            .operations
            .iter()
            .filter_map(|operation| match &operation.step {
                Step::DeleteClaim { claim, .. } => Some(claim),
                _ => None,
            })
            .collect();
        let start = Instant::now();
        while !deleted.is_empty() {
            let there = volumes::claims_there(self.cluster, &plan.namespace).await?;
            let left: Vec<&str> =
                deleted.iter().filter(|name| there.contains(**name)).map(|name| name.as_str()).collect();
            if left.is_empty() {
                break;
            }
            if start.elapsed() > CLAIMS_TAKE {
                return Err(Error::user(format!("claims are still there: {}", left.join(", ")))
                    .because("a pod that has not ended uses them")
                    .hint(format!("see which: kubectl describe pvc {} -n {}", left[0], plan.namespace))
                    .hint("they go when it ends; run the same command again to see how it stands"));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = interrupt.wait() => return Err(stopped()),
            }
        }
        Ok(())
    }
}

fn stopped() -> Error {
    Error::interrupted("stopped before the hub was uninstalled to the end")
        .hint("run the same command again: it goes on from here")
}
