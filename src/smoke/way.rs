//! From a Service of the cluster to a pod behind it that can be talked to.

use k8s_openapi::api::core::v1::{Pod, Service as KubeService};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::web::{Door, Forward};

/// How what is tested is reached.
#[derive(Debug, Clone)]
pub enum Way {
    /// By its address.
    Url(Door),
    /// Through the API server.
    Service(Service),
}

/// Services of which the first that is there leads to it.
#[derive(Debug, Clone)]
pub struct Service {
    /// The cluster.
    pub cluster: Cluster,
    /// Their namespace.
    pub namespace: String,
    /// Their names.
    pub names: Vec<String>,
}

impl Way {
    /// The door at the end of the way.
    pub(super) async fn door(&self) -> Result<Door> {
        match self {
            Self::Url(door) => Ok(door.clone()),
            Self::Service(service) => service.door().await,
        }
    }

    /// What people know it by.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Url(door) => door.label().to_owned(),
            Self::Service(service) => service.label(service.names.last().map_or("", String::as_str)),
        }
    }
}

impl Service {
    fn label(&self, name: &str) -> String {
        format!("service/{name} in {}", self.namespace)
    }

    async fn door(&self) -> Result<Door> {
        let namespace = Some(self.namespace.as_str());
        for name in &self.names {
            let doing = format!("look at the Service {name} in {}", self.namespace);
            let failed = |error: ::kube::Error| denied(&error, &self.cluster.server, &doing);
            let Some(service) = self.cluster.get::<KubeService>(namespace, name).await.map_err(failed)? else {
                continue;
            };
            let labels = selector(&service);
            let pods = self.cluster.list::<Pod>(namespace, &labels).await.map_err(failed)?;
            let found = pods.iter().filter(|pod| is_ready(pod)).find_map(|pod| Some((pod, port(&service, pod)?)));
            let Some((pod, port)) = found.filter(|_| !labels.is_empty()) else {
                return Err(Error::user(format!("no pod behind {} is ready", self.label(name)))
                    .hint(format!("kubectl get pods -l {labels} -n {}", self.namespace)));
            };
            return Ok(Door::to_pod(Forward {
                cluster: self.cluster.clone(),
                namespace: self.namespace.clone(),
                pod: pod.metadata.name.clone().unwrap_or_default(),
                port,
                label: self.label(name),
            }));
        }
        Err(Error::user(format!("there is no {}", self.label(self.names.last().map_or("", String::as_str))))
            .hint("is it installed there? helm list --all-namespaces")
            .hint("or give its address: --url"))
    }
}

fn selector(service: &KubeService) -> String {
    let labels = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    labels.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// The port of the pod that the Service's port for the web leads to.
fn port(service: &KubeService, pod: &Pod) -> Option<u16> {
    let ports = service.spec.as_ref()?.ports.as_deref()?;
    let wanted = ports.iter().find(|port| port.name.as_deref() == Some("http")).or_else(|| ports.first())?;
    let number = match wanted.target_port.as_ref() {
        None => wanted.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => {
            let containers = pod.spec.as_ref()?.containers.iter();
            let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
            ports.find(|port| port.name.as_deref() == Some(name))?.container_port
        }
    };
    u16::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_port_of_the_pod_is_found_by_number_and_by_name() {
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": [
            {"name": "a"}, {"name": "chp", "ports": [{"name": "api", "containerPort": 8001}, {"name": "http", "containerPort": 8000}]}]}}))
        .unwrap();
        let service = |target: serde_json::Value| -> KubeService {
            let mut port = json!({"name": "http", "port": 80});
            if !target.is_null() {
                port["targetPort"] = target;
            }
            serde_json::from_value(json!({"spec": {"ports": [{"name": "other", "port": 9}, port]}})).unwrap()
        };
        assert_eq!(port(&service(json!("http")), &pod), Some(8000));
        assert_eq!(port(&service(json!(8123)), &pod), Some(8123));
        assert_eq!(port(&service(json!(null)), &pod), Some(80));
        assert_eq!(port(&service(json!("none")), &pod), None);
    }
}
