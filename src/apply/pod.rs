//! What a pod's status says about why it is not ready. Pure.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod};

use super::reason::Reason;

/// Why a pod is not ready; none if it is.
pub(super) fn reason(pod: &Pod) -> Option<Reason> {
    let status = pod.status.as_ref()?;
    let name = pod.metadata.name.as_deref().unwrap_or("?");
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let is = |kind: &str, value: &str| conditions.iter().find(|one| one.type_ == kind && one.status == value);
    if is("Ready", "True").is_some() || status.phase.as_deref() == Some("Succeeded") {
        return None;
    }
    if let Some(unplaced) = is("PodScheduled", "False") {
        let why = unplaced.message.as_deref().unwrap_or("no node takes it");
        return Some(Reason::failing(format!("pod {name} finds no node: {why}")).hint(node_hint(why)));
    }
    let is_over = status.phase.as_deref() == Some("Failed");
    if let Some(why) = status.message.as_deref().or(status.reason.as_deref()).filter(|_| is_over) {
        return Some(Reason::failing(format!("pod {name} failed: {why}")));
    }
    let containers = status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    let troubled = containers.filter(|container| !container.ready).find_map(|container| of_container(name, container));
    Some(troubled.unwrap_or_else(|| match is("ContainersReady", "False") {
        Some(_) if status.phase.as_deref() == Some("Running") => {
            Reason::waiting(format!("pod {name} runs and is not ready yet"))
        }
        _ if is_over => Reason::failing(format!("pod {name} failed: no reason given")),
        _ => Reason::waiting(format!("pod {name} is starting")),
    }))
}

/// Kubernetes says "preemption is not helpful" of nodes that could not take the pod if they were empty.
fn is_too_large(why: &str) -> bool {
    why.split_once("preemption:").is_some_and(|(without, preemption)| {
        without.contains("Insufficient")
            && preemption.contains("Preemption is not helpful")
            && !preemption.contains("No preemption victims")
    })
}

fn node_hint(why: &str) -> &'static str {
    if why.contains("max volume count") {
        "a node takes only so many volumes, and the nodes that there are have all that they can: add nodes"
    } else if is_too_large(why) {
        "no node is large enough for it, even an empty one: ask for less CPU and memory in the site file, or add \
         larger nodes"
    } else if why.contains("Insufficient") {
        "the nodes are full: add nodes, or ask for less CPU and memory in the site file"
    } else if why.contains("node selector") || why.contains("node affinity") {
        "no node has the labels that are asked for: see scheduling in the site file and `kubectl get nodes --show-labels`"
    } else if why.contains("taint") {
        "the nodes have taints that this pod does not bear: see scheduling in the site file"
    } else if why.contains("PersistentVolumeClaim") || why.contains("volume") {
        "its volume is the matter: kubectl get pvc,events"
    } else {
        "see: kubectl describe pod"
    }
}

fn of_container(pod: &str, container: &ContainerStatus) -> Option<Reason> {
    let ContainerState { waiting, terminated, .. } = container.state.as_ref()?;
    if let Some(waiting) = waiting {
        let what = waiting.reason.as_deref().unwrap_or("waiting");
        let message = waiting.message.as_deref().unwrap_or_default();
        return of_waiting(pod, container, what, message);
    }
    let ended = terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
    let why = ended.reason.as_deref().unwrap_or("Error");
    let said = ended.message.as_deref().map(|message| format!(": {}", message.trim())).unwrap_or_default();
    Some(
        Reason::failing(format!(
            "pod {pod}: {} ended with exit code {} ({why}){said}",
            container.name, ended.exit_code
        ))
        .hint(logs(pod, container, false)),
    )
}

