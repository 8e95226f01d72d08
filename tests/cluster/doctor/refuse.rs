//! `install` looks at what is fatal before it asks, and only where it would change something.

use serde_json::json;

use super::super::Testbed;
use super::{CLASSES, class};
use crate::common::repo;

#[test]
fn install_stops_at_what_is_fatal_before_anything_is_made() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub(&format!("doc-in-{word}"), &helm);
        let odd = class("odd", &json!({"provisioner": "nobody.example.org"}));
        testbed.api.create(CLASSES, &odd);
        hub.refused(&[], &["no driver nobody.example.org", "kubectl get csidrivers"]);
        hub.assert_nothing_installed();
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": format!("{}-user-scheduler", hub.namespace)}, "rules": [],
        });
        testbed.api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role);
        // All at once.
        hub.refused(&[], &["nobody.example.org", "user-scheduler", "--skip AREA"]);
        let run = hub.refused(&["--skip", "storage"], &["user-scheduler"]);
        assert!(!run.stderr.contains("nobody.example.org"), "what was left out is not told: {run}");
        hub.assert_nothing_installed();
        testbed.api.delete(&format!("{CLASSES}/odd"));
        let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{}-user-scheduler", hub.namespace);
        testbed.api.delete(&path);
        hub.install(&[]);

        // An installation that changes nothing does not look.
        testbed.nodes(|node| node["spec"]["unschedulable"] = true.into());
        let same = hub.run(&["install", "daskhub", "--yes", "--verify", "none"]);
        let changed = hub.run(&["install", "daskhub", "--yes", "--set", "users.idleTimeout=7200"]);
        testbed.nodes(|node| node["spec"]["unschedulable"] = false.into());
        assert_eq!(same.code, Some(0), "{same}");
        assert_eq!(changed.code, Some(1), "{changed}");
        assert!(changed.stderr.contains("none of 2 nodes is ready"), "{changed}");
        assert_eq!(hub.revision(&hub.namespace), 1);
    }
}

#[test]
fn what_the_plan_refuses_is_told_once_and_in_the_same_words() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-twice", &testbed.helm4);
    hub.pull();
    testbed.api.create(CLASSES, &class("one", &json!({})));
    testbed.api.create(CLASSES, &class("two", &json!({})));
    let words = "the cluster has 2 default StorageClasses: one, two";
    let run = hub.refused(&[], &[words]);
    assert_eq!(run.stderr.matches("default StorageClasses").count(), 1, "{run}");
    hub.doctor(&[]).has("several-default-classes", "fatal", &[words]);
    // The documentation shows what is printed.
    let run = hub.run(&["doctor", "daskhub"]);
    let shown = run.stdout.lines().skip_while(|line| !line.starts_with("FATAL")).take(5).collect::<Vec<_>>().join("\n");
    let documentation = std::fs::read_to_string(repo().join("docs/doctor.md")).unwrap();
    assert!(documentation.contains(&shown), "docs/doctor.md does not show:\n{shown}");
}
