//! Nodes against what one user's server and one Dask worker need.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::{Facts, GPU, Node, Room, Taint};
use super::finding::{Finding, Verdict};
use super::wanted::Wanted;
use super::worker_sizes::{WorkerSize, worker_sizes};
use crate::quantity::{cores, count, hub_bytes, shown_bytes, shown_cores};
use crate::sizes::{DASK_POD, SERVER_MEMORY};

/// What z2jh lets user servers bear, whatever the values say.
const USER_TAINTS: [&str; 2] = ["hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated"];

/// A pod that must find a node.
pub(super) struct Need<'w> {
    what: String,
    setting: &'static str,
    room: Room,
    labels: BTreeMap<String, String>,
    tolerations: Vec<&'w Value>,
    bears: &'static [&'static str],
}

pub(super) fn check(facts: &Facts, wanted: &Wanted) -> Verdict {
    let means = "whether a user's server finds room is not known";
    let nodes = match Verdict::about(&facts.nodes, "the nodes", means) {
        Ok(nodes) => nodes,
        Err(verdict) => return verdict,
    };
    let ready = nodes.iter().filter(|node| node.is_ready).count();
    let mut words = Vec::new();
    let mut verdict = Verdict::default();
    if ready == 0 {
        verdict.findings.push(
            Finding::fatal("no-ready-node", format!("none of {} nodes is ready and takes pods", nodes.len()))
                .because("nothing can run")
                .fix("kubectl get nodes")
                .fix("kubectl describe nodes"),
        );
        return verdict;
    }
    if facts.used.is_refused() {
        let means = "how much of the nodes is in use is not known";
        verdict.findings.push(Finding::could_not_look("the pods of all namespaces", means));
    }
    for need in needs(wanted) {
        match of(&need, nodes, facts.used.seen()) {
            Some(finding) => verdict.findings.push(finding),
            None => words.push(format!("a {}", need.what)),
        }
    }
    let room = match facts.used.seen() {
        Some(_) if !words.is_empty() => format!("; room for {} now", words.join(" or ")),
        _ => String::new(),
    };
    verdict.summary = format!("{ready} of {} nodes ready{room}", nodes.len());
    verdict
}

/// The pods that must find a node.
pub(super) fn needs(wanted: &Wanted) -> Vec<Need<'_>> {
    let mut needs = Vec::new();
    if wanted.value("jupyterhub", "/singleuser").is_some() {
        let get = |path: &str| wanted.value("jupyterhub", &format!("/singleuser{path}"));
        let default = Value::String(SERVER_MEMORY.to_owned());
        let mut labels = strings(get("/nodeSelector"));
        let purpose = "/scheduling/userPods/nodeAffinity/matchNodePurpose";
        if wanted.value("jupyterhub", purpose).and_then(Value::as_str) == Some("require") {
            labels.insert("hub.jupyter.org/node-purpose".to_owned(), "user".to_owned());
        }
        let tolerations = list(get("/extraTolerations"));
        let sizes = list(get("/profileList"));
        let mut need = |what: String, setting, cpu: Option<&Value>, memory: Option<&Value>, gpus| {
            needs.push(Need {
                what,
                setting,
                room: Room {
                    cpu: cpu.and_then(cores).unwrap_or_default(),
                    memory: memory.and_then(hub_bytes).unwrap_or_default(),
                    gpus,
                    pods: 1,
                },
                labels: labels.clone(),
                tolerations: tolerations.clone(),
                bears: &USER_TAINTS,
            });
        };
        let memory = get("/memory/guarantee").unwrap_or(&default);
        let (reserved, most) = (get("/extraResource/guarantees"), get("/extraResource/limits"));
        if sizes.is_empty() {
            need("user server".to_owned(), "users", get("/cpu/guarantee"), Some(memory), gpus(reserved, most));
        }
        for size in sizes {
            let name = size["display_name"].as_str().unwrap_or_default();
            let asks = |key: &str| size["kubespawner_override"].get(key).filter(|value| !value.is_null());
            let (cpu, own) = (asks("cpu_guarantee").or(get("/cpu/guarantee")), asks("mem_guarantee").unwrap_or(memory));
            let reserved = asks("extra_resource_guarantees").or(reserved);
            let gpus = gpus(reserved, asks("extra_resource_limits").or(most));
            need(format!("user server of size {name}"), "users.sizes", cpu, Some(own), gpus);
        }
    }
    if wanted.value("dask-gateway", "/gateway/backend").is_some() {
        let get = |path: &str| wanted.value("dask-gateway", &format!("/gateway/backend/worker{path}"));
        let default = (Value::from(DASK_POD.0), Value::String(DASK_POD.1.to_owned()));
        let (requests, limits) =
            (get("/extraContainerConfig/resources/requests"), get("/extraContainerConfig/resources/limits"));
        let mut need = |what: String, setting, cpu: &Value, memory: &Value, gpus| {
            needs.push(Need {
                what,
                setting,
                room: Room {
                    cpu: cores(cpu).unwrap_or_default(),
                    memory: hub_bytes(memory).unwrap_or_default(),
                    gpus,
                    pods: 1,
                },
                labels: strings(get("/extraPodConfig/nodeSelector")),
                tolerations: list(get("/extraPodConfig/tolerations")),
                bears: &[],
            });
        };
        let python = wanted.value("dask-gateway", "/gateway/extraConfig/helm-iris").and_then(Value::as_str);
        let sizes = worker_sizes(python.unwrap_or_default());
        if sizes.is_empty() {
            let (cpu, memory) = (get("/cores/request"), get("/memory/request"));
            let (cpu, memory) = (cpu.unwrap_or(&default.0), memory.unwrap_or(&default.1));
            need("Dask worker".to_owned(), "dask.worker", cpu, memory, gpus(requests, limits));
        }
        for WorkerSize { name, cores, memory, gpus } in sizes {
            let gpus = count(&gpus).unwrap_or_default();
            need(format!("Dask worker of size {name}"), "dask.sizes", &cores, &memory, gpus);
        }
    }
    needs
}

