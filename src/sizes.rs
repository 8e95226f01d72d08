//! How much users and Dask ask for, whether a node has it, and what many users need of a cloud. Pure.

use crate::quantity::hub_size;
use crate::settings::{Cpu, Dask, DaskPod, Memory, Nodes, Settings, UserSize, Users, WorkerSize};

/// What z2jh sets aside for a server where nothing is said (its values, `singleuser.memory.guarantee`).
pub const SERVER_MEMORY: &str = "1G";
/// What Dask Gateway gives a worker or a scheduler where nothing is said: cores and memory (`ClusterConfig`).
pub const DASK_POD: (u32, &str) = (1, "2G");

/// An amount of a node: cores, and memory in GiB.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Amount {
    /// Cores.
    pub cpu: f64,
    /// Memory in GiB.
    pub memory: f64,
}

impl Amount {
    fn times(self, count: f64) -> Self {
        Self { cpu: self.cpu * count, memory: self.memory * count }
    }

    fn plus(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
}

/// A size as JupyterHub and Dask Gateway write it, in GiB: `512M` is 0.5.
#[expect(clippy::cast_precision_loss, reason = "sizes for people are rounded")]
pub fn gib(size: &str) -> Option<f64> {
    Some(hub_size(size)? as f64 / f64::from(1_u32 << 30))
}

/// What is set aside for a user's server.
fn guaranteed(cpu: &Cpu, memory: &Memory) -> Amount {
    let memory = memory.guarantee.as_deref().unwrap_or(SERVER_MEMORY);
    Amount {
        cpu: cpu.guarantee.as_ref().and_then(serde_json::Number::as_f64).unwrap_or_default(),
        memory: gib(memory).unwrap_or_default(),
    }
}

/// The users' settings with each size complete, and one of them the default.
pub fn filled_users(users: &Users) -> Users {
    let mut filled = users.clone();
    let default = users.sizes.iter().position(|size| size.default == Some(true)).unwrap_or_default();
    for (index, size) in filled.sizes.iter_mut().enumerate() {
        size.cpu.guarantee = size.cpu.guarantee.take().or_else(|| users.cpu.guarantee.clone());
        size.cpu.limit = size.cpu.limit.take().or_else(|| users.cpu.limit.clone());
        size.memory.guarantee = size.memory.guarantee.take().or_else(|| users.memory.guarantee.clone());
        size.memory.limit = size.memory.limit.take().or_else(|| users.memory.limit.clone());
        size.default = Some(index == default);
    }
    filled
}

/// Dask's settings; where there are sizes, a worker is of the default one, which is no range any more.
pub fn filled_dask(dask: &Dask) -> Dask {
    let mut filled = dask.clone();
    let default = dask.sizes.iter().position(|size| size.default == Some(true)).unwrap_or_default();
    for (index, size) in filled.sizes.iter_mut().enumerate() {
        size.cpu = size.cpu.take().or_else(|| dask.worker.cpu.guarantee.clone());
        size.memory = size.memory.take().or_else(|| dask.worker.memory.guarantee.clone());
        size.default = Some(index == default);
    }
    if let Some(WorkerSize { cpu, memory, .. }) = filled.sizes.get(default).cloned() {
        filled.worker = DaskPod {
            cpu: Cpu { guarantee: cpu.clone(), limit: cpu },
            memory: Memory { guarantee: memory.clone(), limit: memory },
        };
    }
    filled
}

/// A pod that a node must have room for.
#[derive(Debug, Clone, PartialEq)]
pub struct Pod {
    /// JSON pointer of the setting that says how large it is.
    pub pointer: String,
    /// What it is, for people.
    pub name: String,
    /// What is set aside for it.
    pub amount: Amount,
}

/// Every kind of pod that users start and that the settings say something of, as large as it can be.
pub fn pods(settings: &Settings) -> Vec<Pod> {
    let users = filled_users(&settings.users);
    let dask = filled_dask(&settings.dask);
    // Where nothing is said, the install may have no such pods at all.
    let is_given = |cpu: &Cpu, memory: &Memory| cpu.guarantee.is_some() || memory.guarantee.is_some();
    let mut pods = Vec::new();
    let mut pod = |pointer: String, name: String, amount| pods.push(Pod { pointer, name, amount });
    if users.sizes.is_empty() && is_given(&users.cpu, &users.memory) {
        pod("/users".to_owned(), "a user's server".to_owned(), guaranteed(&users.cpu, &users.memory));
    }
    for (index, UserSize { name, cpu, memory, .. }) in users.sizes.iter().enumerate() {
        pod(format!("/users/sizes/{index}"), format!("a server of size `{name}`"), guaranteed(cpu, memory));
    }
    if dask.sizes.is_empty() && is_given(&dask.worker.cpu, &dask.worker.memory) {
        // A worker asks for all that was chosen for it, up to the limit.
        pod("/dask/worker".to_owned(), "the largest Dask worker".to_owned(), largest(&dask.worker));
    }
    for (index, size) in dask.sizes.iter().enumerate() {
        pod(format!("/dask/sizes/{index}"), format!("a Dask worker of size `{}`", size.name), of_worker(size));
    }
    if is_given(&dask.scheduler.cpu, &dask.scheduler.memory) {
        pod("/dask/scheduler".to_owned(), "a Dask scheduler".to_owned(), smallest(&dask.scheduler));
    }
    pods
}

fn of_worker(size: &WorkerSize) -> Amount {
    Amount {
        cpu: size.cpu.as_ref().and_then(serde_json::Number::as_f64).unwrap_or(f64::from(DASK_POD.0)),
        memory: size.memory.as_deref().or(Some(DASK_POD.1)).and_then(gib).unwrap_or_default(),
    }
}

/// What is set aside for a pod of Dask if nobody chooses.
pub fn smallest(pod: &DaskPod) -> Amount {
    Amount {
        cpu: pod.cpu.guarantee.as_ref().and_then(serde_json::Number::as_f64).unwrap_or(f64::from(DASK_POD.0)),
        memory: pod.memory.guarantee.as_deref().or(Some(DASK_POD.1)).and_then(gib).unwrap_or_default(),
    }
}

fn largest(pod: &DaskPod) -> Amount {
    let usual = smallest(pod);
    Amount {
        cpu: pod.cpu.limit.as_ref().and_then(serde_json::Number::as_f64).unwrap_or(usual.cpu),
        memory: pod.memory.limit.as_deref().and_then(gib).unwrap_or(usual.memory),
    }
}

/// What pods can get of a node; none of a part that is not known.
pub fn node(nodes: &Nodes) -> (Option<f64>, Option<f64>) {
    (nodes.cpu.as_ref().and_then(serde_json::Number::as_f64), nodes.memory.as_deref().and_then(gib))
}

/// What so many users need at the same time, without the hub itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// How many.
    pub users: u32,
    /// What is set aside for their servers, each of the default size.
    pub servers: Amount,
    /// Servers, and one Dask cluster of each user with all the workers that it may have; none without a limit.
    pub with_dask: Option<Amount>,
    /// Nodes for the servers alone, and how many of them share one; none where no node's size is known.
    pub nodes: Option<(u32, u32)>,
    /// Nodes with those clusters too.
    pub nodes_with_dask: Option<u32>,
}

