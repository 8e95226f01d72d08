//! Waiting until a release runs: one watcher for Helm 3 and 4, with reasons.
//!
//! It asks every half second, one list per kind and namespace. Addresses of load balancers and
//! claims that nobody uses yet are not waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ::kube::{Error as KubeError, Resource, ResourceExt};
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::event::Event;
use super::execute::Tell;
use super::trouble::Trouble;
use super::workload::{self, Kind, Progress, Workload, WorkloadState};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::kube::{Cluster, denied, is_passing};
use crate::problem::Problem;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Looks between two searches for reasons, which cost more.
const LOOKS_PER_SEARCH: u32 = 4;
/// How long the cluster may be out of reach before we give up.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the workloads of a release stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Each workload, in order.
    pub workloads: Vec<WorkloadState>,
}

impl Readiness {
    /// Whether all are ready.
    pub fn is_ready(&self) -> bool {
        self.workloads.iter().all(|state| state.ready)
    }

    /// Those that are not ready.
    pub fn pending(&self) -> impl Iterator<Item = &WorkloadState> {
        self.workloads.iter().filter(|state| !state.ready)
    }
}

/// What is waited for.
pub(super) struct Wait<'w> {
    pub cluster: &'w Cluster,
    pub release: &'w str,
    pub workloads: &'w [Workload],
    pub timeout: Duration,
    /// Whether a workload that has failed for good ends the waiting.
    pub until_failed: bool,
}

/// How waiting ended.
pub(super) enum Ended {
    Ready(Duration),
    TimedOut(Readiness),
    Failed(Readiness),
}

impl Wait<'_> {
    /// Waits until all workloads are ready or the time is over.
    ///
    /// # Errors
    /// A cluster that cannot be asked; a stop that was asked for.
    pub(super) async fn run(&self, interrupt: &mut Interrupt, tell: &Tell<'_>) -> Result<Ended> {
        let start = Instant::now();
        let mut trouble = Trouble::default();
        let mut lost: Option<Instant> = None;
        for look in 0_u32.. {
            match self.look(&mut trouble, look).await {
                Ok(readiness) if readiness.is_ready() => return Ok(Ended::Ready(start.elapsed())),
                Ok(readiness) if self.until_failed && readiness.workloads.iter().any(|state| state.failed) => {
                    return Ok(Ended::Failed(self.explained(readiness).await));
                }
                Ok(readiness) if start.elapsed() >= self.timeout => return Ok(Ended::TimedOut(readiness)),
                Ok(readiness) => {
                    lost = None;
                    tell(Event::Waiting { release: self.release.to_owned(), readiness, waited: start.elapsed() });
                }
                Err(error) => self.bear(&error, *lost.get_or_insert_with(Instant::now), tell)?,
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = interrupt.wait() => return Err(self.stopped()),
            }
        }
        Err(Error::bug("waiting has no end"))
    }

    async fn look(&self, trouble: &mut Trouble, look: u32) -> Result<Readiness, KubeError> {
        let mut workloads = states(self.cluster, self.workloads).await?;
        // The first look comes too early to say more than "starting".
        if look % LOOKS_PER_SEARCH == 1 {
            trouble.search(self.cluster, &workloads).await?;
        }
        trouble.tell(&mut workloads);
        Ok(Readiness { workloads })
    }

    /// What has failed, with what its pods say rather than its controller.
    async fn explained(&self, readiness: Readiness) -> Readiness {
        let (mut workloads, mut trouble) = (readiness.workloads.clone(), Trouble::default());
        if trouble.search(self.cluster, &workloads).await.is_err() {
            return readiness;
        }
        for state in &mut workloads {
            state.reason = None;
        }
        trouble.tell(&mut workloads);
        for (state, before) in workloads.iter_mut().zip(readiness.workloads) {
            state.reason = state.reason.take().or(before.reason);
        }
        Readiness { workloads }
    }

    fn bear(&self, error: &KubeError, since: Instant, tell: &Tell<'_>) -> Result<()> {
        let refused = matches!(error, KubeError::Api(_)) && !is_passing(error);
        if refused || since.elapsed() > PATIENCE {
            let doing = format!("see whether `{}` is ready", self.release);
            return Err(denied(error, &self.cluster.server, &doing).hint(
                "what was installed stays and goes on starting; run the same command again to see how it stands",
            ));
        }
        let why = crate::kube::explain(error, &self.cluster.server).to_string();
        tell(Event::Unreachable { release: self.release.to_owned(), why });
        Ok(())
    }

    fn stopped(&self) -> Error {
        Error::interrupted(format!("stopped while waiting for `{}`", self.release))
            .because("it is installed and goes on starting")
            .hint("run the same command again: it goes on from here")
    }
}

