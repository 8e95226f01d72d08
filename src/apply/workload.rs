//! Workloads and whether they are ready. Pure.

use std::fmt;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Serialize;

use super::reason::Reason;

/// A kind of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// Deployment.
    Deployment,
    /// StatefulSet.
    StatefulSet,
    /// DaemonSet.
    DaemonSet,
    /// Job.
    Job,
}

impl Kind {
    /// By Kubernetes' name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "Deployment" => Some(Self::Deployment),
            "StatefulSet" => Some(Self::StatefulSet),
            "DaemonSet" => Some(Self::DaemonSet),
            "Job" => Some(Self::Job),
            _ => None,
        }
    }
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Workload {
    /// Kind.
    pub kind: Kind,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.name)
    }
}

/// How a workload stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkloadState {
    /// Which.
    pub workload: Workload,
    /// Whether it is ready.
    pub ready: bool,
    /// Pods that are ready.
    pub have: i32,
    /// Pods that there should be.
    pub want: i32,
    /// Whether it has given up.
    pub failed: bool,
    /// Why it is not ready, where we know.
    pub reason: Option<Reason>,
    /// Labels of its pods, `a=b,c=d`.
    #[serde(skip)]
    pub selector: String,
}

impl WorkloadState {
    /// Whether it is not ready, and will hardly be by waiting.
    pub fn is_failing(&self) -> bool {
        !self.ready && self.reason.as_ref().is_some_and(|reason| reason.failing)
    }

    /// Of a release that helm did not finish: what is not there was not made yet, and nobody deleted it.
    pub fn unfinished(&mut self) {
        if self.reason.as_ref().is_some_and(|reason| reason.text == MISSING) {
            self.reason = Some(Reason::waiting("it was not made yet"));
        }
    }
}

/// What is told of one that is not there.
const MISSING: &str = "it does not exist; was it deleted?";

/// What the kinds have in common.
pub(super) struct Progress {
    pub ready: bool,
    pub have: i32,
    pub want: i32,
    pub failed: bool,
    pub reason: Option<Reason>,
    pub selector: String,
}

impl Progress {
    pub(super) fn of(self, workload: Workload) -> WorkloadState {
        let Self { ready, have, want, failed, reason, selector } = self;
        WorkloadState { workload, ready, have, want, failed, reason, selector }
    }

    /// The object is not there, or not yet.
    pub(super) fn missing() -> Self {
        let reason = Some(Reason::failing(MISSING));
        Self { ready: false, have: 0, want: 1, failed: false, reason, selector: String::new() }
    }
}

fn labels(selector: &LabelSelector) -> String {
    let pairs = selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(",")
}

pub(super) fn deployment(object: &Deployment) -> Progress {
    let want = object.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = object.status.clone().unwrap_or_default();
    // Until the controller has seen the newest spec, its numbers are about an older one.
    let seen = status.observed_generation >= object.metadata.generation;
    let updated = status.updated_replicas.unwrap_or(0);
    let available = status.available_replicas.unwrap_or(0);
    let old = status.replicas.unwrap_or(0) > updated;
    let conditions = status.conditions.unwrap_or_default();
    let failure = conditions.iter().find(|one| one.type_ == "ReplicaFailure" && one.status == "True");
    Progress {
        failed: false,
        ready: seen && updated >= want && available >= want && !old,
        have: if old || !seen { available.min(updated) } else { available },
        want,
        reason: failure.and_then(|one| one.message.as_deref()).map(Reason::not_created),
        selector: object.spec.as_ref().map(|spec| labels(&spec.selector)).unwrap_or_default(),
    }
}

pub(super) fn stateful_set(object: &StatefulSet) -> Progress {
    let spec = object.spec.clone().unwrap_or_default();
    let want = spec.replicas.unwrap_or(1);
    let status = object.status.clone().unwrap_or_default();
    let seen = status.observed_generation >= object.metadata.generation;
    let ready = status.ready_replicas.unwrap_or(0);
    let by_hand = spec.update_strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("OnDelete");
    let updated =
        by_hand || status.update_revision == status.current_revision || status.updated_replicas.unwrap_or(0) >= want;
    Progress {
        failed: false,
        ready: seen && updated && ready >= want,
        have: ready,
        want,
        reason: None,
        selector: labels(&spec.selector),
    }
}