/// What so many users need.
pub fn estimate(settings: &Settings, users: u32) -> Estimate {
    let of_users = filled_users(&settings.users);
    let server = of_users.sizes.iter().find(|size| size.default == Some(true));
    let server =
        server.map_or_else(|| guaranteed(&of_users.cpu, &of_users.memory), |size| guaranteed(&size.cpu, &size.memory));
    let dask = filled_dask(&settings.dask);
    let cluster = cluster(&dask);
    let count = f64::from(users);
    let servers = server.times(count);
    let with_dask = cluster.map(|cluster| servers.plus(cluster.times(count)));
    let (cpu, memory) = node(&settings.scheduling.nodes);
    let share = |needed: f64, there: Option<f64>| there.filter(|_| needed > 0.0).map(|there| (there / needed).floor());
    let each = [share(server.cpu, cpu), share(server.memory, memory)].into_iter().flatten().reduce(f64::min);
    let each = each.filter(|each| *each >= 1.0).map(whole);
    let together = |all: Amount| {
        let parts = [cpu.map(|cpu| all.cpu / cpu), memory.map(|memory| all.memory / memory)];
        parts.into_iter().flatten().reduce(f64::max).map(|nodes| whole(nodes.ceil()))
    };
    Estimate {
        users,
        servers,
        nodes: each.map(|each| (users.div_ceil(each), each.min(users))),
        nodes_with_dask: with_dask.and_then(together),
        with_dask,
    }
}

