//! The backups of the hub's database: when the last one succeeded, and whether they go on failing.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Serialize;

use super::allowed;
use crate::error::Result;
use crate::kube::Cluster;

/// The label of the `CronJob` that our `PostgreSQL` chart makes (`charts/postgresql`, `backup.yaml`).
const LABEL: &str = "app.kubernetes.io/name=postgresql-backup";

/// Backups by one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backups {
    /// The `CronJob`.
    pub name: String,
    /// When they are made, as cron says it, in UTC.
    pub schedule: String,
    /// When the last one that succeeded was done.
    pub last_succeeded: Option<Timestamp>,
    /// How they go.
    pub state: BackupState,
}

/// How backups go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupState {
    /// None was due yet.
    NotYet,
    /// One is being made.
    Running,
    /// The last one succeeded.
    Succeeded,
    /// The last one failed.
    Failed,
    /// Somebody has suspended them.
    Suspended,
}

/// Looks at them; none where they may not be looked at.
pub(super) async fn look(cluster: &Cluster, namespace: &str) -> Result<Option<Vec<Backups>>> {
    let found = cluster.list::<CronJob>(Some(namespace), LABEL).await;
    let found = allowed(found, cluster, &format!("list the CronJobs in {namespace}"))?;
    Ok(found.map(|jobs| jobs.into_iter().map(of).collect()))
}

fn of(job: CronJob) -> Backups {
    let (spec, status) = (job.spec.unwrap_or_default(), job.status.unwrap_or_default());
    let at = |time: Option<Time>| time.map(|time| time.0);
    let (begun, last_succeeded) = (at(status.last_schedule_time), at(status.last_successful_time));
    let state = match begun {
        _ if status.active.is_some_and(|active| !active.is_empty()) => BackupState::Running,
        _ if spec.suspend == Some(true) => BackupState::Suspended,
        None => BackupState::NotYet,
        Some(begun) if last_succeeded.is_some_and(|succeeded| succeeded >= begun) => BackupState::Succeeded,
        Some(_) => BackupState::Failed,
    };
    Backups { name: job.metadata.name.unwrap_or_default(), schedule: spec.schedule, last_succeeded, state }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_one_tells() {
        let state = |status: serde_json::Value, suspend: bool| {
            let spec = json!({"schedule": "15 2 * * *", "suspend": suspend, "jobTemplate": {}});
            of(serde_json::from_value(json!({"metadata": {"name": "b"}, "spec": spec, "status": status})).unwrap())
                .state
        };
        let (noon, later) = ("2026-11-22T12:00:00Z", "2026-11-22T12:01:00Z");
        assert_eq!(state(json!({}), false), BackupState::NotYet);
        assert_eq!(state(json!({"lastScheduleTime": noon}), false), BackupState::Failed);
        assert_eq!(state(json!({"lastScheduleTime": noon, "active": [{"name": "b-1"}]}), false), BackupState::Running);
        let done = json!({"lastScheduleTime": noon, "lastSuccessfulTime": later});
        assert_eq!(state(done.clone(), false), BackupState::Succeeded);
        assert_eq!(state(done, true), BackupState::Suspended);
        let old = json!({"lastScheduleTime": later, "lastSuccessfulTime": noon});
        assert_eq!(state(old, false), BackupState::Failed);
    }
}
