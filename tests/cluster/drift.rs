//! What somebody changed in the cluster is told, and what helm does with it is what the plan says.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{Hub, Testbed, script};

const EDITOR: &str = "kubectl-edit";

/// The plan's releases by name, without one that is skipped.
fn releases(hub: &Hub<'_>, more: &[&str]) -> Vec<Value> {
    let run = hub.run(&[&["plan", "daskhub", "-o", "json"], more].concat());
    assert_eq!(run.code, Some(0), "{run}");
    for value in hub.env.secrets().values() {
        assert!(!run.stdout.contains(value) && !run.stderr.contains(value), "a secret is shown");
    }
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    plan["operations"].as_array().unwrap().iter().filter(|one| one["operation"] == "release").cloned().collect()
}

/// The drifted objects of all releases: `Deployment hub spec.replicas put-back kubectl-edit`.
fn drift(hub: &Hub<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for release in releases(hub, &[]) {
        for object in release["drift"]["objects"].as_array().into_iter().flatten() {
            let name = format!("{} {}", object["kind"].as_str().unwrap(), object["name"].as_str().unwrap());
            if object["drift"] == "gone" {
                found.push(format!("{name} gone"));
            }
            for field in object["fields"].as_array().into_iter().flatten() {
                let text = |key: &str| field[key].as_str().unwrap_or("-").to_owned();
                found.push(format!("{name} {} {} {}", text("path"), text("next"), text("by")));
            }
        }
    }
    found.sort();
    found
}

/// Somebody's afternoon with kubectl.
fn meddle(hub: &Hub<'_>) {
    let api = hub.api();
    let apps = |name: &str| format!("/apis/apps/v1/namespaces/{}/deployments/{name}", hub.namespace);
    // Scaling leaves no time and another entry, as `kubectl scale` does.
    api.patch(&format!("{}/scale", apps("proxy")), "kubectl", &json!({"spec": {"replicas": 2}}));
    api.patch(&apps("hub"), "kubectl-label", &json!({"metadata": {"labels": {"mine": "yes"}}}));
    api.patch(&hub.core("configmaps/user-scheduler"), EDITOR, &json!({"data": {"config.yaml": "a: 1\n"}}));
    api.patch(&hub.core("secrets/hub"), EDITOR, &json!({"data": {"values.yaml": "aHVudGVyMg=="}}));
    api.patch(
        &hub.core("services/proxy-public"),
        EDITOR,
        &json!({"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8888}]}}),
    );
    api.delete(&hub.core("services/hub"));
}

fn expected(next: &str) -> Vec<String> {
    let mut expected: Vec<String> = [
        format!("ConfigMap user-scheduler data.config.yaml {next} kubectl-edit"),
        "Deployment hub metadata.labels.mine stays kubectl-label".to_owned(),
        format!("Deployment proxy spec.replicas {next} kubectl"),
        format!("Secret hub data.values.yaml {next} kubectl-edit"),
        "Service hub gone".to_owned(),
        format!("Service proxy-public spec.ports[80].targetPort {next} kubectl-edit"),
    ]
    .to_vec();
    expected.sort();
    expected
}

fn installed<'t>(testbed: &'t Testbed, word: &str, helm: &Path) -> Hub<'t> {
    let hub = testbed.hub(word, helm);
    hub.install(&["--verify", "none"]);
    // Kubernetes and its controllers are given the time to fill in what they do.
    hub.install(&[]);
    assert_eq!(drift(&hub), Vec::<String>::new(), "right after an installation there is no drift");
    hub
}

#[test]
fn helm_3_puts_back_what_the_plan_says() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = installed(&testbed, "drift-h3", &testbed.helm3);
    meddle(&hub);
    assert_eq!(drift(&hub), expected("put-back"));
    let plain = hub.run(&["plan", "daskhub", "--exit-code"]);
    assert_eq!(plain.code, Some(0), "an installation would not touch it: {plain}");
    assert!(
        plain.stdout.contains("- Service hub: is gone") && plain.stdout.contains("install with --force"),
        "{plain}"
    );
    assert!(!plain.stdout.contains("aHVudGVyMg") && !plain.stdout.contains("hunter2"), "{plain}");
    hub.install(&[]);
    assert_eq!(drift(&hub), expected("put-back"), "an unchanged release is left alone");

    let forced = hub.install(&["--force"]);
    assert!(forced.stderr.contains("applying this puts back"), "{forced}");
    let left = drift(&hub);
    let stays = |line: &String| line.contains(" stays ");
    assert!(!left.is_empty() && left.iter().all(stays), "helm leaves alone what others added: {left:?}");
}