fn of_waiting(pod: &str, container: &ContainerStatus, what: &str, message: &str) -> Option<Reason> {
    let name = &container.name;
    match what {
        "ContainerCreating" | "PodInitializing" => None,
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => Some(
            Reason::failing(format!("pod {pod}: the image {} cannot be pulled: {message}", container.image))
                .hint("check its name and tag in the site file, and whether the nodes reach the registry"),
        ),
        "CrashLoopBackOff" => {
            let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
            let how = last.map_or_else(String::new, |last| {
                format!(", last with exit code {} ({})", last.exit_code, last.reason.as_deref().unwrap_or("Error"))
            });
            Some(
                Reason::failing(format!("pod {pod}: {name} crashed {} times{how}", container.restart_count))
                    .hint(logs(pod, container, true)),
            )
        }
        "CreateContainerConfigError" => Some(
            Reason::failing(format!("pod {pod}: {name} lacks something: {message}"))
                .hint("a Secret or ConfigMap that it needs is missing; the release that makes it must come first"),
        ),
        _ => Some(Reason::failing(format!("pod {pod}: {name}: {what} {message}"))),
    }
}

fn logs(pod: &str, container: &ContainerStatus, previous: bool) -> String {
    let previous = if previous { " --previous" } else { "" };
    format!("see: kubectl logs {pod} -c {}{previous}", container.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "callers make it on the spot")]
    fn run(status: serde_json::Value) -> Option<Reason> {
        reason(&serde_json::from_value(json!({"metadata": {"name": "hub-1"}, "status": status})).unwrap())
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make it on the spot")]
    fn container(state: serde_json::Value) -> serde_json::Value {
        json!({"name": "hub", "image": "i:t", "imageID": "", "ready": false, "restartCount": 3, "state": state,
               "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}})
    }

    #[test]
    fn each_reason_why_no_node_takes_it_has_its_way_out() {
        let nodes = "0/2 nodes are available: ";
        for (why, hint) in [
            (
                "2 Insufficient memory. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
                "the nodes are full",
            ),
            (
                "2 Insufficient memory. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
                "no node is large enough",
            ),
            ("1 Insufficient cpu, 1 Insufficient memory.", "the nodes are full"),
            (
                "2 node(s) exceed max volume count. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
                "a node takes only so many volumes",
            ),
            (
                "2 node(s) had untolerated taint {a: b}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
                "the nodes have taints",
            ),
        ] {
            assert!(node_hint(&format!("{nodes}{why}")).starts_with(hint), "{why}");
        }
    }

    #[test]
    fn each_trouble_has_its_words() {
        let waiting = |reason: &str| json!({"phase": "Pending", "containerStatuses": [container(json!({"waiting": {"reason": reason, "message": "M"}}))]});
        let cases = [
            (waiting("ImagePullBackOff"), "the image i:t cannot be pulled: M"),
            (waiting("CrashLoopBackOff"), "hub crashed 3 times, last with exit code 137 (OOMKilled)"),
            (waiting("CreateContainerConfigError"), "hub lacks something: M"),
            (waiting("RunContainerError"), "RunContainerError M"),
            (
                json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available: 2 Insufficient cpu."}]}),
                "finds no node: 0/2",
            ),
            (
                json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource"}),
                "failed: The node was low",
            ),
            (
                json!({"phase": "Running", "containerStatuses": [container(json!({"terminated": {"exitCode": 1, "reason": "Error"}}))]}),
                "ended with exit code 1",
            ),
            (
                json!({"phase": "Failed", "containerStatuses": [container(json!({"terminated": {"exitCode": 1, "message": "pg_dump: error\n"}}))]}),
                "hub ended with exit code 1 (Error): pg_dump: error",
            ),
        ];
        for (status, expected) in cases {
            let reason = run(status).unwrap();
            assert!(reason.failing && reason.text.contains(expected), "{reason:?}");
        }
    }

    #[test]
    fn what_only_needs_time_is_not_failing() {
        let creating = json!({"phase": "Pending", "containerStatuses": [container(json!({"waiting": {"reason": "ContainerCreating"}}))]});
        assert_eq!(run(creating).unwrap(), Reason::waiting("pod hub-1 is starting"));
        let unready = json!({"phase": "Running", "conditions": [{"type": "ContainersReady", "status": "False"}], "containerStatuses": [container(json!({"running": {}}))]});
        assert_eq!(run(unready).unwrap(), Reason::waiting("pod hub-1 runs and is not ready yet"));
        assert_eq!(run(json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})), None);
        assert_eq!(run(json!({"phase": "Succeeded"})), None);
    }
}
