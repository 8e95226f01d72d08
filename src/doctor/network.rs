//! Whether NetworkPolicies are enforced: no API tells, but the network plugin does.

use super::facts::Facts;
use super::finding::{Finding, Verdict};

/// DaemonSets of plugins that enforce NetworkPolicies.
const ENFORCE: [(&str, &str); 12] = [
    ("calico-node", "Calico"),
    ("canal", "Canal"),
    ("cilium", "Cilium"),
    ("anetd", "Cilium (GKE)"),
    ("antrea-agent", "Antrea"),
    ("ovnkube-node", "OVN-Kubernetes"),
    ("ovs-ovn", "Kube-OVN"),
    ("kube-ovn-cni", "Kube-OVN"),
    ("weave-net", "Weave Net"),
    ("kube-router", "kube-router"),
    ("azure-npm", "Azure Network Policy Manager"),
    ("kube-network-policies", "kube-network-policies"),
];
/// DaemonSets of plugins that do not, by themselves.
const DO_NOT: [(&str, &str); 3] =
    [("kube-flannel", "Flannel"), ("kube-flannel-ds", "Flannel"), ("kube-flannel-ds-amd64", "Flannel")];

const MATTERS: &str = "they keep users' servers from the cluster's insides and from each other";

pub(super) fn check(facts: &Facts) -> Verdict {
    let means = "whether NetworkPolicies are enforced is not known";
    let sets = match Verdict::about(&facts.daemon_sets, "the DaemonSets of the cluster", means) {
        Ok(sets) => sets,
        Err(verdict) => return verdict,
    };
    let known = |known: &'static [(&str, &str)]| {
        sets.iter().find_map(|(namespace, name)| {
            let (_, plugin) = known.iter().find(|(set, _)| set == name)?;
            Some((*plugin, namespace))
        })
    };
    // K3s has its own, within the kubelet.
    if facts.kubernetes.contains("+k3s") || facts.kubernetes.contains("+rke2") {
        return Verdict::of("NetworkPolicies are enforced by the distribution's own controller");
    }
    if let Some((plugin, namespace)) = known(&ENFORCE) {
        return Verdict::of(format!("NetworkPolicies are enforced by {plugin} ({namespace})"));
    }
    let mut verdict = Verdict::default();
    verdict.findings.push(match known(&DO_NOT) {
        Some((plugin, namespace)) => Finding::warning(
            "network-policy-not-enforced",
            format!("the network is {plugin}'s ({namespace}), which ignores NetworkPolicies"),
        )
        .because(format!("{MATTERS}; they are accepted and do nothing"))
        .fix("make the cluster with another network driver (with Magnum: --network-driver calico)"),
        None => Finding::info("network-policy-unknown", "no network plugin that we know was seen")
            .because(format!("whether NetworkPolicies are enforced is not known; {MATTERS}"))
            .fix("kubectl get daemonsets -A"),
    });
    verdict
}