/// The most that is set aside for one cluster whose workers are of the default size.
fn cluster(dask: &Dask) -> Option<Amount> {
    let (scheduler, worker) = (smallest(&dask.scheduler), smallest(&dask.worker));
    let by = |most: Option<f64>, scheduler: f64, worker: f64| {
        most.map(|most| ((most - scheduler) / worker).floor().max(0.0))
    };
    let limits = [
        dask.cluster_max_workers.map(f64::from),
        by(dask.cluster_max_cores.as_ref().and_then(serde_json::Number::as_f64), scheduler.cpu, worker.cpu),
        by(dask.cluster_max_memory.as_deref().and_then(gib), scheduler.memory, worker.memory),
    ];
    let workers = limits.into_iter().flatten().reduce(f64::min)?;
    Some(scheduler.plus(worker.times(workers)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "out of range it saturates")]
fn whole(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings(value: Value) -> Settings {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn memory_is_in_powers_of_1024() {
        for (size, wanted) in [("512M", 0.5), ("2G", 2.0), ("1T", 1024.0), ("1048576K", 1.0), ("1.5G", 1.5)] {
            assert_eq!(gib(size), Some(wanted), "{size}");
        }
        assert_eq!(gib("much"), None);
    }

    #[test]
    fn a_size_says_what_differs_and_one_is_the_default() {
        let users = json!({"cpu": {"limit": 2}, "memory": {"guarantee": "1G"}, "sizes": [
            {"name": "Small"}, {"name": "Large", "memory": {"guarantee": "8G"}, "default": true}]});
        let filled = filled_users(&settings(json!({"users": users})).users);
        let sizes: Vec<_> = filled.sizes.iter().map(|size| (size.memory.guarantee.as_deref(), size.default)).collect();
        assert_eq!(sizes, [(Some("1G"), Some(false)), (Some("8G"), Some(true))]);
        assert!(filled.sizes.iter().all(|size| size.cpu.limit == Some(2.into())));
        let dask = json!({"worker": {"cpu": {"guarantee": 1}}, "sizes": [{"name": "a", "memory": "4G"}]});
        let filled = filled_dask(&settings(json!({"dask": dask})).dask);
        assert_eq!(filled.worker.memory.limit.as_deref(), Some("4G"));
        assert_eq!(filled.sizes[0].cpu, Some(1.into()));
    }

    #[test]
    fn what_many_users_need() {
        let all = json!({
            "users": {"cpu": {"guarantee": 0.5}, "memory": {"guarantee": "2G"}},
            "dask": {"clusterMaxWorkers": 10, "clusterMaxCores": 5,
                "scheduler": {"cpu": {"guarantee": 1}, "memory": {"guarantee": "1G"}},
                "worker": {"cpu": {"guarantee": 1}, "memory": {"guarantee": "2G"}}},
            "scheduling": {"nodes": {"cpu": 8, "memory": "15G"}},
        });
        let found = estimate(&settings(all), 10);
        assert_eq!(found.servers, Amount { cpu: 5.0, memory: 20.0 });
        assert_eq!(found.nodes, Some((2, 7)), "seven of 2G fit into 15G");
        // Each cluster: a scheduler and four workers, by its cores.
        assert_eq!(found.with_dask, Some(Amount { cpu: 55.0, memory: 110.0 }));
        assert_eq!(found.nodes_with_dask, Some(8));
        let bare = estimate(&Settings::default(), 3);
        assert_eq!((bare.servers.memory, bare.nodes, bare.with_dask), (3.0, None, None));
    }
}