/// The GPUs of what is set aside, or else of the limit, which Kubernetes takes for both.
fn gpus(requests: Option<&Value>, limits: Option<&Value>) -> u128 {
    let of = |map: Option<&Value>| map?.get(GPU).and_then(count);
    of(requests).or_else(|| of(limits)).unwrap_or_default()
}

fn strings(map: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = map.and_then(Value::as_object).into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn list(list: Option<&Value>) -> Vec<&Value> {
    list.and_then(Value::as_array).into_iter().flatten().collect()
}

/// What is wrong with the nodes for such a pod.
fn of(need: &Need<'_>, nodes: &[Node], used: Option<&BTreeMap<String, Room>>) -> Option<Finding> {
    let asks = shown(need.room);
    let Need { what, setting, .. } = need;
    let willing: Vec<&Node> = nodes.iter().filter(|node| need.may_run_on(node)).collect();
    if willing.is_empty() {
        let labels: Vec<String> = need.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let wants = if labels.is_empty() { String::new() } else { format!(" (it needs {})", labels.join(", ")) };
        let finding = Finding::warning("no-matching-node", format!("no ready node takes a {what}{wants}"))
            .because("by its labels or taints; unless an autoscaler makes one that does, it stays Pending")
            .fix("kubectl describe nodes   # under: Labels, Taints")
            .fix("then see `scheduling` in the site file");
        return Some(finding);
    }
    let most = willing.iter().map(|node| node.room.gpus).max().unwrap_or_default();
    if need.room.gpus > most {
        let has = if most == 0 { "has any".to_owned() } else { format!("has more than {most}") };
        let seen = format!("a {what} asks for {}, and no ready node that takes it {has}", shown_gpus(need.room.gpus));
        let finding = Finding::warning("too-few-gpus", seen)
            .because("unless an autoscaler adds a node with them, it never starts; a node tells of its GPUs once NVIDIA's device plugin runs on it")
            .fix(format!("kubectl describe nodes   # under: Allocatable, {GPU}"))
            .fix(format!("or ask for fewer `gpus` in the site file: {setting}"));
        return Some(finding);
    }
    if !willing.iter().any(|node| need.fits(node.room)) {
        let having = willing.iter().map(|node| node.room).filter(|room| room.gpus >= need.room.gpus);
        let most = having.max_by_key(|room| (room.memory, room.cpu)).unwrap_or_default();
        let seen = format!("a {what} asks for {asks}, and the largest node has {}", shown(most));
        let finding = Finding::warning("node-too-small", seen)
            .because("unless an autoscaler adds a larger one, it never starts, however empty the cluster is")
            .fix(format!("ask for less memory or CPU in the site file: {setting}"))
            .fix("or add larger nodes: openstack coe nodegroup create CLUSTER NAME --flavor FLAVOR");
        return Some(finding);
    }
    let used = used?;
    (!need.has_room(nodes, used)).then(|| {
        Finding::warning("no-room", format!("no node has room for a {what} now: it asks for {asks}"))
            .because("it stays Pending until something else ends, or a node is added")
            .fix("kubectl describe nodes   # under: Allocated resources")
            .fix("openstack coe cluster resize CLUSTER NODES")
    })
}

fn shown(room: Room) -> String {
    let (cpu, memory) = (shown_cores(room.cpu), shown_bytes(room.memory));
    if room.gpus == 0 {
        return format!("{cpu} CPU and {memory}");
    }
    format!("{cpu} CPU, {memory} and {}", shown_gpus(room.gpus))
}

fn shown_gpus(gpus: u128) -> String {
    if gpus == 1 { "1 GPU".to_owned() } else { format!("{gpus} GPUs") }
}

impl Need<'_> {
    /// The nodes that could take it if they were empty, the largest first: there the room is looked for.
    pub(super) fn candidates<'n>(&self, nodes: &'n [Node]) -> Vec<&'n Node> {
        let mut fitting: Vec<&Node> =
            nodes.iter().filter(|node| self.may_run_on(node) && self.fits(node.room)).collect();
        fitting.sort_by_key(|node| std::cmp::Reverse((node.room.memory, node.room.cpu)));
        fitting
    }

    /// Whether one of the nodes that were looked at has room for it now.
    pub(super) fn has_room(&self, nodes: &[Node], used: &BTreeMap<String, Room>) -> bool {
        self.candidates(nodes)
            .iter()
            .any(|node| used.get(&node.name).is_some_and(|used| self.fits(node.room.less(*used))))
    }

    fn fits(&self, room: Room) -> bool {
        let Room { cpu, memory, gpus, pods } = self.room;
        cpu <= room.cpu && memory <= room.memory && gpus <= room.gpus && pods <= room.pods
    }

    fn may_run_on(&self, node: &Node) -> bool {
        if !node.is_ready {
            return false;
        }
        let labelled = self.labels.iter().all(|(key, value)| node.labels.get(key) == Some(value));
        labelled && node.taints.iter().filter(|taint| taint.effect != "PreferNoSchedule").all(|taint| self.bears(taint))
    }

    fn bears(&self, taint: &Taint) -> bool {
        let own = self.bears.contains(&taint.key.as_str()) && taint.value == "user" && taint.effect == "NoSchedule";
        own || self.tolerations.iter().any(|toleration| tolerates(toleration, taint))
    }
}

