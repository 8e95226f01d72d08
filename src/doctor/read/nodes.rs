//! Nodes, and what pods ask of them.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Node as KubeNode, Pod as KubePod};
use serde::Deserialize;

use super::look;
use crate::doctor::capacity::needs;
use crate::doctor::facts::{GPU, Look, Node, Room, Taint};
use crate::doctor::wanted::Wanted;
use crate::error::Result;
use crate::kube::{Cluster, Pick};
use crate::quantity::{milli, units};

/// Pods that hold room on a node: those that run or will.
const LIVING: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Nodes whose pods are read together, and how often, before it is dearer than to read all pods.
const AT_ONCE: usize = 6;
const TRIES: usize = 5;

type Quantities = BTreeMap<String, String>;

#[derive(Deserialize)]
struct NodeItem {
    metadata: NodeMeta,
    #[serde(default)]
    spec: NodeSpec,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Deserialize)]
struct NodeMeta {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeSpec {
    unschedulable: bool,
    taints: Vec<Taint>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeStatus {
    allocatable: Quantities,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

pub(super) async fn nodes(cluster: &Cluster) -> Result<Look<Vec<Node>>> {
    let nodes = cluster.pages::<KubeNode, NodeItem>(Pick::default()).await;
    look(nodes.map(|nodes| nodes.into_iter().map(node).collect()), cluster, "look at the nodes")
}

fn node(item: NodeItem) -> Node {
    let ready = item.status.conditions.iter().any(|one| one.kind == "Ready" && one.status == "True");
    let allocatable = item.status.allocatable;
    Node {
        name: item.metadata.name,
        labels: item.metadata.labels,
        taints: item.spec.taints,
        is_ready: ready && !item.spec.unschedulable,
        room: Room {
            pods: allocatable.get("pods").and_then(|pods| units(pods)).unwrap_or_default(),
            ..room(&allocatable)
        },
    }
}

fn room(quantities: &Quantities) -> Room {
    let of =
        |name: &str, read: fn(&str) -> Option<u128>| quantities.get(name).and_then(|one| read(one)).unwrap_or_default();
    Room { cpu: of("cpu", milli), memory: of("memory", units), gpus: of(GPU, units), pods: 0 }
}

#[derive(Deserialize)]
struct PodItem {
    spec: PodSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    #[serde(default)]
    containers: Vec<Container>,
    #[serde(default)]
    init_containers: Vec<Container>,
    #[serde(default)]
    overhead: Quantities,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default)]
    resources: Resources,
    /// `Always` for one that goes on beside the others.
    restart_policy: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Resources {
    requests: Quantities,
}

/// What pods ask of nodes: of the largest that would do, until there is room for each of the pods that
/// are to come. Only where there is none on any of those, all pods of the cluster are read.
pub(super) async fn used(
    cluster: &Cluster,
    wanted: &Wanted,
    nodes: &Look<Vec<Node>>,
) -> Result<Look<BTreeMap<String, Room>>> {
    let Some(nodes) = nodes.seen() else { return Ok(Look::NotAsked) };
    let mut used = BTreeMap::new();
    for need in needs(wanted) {
        let candidates = need.candidates(nodes);
        for some in candidates.chunks(AT_ONCE).take(TRIES) {
            let unseen = some.iter().filter(|node| !used.contains_key(&node.name));
            let read = try_join_all(unseen.map(|node| of_node(cluster, &node.name))).await?;
            for (name, room) in read {
                let Look::Seen(room) = room else { return Ok(Look::Refused) };
                used.insert(name, room);
            }
            if need.has_room(nodes, &used) {
                break;
            }
        }
        if candidates.len() > AT_ONCE * TRIES && !need.has_room(nodes, &used) {
            return all(cluster, nodes).await;
        }
    }
    Ok(Look::Seen(used))
}

async fn of_node(cluster: &Cluster, name: &str) -> Result<(String, Look<Room>)> {
    let fields = format!("spec.nodeName={name},{LIVING}");
    let pods = cluster.pages::<KubePod, PodItem>(Pick { fields: &fields, ..Pick::default() }).await;
    let room = pods.map(|pods| by_node(&pods).remove(name).unwrap_or_default());
    Ok((name.to_owned(), look(room, cluster, "look at the pods of a node")?))
}

async fn all(cluster: &Cluster, nodes: &[Node]) -> Result<Look<BTreeMap<String, Room>>> {
    let pods = cluster.pages::<KubePod, PodItem>(Pick { fields: LIVING, ..Pick::default() }).await;
    let empty = || nodes.iter().map(|node| (node.name.clone(), Room::default()));
    let used = pods.map(|pods| empty().chain(by_node(&pods)).collect());
    look(used, cluster, "look at the pods of all namespaces")
}

fn by_node(pods: &[PodItem]) -> BTreeMap<String, Room> {
    let mut used: BTreeMap<String, Room> = BTreeMap::new();
    for pod in pods {
        let Some(node) = &pod.spec.node_name else { continue };
        let sum = used.entry(node.clone()).or_default();
        *sum = sum.and(requests(&pod.spec));
    }
    used
}

/// What the scheduler counts: all containers together, or the greediest of those that run before
/// them, beside those that go on.
fn requests(spec: &PodSpec) -> Room {
    let (mut lasting, mut before) = (Room::default(), Room::default());
    for container in &spec.init_containers {
        let own = room(&container.resources.requests);
        if container.restart_policy.as_deref() == Some("Always") {
            lasting = lasting.and(own);
            before = before.at_least(lasting);
        } else {
            before = before.at_least(lasting.and(own));
        }
    }
    let all = spec.containers.iter().fold(lasting, |sum, one| sum.and(room(&one.resources.requests)));
    Room { pods: 1, ..all.at_least(before).and(room(&spec.overhead)) }
}

impl Room {
    fn and(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            memory: self.memory + other.memory,
            gpus: self.gpus + other.gpus,
            pods: self.pods + other.pods,
        }
    }