/// What is not ready, as problems with the way out.
pub(super) fn problems(readiness: &Readiness) -> Vec<Problem> {
    let describe = |state: &WorkloadState| {
        let why = state.reason.as_ref().map_or_else(|| "no reason known".to_owned(), ToString::to_string);
        let message = format!("{} of {} ready: {why}", state.have, state.want);
        let fix = state.reason.as_ref().and_then(|reason| reason.hint.clone()).unwrap_or_else(|| {
            let Workload { kind, namespace, name } = &state.workload;
            format!("see: kubectl describe {} {name} -n {namespace}", format!("{kind:?}").to_lowercase())
        });
        Problem::error(state.workload.to_string(), None, message).fix(fix)
    };
    readiness.pending().map(describe).collect()
}

/// How workloads stand right now, with the reasons of those that are not ready.
///
/// # Errors
/// When they may not be looked at, or the cluster does not answer.
pub async fn standing(cluster: &Cluster, all: &[Workload]) -> Result<Readiness, KubeError> {
    let mut workloads = states(cluster, all).await?;
    let mut trouble = Trouble::default();
    trouble.search(cluster, &workloads).await?;
    trouble.tell(&mut workloads);
    Ok(Readiness { workloads })
}

/// How workloads stand, each in the place that it has in the list.
async fn states(cluster: &Cluster, workloads: &[Workload]) -> Result<Vec<WorkloadState>, KubeError> {
    let groups: BTreeSet<(Kind, &str)> = workloads.iter().map(|one| (one.kind, one.namespace.as_str())).collect();
    let lists = groups.iter().map(|(kind, namespace)| list(cluster, *kind, namespace));
    let mut found: BTreeMap<Workload, Progress> = try_join_all(lists).await?.into_iter().flatten().collect();
    let state = |one: &Workload| found.remove(one).unwrap_or_else(Progress::missing).of(one.clone());
    Ok(workloads.iter().map(state).collect())
}

async fn list(cluster: &Cluster, kind: Kind, namespace: &str) -> Result<Vec<(Workload, Progress)>, KubeError> {
    match kind {
        Kind::Deployment => progress::<Deployment>(cluster, kind, namespace, workload::deployment).await,
        Kind::StatefulSet => progress::<StatefulSet>(cluster, kind, namespace, workload::stateful_set).await,
        Kind::DaemonSet => progress::<DaemonSet>(cluster, kind, namespace, workload::daemon_set).await,
        Kind::Job => progress::<Job>(cluster, kind, namespace, workload::job).await,
    }
}

async fn progress<K>(
    cluster: &Cluster,
    kind: Kind,
    namespace: &str,
    judge: fn(&K) -> Progress,
) -> Result<Vec<(Workload, Progress)>, KubeError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned + Clone,
{
    let objects = cluster.list::<K>(Some(namespace), "").await?;
    let workload = |object: &K| Workload { kind, namespace: namespace.to_owned(), name: object.name_any() };
    Ok(objects.iter().map(|object| (workload(object), judge(object))).collect())
}