#[test]
fn helm_4_stops_where_the_plan_says() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = installed(&testbed, "drift-h4", &testbed.helm4);
    meddle(&hub);
    assert_eq!(drift(&hub), expected("conflict"));
    let run = hub.refused(&["--force"], &["kubectl-edit", "does not overwrite"]);
    assert!(run.stderr.contains("helm stops at fields that others set"), "told before: {run}");
    let left = drift(&hub);
    assert!(left.contains(&"Deployment proxy spec.replicas conflict kubectl".to_owned()), "{left:?}");
    assert!(!left.iter().any(|line| line.ends_with("gone")), "what was gone is there again: {left:?}");
}

#[test]
fn an_upgrade_that_says_the_same_is_no_conflict() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = installed(&testbed, "agrees", &testbed.helm4);
    let scale = format!("/apis/apps/v1/namespaces/{}/deployments/user-scheduler/scale", hub.namespace);
    hub.api().patch(&scale, "kubectl", &json!({"spec": {"replicas": 5}}));
    let field = "Deployment user-scheduler spec.replicas";
    assert_eq!(drift(&hub), [format!("{field} conflict kubectl")]);
    let site = hub.env.read("iris.yaml");
    let with = |replicas: u32| {
        format!(
            "{site}values: {{daskhub: {{jupyterhub: {{scheduling: {{userScheduler: {{replicas: {replicas}}}}}}}}}}}\n"
        )
    };
    hub.env.write("iris.yaml", with(4));
    assert_eq!(drift(&hub), [format!("{field} conflict kubectl")], "the site file says yet another");
    hub.env.write("iris.yaml", with(5));
    assert_eq!(drift(&hub), [format!("{field} agrees kubectl")]);
    hub.install(&[]);
    assert_eq!(drift(&hub), Vec::<String>::new());
}

#[test]
fn what_may_not_be_read_is_told_once_for_each_kind() {
    let Some(testbed) = Testbed::take() else { return };
    let mut hub = installed(&testbed, "unseen", &testbed.helm4);
    meddle(&hub);
    let seen = drift(&hub);
    let user = Command::new(script("testbed.sh")).args(["user", "ada", &hub.namespace]).output().unwrap();
    hub.kubeconfig = String::from_utf8(user.stdout).unwrap().trim().into();
    let run = hub.run(&["plan", "daskhub"]);
    assert_eq!(run.code, Some(0), "{run}");
    let line = run.stdout.lines().find(|line| line.contains("drift unknown")).unwrap_or_else(|| panic!("{run}"));
    assert_eq!(line.matches("ClusterRole,").count(), 1, "{run}");
    assert_eq!(drift(&hub), seen, "what may be read is compared");
    let without = releases(&hub, &["--no-drift"]);
    assert!(!without.is_empty() && without.iter().all(|release| release["drift"].is_null()));
}

/// Every chart that is shipped, on each Helm: what Kubernetes makes of its objects is no drift.
#[test]
fn no_shipped_chart_drifts_by_itself() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        for (chart, site) in [("jupyterhub", "secretMode: existing\n"), ("dask-gateway", ""), ("jupyterhub", "")] {
            let hub = testbed.hub_with(&format!("still-{word}-{}-{}", chart.len(), site.len()), &helm, site);
            let run = hub.run(&["install", chart, "--yes"]);
            assert_eq!(run.code, Some(0), "{run}");
            let run = hub.run(&["plan", chart]);
            assert_eq!(run.code, Some(0), "{run}");
            assert!(!run.stdout.contains("changed in the cluster"), "{run}");
            let deployment = &hub.api().list(&format!("/apis/apps/v1/namespaces/{}/deployments", hub.namespace))[0];
            let name = deployment["metadata"]["name"].as_str().unwrap();
            let path = format!("/apis/apps/v1/namespaces/{}/deployments/{name}", hub.namespace);
            hub.api().patch(&path, EDITOR, &json!({"spec": {"paused": true}}));
            let run = hub.run(&["plan", chart]);
            assert!(run.stdout.contains("spec.paused: (unset) -> true"), "the control: {run}");
        }
    }
}
