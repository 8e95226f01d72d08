//! Where people reach the hub: the address of its public Service, as far as there is one.

use std::fmt;

use ::kube::Error as KubeError;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as KubeEvent, Service, ServicePort};
use serde::Serialize;

use super::trouble::when;
use crate::kube::Cluster;

/// Where people reach the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Address {
    /// It can be opened.
    Url {
        /// The URL.
        url: String,
    },
    /// The cloud has given no address yet.
    Pending {
        /// The Service.
        service: String,
        /// Its namespace.
        namespace: String,
        /// What the cloud says, if it says anything.
        why: Option<String>,
        /// Since when the Service waits for it.
        since: Option<Timestamp>,
    },
    /// A port of every node.
    NodePort {
        /// The port.
        port: i32,
    },
    /// Through `kubectl` only.
    Forward {
        /// Where it is while the command runs.
        url: String,
        /// The command.
        command: String,
    },
    /// There is no such Service.
    Missing {
        /// The Service.
        service: String,
    },
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { url } => f.write_str(url),
            Self::Pending { namespace, .. } => write!(f, "<pending>; see: helm iris ip -n {namespace}"),
            Self::NodePort { port } => write!(f, "port {port} of any node (kubectl get nodes -o wide)"),
            Self::Forward { url, command } => write!(f, "{url} while this runs: {command}"),
            Self::Missing { service } => write!(f, "none: there is no Service {service}"),
        }
    }
}

/// Looks at the public Service.
///
/// # Errors
/// When it may not be read.
pub async fn public_address(cluster: &Cluster, namespace: &str, name: &str) -> Result<Address, KubeError> {
    let Some(service) = cluster.get::<Service>(Some(namespace), name).await? else {
        return Ok(Address::Missing { service: name.to_owned() });
    };
    let address = of_service(&service, namespace, name);
    match address {
        Address::Pending { service, namespace, why, since } => {
            let why = cloud_says(cluster, &namespace, &service).await.or(why);
            Ok(Address::Pending { service, namespace, why, since })
        }
        known => Ok(known),
    }
}

fn of_service(service: &Service, namespace: &str, name: &str) -> Address {
    let spec = service.spec.clone().unwrap_or_default();
    let ports = spec.ports.unwrap_or_default();
    let port = web_port(&ports);
    match spec.type_.as_deref() {
        Some("LoadBalancer") => {
            let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
            let ingress = balancer.and_then(|balancer| balancer.ingress.as_ref()?.first().cloned());
            match ingress.and_then(|ingress| ingress.hostname.or(ingress.ip)) {
                Some(host) => Address::Url { url: url(&host, port) },
                None => Address::Pending {
                    service: name.to_owned(),
                    namespace: namespace.to_owned(),
                    why: condition(service),
                    since: service.metadata.creation_timestamp.as_ref().map(|time| time.0),
                },
            }
        }
        Some("NodePort") if port.and_then(|port| port.node_port).is_some() => {
            Address::NodePort { port: port.and_then(|port| port.node_port).unwrap_or_default() }
        }
        _ => {
            let scheme = if is_secure(port) { "https" } else { "http" };
            let port = port.map_or(80, |port| port.port);
            Address::Forward {
                url: format!("{scheme}://localhost:8080"),
                command: format!("kubectl port-forward service/{name} 8080:{port} -n {namespace}"),
            }
        }
    }
}

/// What the Service's own conditions say about its load balancer.
fn condition(service: &Service) -> Option<String> {
    let conditions = service.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|one| !one.message.is_empty()).map(|one| format!("{}: {}", one.reason, one.message))
}

/// The port of the web: `https` where there is one, else `http`, else the first.
fn web_port(ports: &[ServicePort]) -> Option<&ServicePort> {
    let named = |name: &str| ports.iter().find(|port| port.name.as_deref() == Some(name));
    named("https").or_else(|| named("http")).or_else(|| ports.first())
}

fn is_secure(port: Option<&ServicePort>) -> bool {
    port.is_some_and(|port| port.name.as_deref() == Some("https") || port.port == 443)
}

fn url(host: &str, port: Option<&ServicePort>) -> String {
    let (scheme, usual) = if is_secure(port) { ("https", 443) } else { ("http", 80) };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match port.map(|port| port.port).filter(|port| *port != usual) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// The newest warning about the Service; that there may be none to see is no error.
async fn cloud_says(cluster: &Cluster, namespace: &str, service: &str) -> Option<String> {
    let fields = format!("involvedObject.kind=Service,involvedObject.name={service},type=Warning");
    let events = cluster.list_by_field::<KubeEvent>(namespace, &fields).await.ok()?;
    events.into_iter().max_by_key(when).and_then(|event| event.message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(service: serde_json::Value) -> String {
        of_service(&serde_json::from_value(service).unwrap(), "dhub", "proxy-public").to_string()
    }

    #[test]
    fn every_kind_of_service() {
        let spec = |kind: &str| json!({"type": kind, "ports": [{"name": "http", "port": 80, "nodePort": 31000}]});
        let ip = |ip: &str| json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
        assert_eq!(run(json!({"spec": spec("LoadBalancer"), "status": ip("192.0.2.7")})), "http://192.0.2.7");
        assert_eq!(run(json!({"spec": spec("LoadBalancer"), "status": ip("2001:db8::1")})), "http://[2001:db8::1]");
        let https =
            json!({"type": "LoadBalancer", "ports": [{"name": "http", "port": 80}, {"name": "https", "port": 443}]});
        assert_eq!(
            run(
                json!({"spec": https.clone(), "status": {"loadBalancer": {"ingress": [{"hostname": "hub.example.org"}]}}})
            ),
            "https://hub.example.org"
        );
        assert!(run(json!({"spec": spec("LoadBalancer")})).starts_with("<pending>"));
        assert!(run(json!({"spec": spec("NodePort")})).starts_with("port 31000 of any node"));
        let forwarded = |scheme: &str, port: u16| {
            format!(
                "{scheme}://localhost:8080 while this runs: kubectl port-forward service/proxy-public 8080:{port} -n dhub"
            )
        };
        assert_eq!(run(json!({"spec": spec("ClusterIP")})), forwarded("http", 80));
        let mut inside = https;
        inside["type"] = json!("ClusterIP");
        assert_eq!(run(json!({"spec": inside})), forwarded("https", 443));
    }
}