pub(super) fn daemon_set(object: &DaemonSet) -> Progress {
    let status = object.status.clone().unwrap_or_default();
    let seen = status.observed_generation >= object.metadata.generation;
    let by_hand = object
        .spec
        .as_ref()
        .and_then(|spec| spec.update_strategy.as_ref())
        .is_some_and(|strategy| strategy.type_.as_deref() == Some("OnDelete"));
    let want = status.desired_number_scheduled;
    let updated = by_hand || status.updated_number_scheduled.unwrap_or(0) >= want;
    Progress {
        failed: false,
        ready: seen && updated && status.number_ready >= want,
        have: status.number_ready,
        want,
        reason: None,
        selector: object.spec.as_ref().map(|spec| labels(&spec.selector)).unwrap_or_default(),
    }
}

pub(super) fn job(object: &Job) -> Progress {
    let spec = object.spec.clone().unwrap_or_default();
    let status = object.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let is = |kind: &str| conditions.iter().find(|one| one.type_ == kind && one.status == "True");
    let failed = is("Failed").map(|one| Reason::failing(one.message.as_deref().unwrap_or("it failed")));
    Progress {
        // A suspended job waits for somebody else.
        ready: is("Complete").is_some() || spec.suspend == Some(true),
        have: status.succeeded.unwrap_or(0),
        want: spec.completions.unwrap_or(1),
        failed: failed.is_some(),
        reason: failed,
        selector: spec.selector.as_ref().map(labels).unwrap_or_default(),
    }
}

/// Whether a Job runs no more, however it ended.
pub(super) fn has_ended(job: &Job) -> bool {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|one| ["Complete", "Failed"].contains(&one.type_.as_str()) && one.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_is_ready_when_the_newest_spec_runs() {
        let run = |status: serde_json::Value| {
            let object = json!({"metadata": {"generation": 2}, "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b", "c": "d"}}, "template": {}}, "status": status});
            deployment(&serde_json::from_value(object).unwrap())
        };
        let full = run(json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}));
        assert!(full.ready);
        assert_eq!((full.have, full.want, full.selector.as_str()), (2, 2, "a=b,c=d"));
        for status in [
            json!({}),
            json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}),
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}),
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}),
        ] {
            assert!(!run(status.clone()).ready, "{status}");
        }
        let quota = run(
            json!({"observedGeneration": 2, "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q"}]}),
        );
        assert_eq!(quota.reason.unwrap().text, "exceeded quota: q");
    }

    #[test]
    fn a_stateful_set_is_ready_when_all_pods_are_of_the_newest_revision() {
        let run = |strategy: &str, status: serde_json::Value| {
            let object = json!({"metadata": {"generation": 1}, "spec": {"replicas": 1, "serviceName": "s", "updateStrategy": {"type": strategy}, "selector": {}, "template": {}}, "status": status});
            stateful_set(&serde_json::from_value(object).unwrap()).ready
        };
        let rolling = json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 0, "currentRevision": "a", "updateRevision": "b"});
        assert!(!run("RollingUpdate", rolling.clone()));
        assert!(run("OnDelete", rolling));
        assert!(run(
            "RollingUpdate",
            json!({"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "a"})
        ));
        assert!(!run("RollingUpdate", json!({"replicas": 0})));
    }

    #[test]
    fn daemon_sets_and_jobs() {
        let set = |status: serde_json::Value| {
            let object =
                json!({"metadata": {"generation": 1}, "spec": {"selector": {}, "template": {}}, "status": status});
            daemon_set(&serde_json::from_value(object).unwrap()).ready
        };
        let numbers = |ready: i32| json!({"observedGeneration": 1, "currentNumberScheduled": 2, "desiredNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": ready, "updatedNumberScheduled": 2});
        assert!(set(numbers(2)) && !set(numbers(1)));
        let run = |status: serde_json::Value| {
            job(&serde_json::from_value(json!({"spec": {"template": {}}, "status": status})).unwrap())
        };
        assert!(run(json!({"conditions": [{"type": "Complete", "status": "True"}]})).ready);
        let failed = run(json!({"conditions": [{"type": "Failed", "status": "True", "message": "too often"}]}));
        assert!(!failed.ready && failed.reason.unwrap().failing);
    }
}
