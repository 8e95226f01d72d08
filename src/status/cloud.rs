//! What to ask the cloud's support for, in the words that they need to find the load balancer. Pure.

use k8s_openapi::api::core::v1::Service;

/// Annotations of cloud-provider-openstack.
const OCTAVIA: &str = "loadbalancer.openstack.org/";

/// The request, line by line; without what nobody knows.
pub fn request(service: &Service, cluster: &str) -> Vec<String> {
    let spec = service.spec.clone().unwrap_or_default();
    let meta = &service.metadata;
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or("?"), meta.name.as_deref().unwrap_or("?"));
    let note = |key: &str| meta.annotations.as_ref()?.get(&format!("{OCTAVIA}{key}")).cloned();
    let ports: Vec<_> = spec
        .ports
        .iter()
        .flatten()
        .map(|port| format!("{} {}", port.protocol.as_deref().unwrap_or("TCP"), port.port))
        .collect();
    let sources = spec.load_balancer_source_ranges.unwrap_or_default();
    let has = service.status.as_ref().and_then(|status| status.load_balancer.as_ref()?.ingress.as_ref()?.first());
    let address = has.and_then(|one| one.ip.clone().or_else(|| one.hostname.clone())).or(spec.load_balancer_ip);
    let mut lines = vec![
        "We run JupyterHub on a Kubernetes cluster in our project,".to_owned(),
        "and need an external address for it.".to_owned(),
        format!("  address        {}", address.unwrap_or_else(|| "none yet: please give us a floating IP".to_owned())),
        format!("  ports          {}, inbound", ports.join(", ")),
        format!("  from           {}", if sources.is_empty() { "anywhere".to_owned() } else { sources.join(", ") }),
        format!("  cluster        {cluster}"),
        "  project        (yours: openstack token issue -c project_id -f value)".to_owned(),
    ];
    let known = [
        ("load balancer", note("load-balancer-id")),
        ("its address", note("load-balancer-address")),
        ("network", note("floating-network-id")),
        ("Service UID", meta.uid.clone()),
    ];
    lines.extend(known.into_iter().filter_map(|(what, value)| Some(format!("  {what:<14} {}", value?))));
    lines.push(format!("  named          kube_service_CLUSTER_{namespace}_{name}, where there is a load balancer"));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_known_is_asked_for_and_nothing_is_made_up() {
        let service = json!({
            "metadata": {"name": "proxy-public", "namespace": "dhub", "uid": "u-1",
                "annotations": {"loadbalancer.openstack.org/load-balancer-id": "lb-1", "other": "x"}},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80, "protocol": "TCP"}, {"port": 443}]},
        });
        let text = request(&serde_json::from_value(service).unwrap(), "c").join("\n");
        for shown in [
            "TCP 80, TCP 443",
            "load balancer  lb-1",
            "Service UID    u-1",
            "from           anywhere",
            "address        none yet",
            "kube_service_CLUSTER_dhub_proxy-public",
        ] {
            assert!(text.contains(shown), "no {shown:?} in {text}");
        }
        assert!(!text.contains("network ") && !text.contains("other"), "{text}");
    }
}