    fn at_least(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
            gpus: self.gpus.max(other.gpus),
            pods: self.pods.max(other.pods),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_are_counted_as_the_scheduler_does() {
        let asks = |cpu: &str, memory: &str| json!({"requests": {"cpu": cpu, "memory": memory}});
        let pod = |spec: serde_json::Value| serde_json::from_value::<PodItem>(json!({"spec": spec})).unwrap();
        let pods = [
            pod(
                json!({"nodeName": "a", "containers": [{"resources": asks("1", "1Gi")}, {"resources": asks("500m", "1Gi")},
                       {"resources": {"requests": {"nvidia.com/gpu": "1"}}}],
                       "initContainers": [{"resources": asks("2", "1Mi")}]}),
            ),
            pod(json!({"nodeName": "a", "containers": [{}], "overhead": {"cpu": "100m"},
                       "initContainers": [{"restartPolicy": "Always", "resources": asks("250m", "64Mi")}]})),
            pod(json!({"containers": [{"resources": asks("8", "8Gi")}]})),
        ];
        let used = by_node(&pods);
        assert_eq!(used.len(), 1, "a pod without a node holds no room");
        assert_eq!(used["a"], Room { cpu: 2350, memory: (2 << 30) + (64 << 20), gpus: 1, pods: 2 });
    }

    #[test]
    fn a_node_takes_pods_if_it_is_ready_and_not_closed() {
        let run = |spec: serde_json::Value, ready: &str| {
            let item = json!({"metadata": {"name": "n", "labels": {"a": "b"}}, "spec": spec, "status": {
                "allocatable": {"cpu": "3900m", "memory": "16Gi", "pods": "110", "nvidia.com/gpu": "2", "hugepages-1Gi": "0"},
                "conditions": [{"type": "Ready", "status": ready}]}});
            node(serde_json::from_value(item).unwrap())
        };
        let good = run(json!({}), "True");
        assert!(good.is_ready);
        assert_eq!(good.room, Room { cpu: 3900, memory: 16 << 30, gpus: 2, pods: 110 });
        assert!(!run(json!({"unschedulable": true}), "True").is_ready);
        assert!(!run(json!({"taints": [{"key": "k", "effect": "NoSchedule"}]}), "Unknown").is_ready);
    }
}
