//! What users need of the cloud, by how many there are.

use std::fmt::Write as _;

use crate::settings::Settings;
use crate::sizes::{self, Estimate};

/// A course, a group, a department.
const USERS: [u32; 3] = [1, 10, 50];

/// Tells what some numbers of users need.
pub(super) fn tell(settings: &Settings, out: &mut String) {
    out.push_str("## What users need of the cloud\n\n");
    let home = settings.users.home_size.as_deref().unwrap_or("10Gi");
    let all = USERS.map(|users| sizes::estimate(settings, users));
    let has_nodes = all.iter().any(|one| one.nodes.is_some());
    let has_dask = all.iter().any(|one| one.with_dask.is_some());
    let head = [
        (true, "users"),
        (true, "volumes"),
        (true, "of them in all"),
        (true, "CPU"),
        (true, "memory"),
        (has_nodes, "nodes"),
        (has_nodes, "volumes of a node"),
        (has_dask, "with Dask: CPU"),
        (has_dask, "memory"),
        (has_dask && has_nodes, "nodes"),
    ];
    let head: Vec<&str> = head.into_iter().filter(|(there, _)| *there).map(|(_, name)| name).collect();
    let _ = writeln!(out, "| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    for one in &all {
        let _ = writeln!(out, "| {} |", row(one, home, (has_nodes, has_dask)).join(" | "));
    }
    out.push_str("\nVolumes are for all who ever logged in; the rest is what is set aside for those who are there at the same time, each with a server of the default size, and nothing for the hub itself.");
    if has_dask {
        out.push_str(" With Dask: each of them has one cluster, with all the workers that it may have.");
    } else if settings.dask.worker.memory.guarantee.is_some() {
        out.push_str(" Dask clusters come on top, and have no limit: see `dask.clusterMaxWorkers`.");
    }
    if has_nodes {
        out.push_str(" Each home is a volume that is attached to the node of its server: a cloud allows so many (`kubectl get csinodes -o yaml`).");
    } else if !unknown_of_nodes(settings).is_empty() {
        out.push_str(" Nodes, and the homes that are attached to one of them, could not be counted: see the end.");
    }
    out.push_str("\n\n");
}

/// Tells what could not be compared with nodes, because nobody said how large they are.
pub(super) fn tell_unchecked(settings: &Settings, out: &mut String) {
    let pods = sizes::pods(settings);
    let missing = unknown_of_nodes(settings);
    if pods.is_empty() || missing.is_empty() {
        return;
    }
    let (keys, examples): (Vec<&str>, Vec<String>) =
        missing.into_iter().map(|(key, example)| (key, format!("{key}: {example}"))).unzip();
    let homes = if pods.iter().any(|pod| pod.pointer.starts_with("/users")) {
        ", and how many homes are attached to one node is not known"
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "- **Sizes against nodes**: neither profile nor site file says how much {} a node has. What no node has room for is never started{homes}. Add to the site file what pods can get of the largest node (`kubectl describe node`, under Allocatable), e.g.:\n\n      scheduling:\n        nodes: {{{}}}\n",
        keys.join(" and "),
        examples.join(", ")
    );
}

/// What is not known of nodes, each with an example.
fn unknown_of_nodes(settings: &Settings) -> Vec<(&'static str, &'static str)> {
    let (cpu, memory) = sizes::node(&settings.scheduling.nodes);
    let parts = [(cpu, ("cpu", "8")), (memory, ("memory", "30G"))];
    parts.into_iter().filter(|(known, _)| known.is_none()).map(|(_, part)| part).collect()
}

fn row(one: &Estimate, home: &str, (has_nodes, has_dask): (bool, bool)) -> Vec<String> {
    let memory = |gib: f64| format!("{}G", gib.ceil());
    let mut row = vec![
        one.users.to_string(),
        one.users.to_string(),
        all_of(home, one.users),
        format!("{:.1}", one.servers.cpu),
        memory(one.servers.memory),
    ];
    if has_nodes {
        row.extend(one.nodes.map(|(nodes, _)| nodes.to_string()));
        row.extend(one.nodes.map(|(_, each)| each.to_string()));
    }
    if let Some(with_dask) = one.with_dask.filter(|_| has_dask) {
        row.push(format!("{:.1}", with_dask.cpu));
        row.push(memory(with_dask.memory));
        row.extend(one.nodes_with_dask.filter(|_| has_nodes).map(|nodes| nodes.to_string()));
    }
    row
}

/// So many volumes of a size, in its own unit.
fn all_of(size: &str, count: u32) -> String {
    let end = size.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(size.len());
    let number: f64 = size[..end].parse().unwrap_or_default();
    format!("{}{}", number * f64::from(count), &size[end..])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn unchecked(settings: Value) -> String {
        let mut out = String::new();
        tell_unchecked(&serde_json::from_value(settings).unwrap(), &mut out);
        out
    }

    #[test]
    fn sizes_that_were_compared_with_no_node_are_told_with_the_lines_to_add() {
        let users = json!({"memory": {"guarantee": "1G"}});
        let nodes = |nodes: Value| unchecked(json!({"users": users, "scheduling": {"nodes": nodes}}));
        let neither = nodes(json!({}));
        assert!(neither.contains("how much cpu and memory") && neither.contains("how many homes"), "{neither}");
        assert!(neither.contains("\n      scheduling:\n        nodes: {cpu: 8, memory: 30G}\n"), "{neither}");
        assert!(nodes(json!({"cpu": 4})).contains("nodes: {memory: 30G}"), "what is known is not asked for again");
        assert!(nodes(json!({"memory": "4G"})).contains("nodes: {cpu: 8}"));
        assert_eq!(nodes(json!({"cpu": 4, "memory": "4G"})), "");
        let dask = unchecked(json!({"dask": {"worker": {"memory": {"guarantee": "1G"}}}}));
        assert!(dask.contains("Sizes against nodes") && !dask.contains("homes"), "{dask}");
        assert_eq!(unchecked(json!({})), "", "no pod of such a size");
    }
}
