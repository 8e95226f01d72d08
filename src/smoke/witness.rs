//! What the cluster knows about a failure: pods that are not ready, events, the ends of logs.

use ::kube::ResourceExt;
use k8s_openapi::api::core::v1::{Event as KubeEvent, Pod};

use super::USER;
use super::step::Step;
use crate::apply::why_not_ready;
use crate::kube::Cluster;

/// Lines of a log that are shown; more hides what matters.
const LINES: usize = 3;
/// Lines of a log that are looked at.
const TAIL: i64 = 60;
/// Marks of a line that tells of trouble.
const TELLING: [&str; 7] = ["error", "exception", "failed", "refused", "warn", "denied", "traceback"];

/// Who looks at the cluster for the reasons.
pub struct Witness {
    /// The cluster.
    pub cluster: Cluster,
    /// The hub's namespace.
    pub namespace: String,
    /// The gateway's.
    pub gateway_namespace: String,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Testimony {
    pub(super) step: Option<Step>,
    pub(super) why: Vec<String>,
    pub(super) fix: Vec<String>,
}

impl Witness {
    /// What the cluster knows; nothing where it may not be asked, which is no news about the hub.
    pub(super) async fn testify(&self, step: Step, dask_cluster: Option<&str>) -> Testimony {
        let mut found = Testimony::default();
        for (namespace, labels) in self.suspects(step, dask_cluster) {
            if let Ok(Some(reason)) = why_not_ready(&self.cluster, namespace, &labels).await {
                found.step = found.step.or_else(|| refined(step, &reason.text));
                found.why.push(reason.text);
                found.fix.extend(reason.hint);
            }
            found.why.extend(self.log(namespace, &labels).await);
        }
        if matches!(step, Step::Spawn | Step::Pull | Step::Volume) && found.why.is_empty() {
            // The hub removes the pod of a start that failed; its events stay.
            found.why.extend(self.events().await);
            found.step = found.why.iter().find_map(|line| refined(step, line));
        }
        found
    }

    /// The pods that a step depends on: namespace and labels.
    fn suspects<'a>(&'a self, step: Step, dask_cluster: Option<&'a str>) -> Vec<(&'a str, String)> {
        let hub = |component: &str| (self.namespace.as_str(), format!("component={component}"));
        let gateway = (self.gateway_namespace.as_str(), "app.kubernetes.io/name=dask-gateway".to_owned());
        match step {
            Step::Reach => vec![hub("proxy"), hub("hub")],
            Step::Token | Step::User | Step::LogIn => vec![hub("hub")],
            Step::Gateway | Step::GatewayAuth => vec![gateway],
            Step::Spawn | Step::Pull | Step::Volume | Step::Kernel | Step::Home => {
                vec![(self.namespace.as_str(), format!("hub.jupyter.org/username={USER}"))]
            }
            Step::Scheduler | Step::Workers | Step::Compute | Step::ScaleDown => match dask_cluster {
                Some(name) => {
                    let (namespace, name) = place(name, &self.gateway_namespace);
                    vec![(namespace, format!("gateway.dask.org/cluster={name}"))]
                }
                None => vec![gateway],
            },
            Step::SharedToken | Step::Import | Step::Versions | Step::CleanUp => Vec::new(),
        }
    }

    /// The telling lines at the end of the logs.
    async fn log(&self, namespace: &str, labels: &str) -> Vec<String> {
        let Ok(pods) = self.cluster.list::<Pod>(Some(namespace), labels).await else { return Vec::new() };
        let mut found = Vec::new();
        for pod in pods.iter().take(3) {
            let name = pod.name_any();
            let container = pod.spec.as_ref().and_then(|spec| spec.containers.first()).map(|one| one.name.as_str());
            let Ok(text) = self.cluster.log_tail(namespace, &name, container, TAIL).await else { continue };
            let lines: Vec<&str> = text.lines().filter(|line| is_telling(line)).collect();
            let lines = lines[lines.len().saturating_sub(LINES)..].iter();
            found.extend(lines.map(|line| format!("log of {name}: {}", line.trim())));
        }
        found
    }

    async fn events(&self) -> Vec<String> {
        let Ok(events) = self.cluster.list_by_field::<KubeEvent>(&self.namespace, "type=Warning").await else {
            return Vec::new();
        };
        let ours = |event: &&KubeEvent| {
            event.involved_object.name.as_deref().is_some_and(|name| name.starts_with(&format!("jupyter-{USER}")))
        };
        let mut lines: Vec<String> = events
            .iter()
            .filter(ours)
            .filter_map(|event| Some(format!("{}: {}", event.reason.as_deref()?, event.message.as_deref()?)))
            .collect();
        lines.dedup();
        lines.truncate(LINES);
        lines
    }
}

/// Where a Dask cluster's pods are, and how their label names it. The gateway says `NAMESPACE.NAME`.
fn place<'a>(cluster: &'a str, gateway: &'a str) -> (&'a str, &'a str) {
    cluster.rsplit_once('.').unwrap_or((gateway, cluster))
}

/// What exactly a server's start waits for.
fn refined(step: Step, why: &str) -> Option<Step> {
    if step != Step::Spawn {
        return None;
    }
    if why.contains("cannot be pulled") || why.contains("Failed to pull") {
        return Some(Step::Pull);
    }
    let of_volume = ["volume", "PersistentVolumeClaim", "FailedMount", "FailedAttachVolume"];
    of_volume.iter().any(|word| why.contains(word)).then_some(Step::Volume)
}

fn is_telling(line: &str) -> bool {
    let line = line.to_lowercase();
    TELLING.iter().any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_of_a_dask_cluster_are_labelled_without_its_namespace() {
        assert_eq!(place("dhub.df1ca36147f34cf8", "other"), ("dhub", "df1ca36147f34cf8"));
        assert_eq!(place("df1ca36147f34cf8", "dhub"), ("dhub", "df1ca36147f34cf8"));
    }
}
