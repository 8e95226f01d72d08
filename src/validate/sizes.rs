//! Sizes that no node has, limits below what is guaranteed.

use super::settings::At;
use crate::problem::Problem;
use crate::settings::{Cpu, Memory, Settings};
use crate::sizes::{self, Amount, Pod, filled_dask, filled_users, gib, smallest};
use crate::yaml::pointer_to_path;

/// All problems of sizes.
pub(super) fn check(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let mut problems = limits(settings, at);
    problems.extend(names(settings, at));
    problems.extend(nodes(settings, at));
    problems.extend(clusters(settings, at));
    problems
}

/// A limit below what is guaranteed: Kubernetes refuses the pod, Dask Gateway does not even start.
fn limits(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let users = filled_users(&settings.users);
    let mut all: Vec<(String, &Cpu, &Memory)> = vec![
        ("/users".to_owned(), &settings.users.cpu, &settings.users.memory),
        ("/dask/worker".to_owned(), &settings.dask.worker.cpu, &settings.dask.worker.memory),
        ("/dask/scheduler".to_owned(), &settings.dask.scheduler.cpu, &settings.dask.scheduler.memory),
    ];
    let sizes = users.sizes.iter().enumerate();
    all.extend(sizes.map(|(index, size)| (format!("/users/sizes/{index}"), &size.cpu, &size.memory)));
    let below = |(pointer, cpu, memory): (String, &Cpu, &Memory)| {
        let cores = |number: &Option<serde_json::Number>| number.as_ref().and_then(serde_json::Number::as_f64);
        let bytes = |size: &Option<String>| size.as_deref().and_then(gib);
        let less =
            |limit: Option<f64>, guarantee: Option<f64>| limit.zip(guarantee).is_some_and(|(one, two)| one < two);
        let cpu = less(cores(&cpu.limit), cores(&cpu.guarantee)).then(|| format!("{pointer}/cpu"));
        let memory = less(bytes(&memory.limit), bytes(&memory.guarantee)).then(|| format!("{pointer}/memory"));
        [cpu, memory].into_iter().flatten().collect::<Vec<_>>()
    };
    all.into_iter()
        .flat_map(below)
        .map(|pointer| {
            let path = pointer_to_path(&pointer);
            at(&format!("{pointer}/limit"), format!("`{path}.limit` is less than `{path}.guarantee`"))
                .fix(format!("raise the limit, or lower {path}.guarantee"))
        })
        .collect()
}

/// Each size has a name of its own, and at most one is taken if nobody chooses.
fn names(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let users: Vec<_> = settings.users.sizes.iter().map(|size| (size.name.as_str(), size.default)).collect();
    let workers: Vec<_> = settings.dask.sizes.iter().map(|size| (size.name.as_str(), size.default)).collect();
    let is_word = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let mut problems = Vec::new();
    for (list, sizes) in [("/users/sizes", &users), ("/dask/sizes", &workers)] {
        for (index, (name, default)) in sizes.iter().enumerate() {
            let before = &sizes[..index];
            let path = pointer_to_path(list);
            let mut say = |message: String, fix: &str| {
                problems.push(at(&format!("{list}/{index}"), format!("`{path}`: {message}")).fix(fix));
            };
            if name.trim().is_empty() {
                say("one without a name".to_owned(), "give it a `name`");
            } else if before.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                say(format!("two are called `{name}`"), "give each a name of its own");
            } else if list == "/dask/sizes" && !is_word(name) {
                say(format!("`{name}` is no name for a size of workers"), "use letters, digits, - and _");
            }
            if *default == Some(true) && before.iter().any(|(_, other)| *other == Some(true)) {
                say("two are the default".to_owned(), "leave `default: true` with one");
            }
        }
    }
    problems
}

/// What no node has room for stays Pending for ever.
fn nodes(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let (cpu, memory) = sizes::node(&settings.scheduling.nodes);
    let too_much = |Pod { pointer, name, amount: Amount { cpu: cores, memory: gib } }: Pod| {
        let cpu = cpu.filter(|most| cores > *most).map(|most| ("cpu", format!("{cores} cores"), most.to_string()));
        let written = settings.scheduling.nodes.memory.clone().unwrap_or_default();
        let memory = memory.filter(|most| gib > *most).map(|_| ("memory", format!("{gib}G of memory"), written));
        let wrong = [cpu, memory].into_iter().flatten();
        let problems = wrong.map(|(key, asks, most)| {
            at(&pointer, format!("{name} asks for {asks}, and a node has {most} (`scheduling.nodes.{key}`)"))
                .fix("make it smaller; or, if there are larger nodes, say so in scheduling.nodes")
        });
        problems.collect::<Vec<_>>()
    };
    sizes::pods(settings).into_iter().flat_map(too_much).collect()
}

/// A cluster must have room for its scheduler and one worker.
fn clusters(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let dask = filled_dask(&settings.dask);
    let (scheduler, worker) = (smallest(&dask.scheduler), smallest(&dask.worker));
    let cores = dask.cluster_max_cores.as_ref().and_then(serde_json::Number::as_f64);
    let memory = dask.cluster_max_memory.as_deref().and_then(gib);
    let limits = [
        ("clusterMaxCores", cores, scheduler.cpu + worker.cpu, ""),
        ("clusterMaxMemory", memory, scheduler.memory + worker.memory, "G"),
    ];
    let small = limits.into_iter().filter(|(_, most, least, _)| most.is_some_and(|most| most < *least));
    let mut problems: Vec<Problem> = small
        .map(|(key, _, least, unit)| {
            let message =
                format!("`dask.{key}` is too little for a scheduler and one worker, which take {least}{unit}");
            at(&format!("/dask/{key}"), message).fix("raise it, or make dask.scheduler and dask.worker smaller")
        })
        .collect();
    if dask.user_max_clusters == Some(0) {
        let message = "`dask.userMaxClusters` is 0: nobody could start a cluster".to_owned();
        problems.push(at("/dask/userMaxClusters", message).fix("take it out for no limit, or give 1 or more"));
    }
    problems
}