fn tolerates(toleration: &Value, taint: &Taint) -> bool {
    let text = |key: &str| toleration.get(key).and_then(Value::as_str).unwrap_or_default();
    let exists = text("operator") == "Exists";
    let key = text("key") == taint.key || exists && text("key").is_empty();
    let effect = text("effect").is_empty() || text("effect") == taint.effect;
    key && effect && (exists || text("value") == taint.value)
}

impl Room {
    fn less(self, used: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(used.cpu),
            memory: self.memory.saturating_sub(used.memory),
            gpus: self.gpus.saturating_sub(used.gpus),
            pods: self.pods.saturating_sub(used.pods),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bundle::tests::release;
    use crate::doctor::wanted::WantedRelease;

    #[test]
    fn a_server_of_each_size_must_find_a_node() {
        let size = |name: &str, asks: Value| json!({"display_name": name, "kubespawner_override": asks});
        let sizes =
            json!([size("Small", json!({"mem_guarantee": null})), size("Large", json!({"mem_guarantee": "8G"}))]);
        let user = json!({"cpu": {"guarantee": 0.5}, "memory": {"guarantee": "2G"}, "profileList": sizes});
        let hub = WantedRelease::new(&release("jupyterhub"), json!({"singleuser": user}), None);
        let wanted = Wanted { releases: vec![hub], ..Wanted::default() };
        let found: Vec<_> =
            needs(&wanted).into_iter().map(|need| (need.what, need.room.cpu, need.room.memory)).collect();
        let size = |name: &str, gib: u128| (format!("user server of size {name}"), 500, gib << 30);
        assert_eq!(found, [size("Small", 2), size("Large", 8)]);
    }

    #[test]
    fn gpus_are_of_nodes_that_have_as_many_and_have_them_free() {
        let asks = json!({"extra_resource_limits": {GPU: 2}, "mem_guarantee": "1G"});
        let sizes = json!([{"display_name": "g", "kubespawner_override": asks}]);
        let hub = WantedRelease::new(&release("jupyterhub"), json!({"singleuser": {"profileList": sizes}}), None);
        let wanted = Wanted { releases: vec![hub], ..Wanted::default() };
        let run = |gpus: u128, used: u128| {
            let room = |gpus| Room { cpu: 8000, memory: 64 << 30, gpus, pods: 9 };
            let node = Node { name: "a".into(), is_ready: true, room: room(gpus), ..Node::default() };
            let used = BTreeMap::from([("a".to_owned(), Room { gpus: used, ..Room::default() })]);
            of(&needs(&wanted)[0], &[node], Some(&used)).map(|finding| (finding.id, finding.seen))
        };
        let found = |id: &'static str, words: &str, (gpus, used)| {
            let Some((given, seen)) = run(gpus, used) else { panic!("{gpus} {used}") };
            assert!(given == id && seen.contains(words), "{given}: {seen}");
        };
        found("too-few-gpus", "asks for 2 GPUs, and no ready node that takes it has any", (0, 0));
        found("too-few-gpus", "has more than 1", (1, 0));
        found("no-room", "1 GiB and 2 GPUs", (2, 1));
        assert_eq!(run(2, 0), None);
    }
}
