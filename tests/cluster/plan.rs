//! `plan` says what `install` would do, and does nothing.

use serde_json::{Value, json};

use super::Testbed;

#[test]
fn what_would_change_is_told_and_nothing_is_done() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("plan", &testbed.helm4);
    let first = hub.run(&["plan", "daskhub", "--exit-code"]);
    assert_eq!(first.code, Some(3), "{first}");
    assert!(first.stdout.contains("+ namespace") && first.stdout.contains("+ postgresql"), "{first}");
    assert!(hub.api().get(&format!("/api/v1/namespaces/{}", hub.namespace)).is_none());

    hub.install(&[]);
    let state = hub.state();
    let same = hub.run(&["plan", "daskhub", "--exit-code"]);
    assert_eq!(same.code, Some(0), "{same}");
    assert!(same.stderr.contains("Nothing would change."), "{same}");

    let args = ["plan", "daskhub", "--set", "users.idleTimeout=7200", "-o", "json"];
    let changed = hub.run(&args);
    assert_eq!(changed.code, Some(0), "only asked for by --exit-code: {changed}");
    let plan: Value = serde_json::from_str(&changed.stdout).unwrap();
    assert_eq!((&plan["format"], &plan["changes"]), (&Value::from(1), &Value::from(true)));
    let hubs = |one: &&Value| one["operation"] == "release" && one["name"] == hub.namespace.as_str();
    let release = plan["operations"].as_array().unwrap().iter().find(hubs).unwrap();
    let change = &release["action"]["reasons"][0]["changes"][0];
    assert_eq!(change["path"], "jupyterhub.cull.timeout", "{changed}");
    assert_eq!(hub.state(), state, "nothing was done");
    let secret = json!({"kind": "Secret", "name": "hub", "apiVersion": "v1",
        "fields": [{"path": "data.values.yaml", "change": "hidden", "how": "changed"}]});
    assert_eq!(release["manifests"]["changed"], json!([secret]), "{changed}");
    assert_eq!(release["manifests"]["restarts"][0]["name"], "hub", "{changed}");
    for value in hub.env.secrets().values() {
        assert!(!changed.stdout.contains(value) && !first.stdout.contains(value));
    }
}

/// What helm says itself is what the plan says: object by object, on both Helms.
#[test]
fn manifests_are_those_that_helm_then_applies() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("objects-{word}"), &helm);
        hub.install(&["--verify", "none"]);
        let before = hub.helm(&["get", "manifest", &hub.namespace]);
        let site = hub.env.read("iris.yaml");
        let values = "jupyterhub: {hub: {resources: {requests: {memory: 700Mi}}}, scheduling: {userScheduler: {enabled: false}}}";
        hub.env.write("iris.yaml", format!("{site}values: {{daskhub: {{{values}}}}}\n"));
        let run = hub.run(&["plan", "daskhub", "-o", "json"]);
        let plan: Value = serde_json::from_str(&run.stdout).unwrap();
        let releases = plan["operations"].as_array().unwrap();
        let of = |name: &str| releases.iter().find(|one| one["name"] == name).unwrap();
        assert!(of("postgresql")["manifests"].is_null(), "an unchanged release is not rendered: {run}");
        let manifests = &of(&hub.namespace)["manifests"];
        let goes = json!({"kind": "Deployment", "name": "user-scheduler", "apiVersion": "apps/v1"});
        assert!(manifests["removed"].as_array().unwrap().contains(&goes), "{run}");
        assert_eq!(manifests["added"], json!([]), "{run}");
        let hubs = manifests["changed"].as_array().unwrap().iter().find(|one| one["kind"] == "Deployment").unwrap();
        let path = "spec.template.spec.containers[hub].resources.requests.memory";
        assert_eq!(
            hubs["fields"],
            json!([{"path": path, "change": "changed", "from": "\"256Mi\"", "to": "\"700Mi\""}])
        );
        hub.install(&["--verify", "none"]);
        let after = hub.helm(&["get", "manifest", &hub.namespace]);
        let count = |text: &str, what: &str| text.matches(what).count();
        let removed = manifests["removed"].as_array().unwrap().len();
        assert_eq!(count(&before, "\nkind: ") - count(&after, "\nkind: "), removed, "{run}");
        assert!(after.contains("memory: 700Mi") && !before.contains("memory: 700Mi"));
        let same = hub.run(&["plan", "daskhub", "--exit-code"]);
        assert_eq!(same.code, Some(0), "{same}");
    }
}

/// With a helm that only tells that it was started.
#[test]
fn where_nothing_changes_helm_is_not_started() {
    let Some(testbed) = Testbed::take() else { return };
    let mut hub = testbed.hub("no-helm", &testbed.helm4);
    hub.install(&["--verify", "none"]);
    hub.helm = "/nowhere/helm".into();
    let same = hub.run(&["plan", "daskhub"]);
    assert_eq!(same.code, Some(0), "{same}");
    assert!(same.stdout.contains("unchanged") && !same.stdout.contains("not shown"), "{same}");
    let changed = hub.run(&["plan", "daskhub", "--set", "users.idleTimeout=7200"]);
    assert!(changed.stdout.contains("! objects not shown: HELM_BIN is `/nowhere/helm`"), "the control: {changed}");
}

#[test]
fn what_the_cluster_would_refuse_is_not_attempted() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("fixed-{word}"), &helm);
        hub.install(&[]);
        let state = hub.state();
        let site = hub.env.read("iris.yaml");
        let with = |more: &str| hub.env.write("iris.yaml", format!("{site}{more}\n"));
        with("storage: {newClass: {volumeBindingMode: Immediate}}");
        let plan = hub.run(&["plan", "daskhub"]);
        assert_eq!(plan.code, Some(0), "{plan}");
        for wanted in ["! StorageClass standard: volumeBindingMode", "kubectl delete storageclass standard"] {
            let words: Vec<_> = plan.stdout.split_whitespace().collect();
            assert!(words.join(" ").contains(wanted), "no {wanted:?} in {plan}");
        }
        hub.refused(&[], &["nothing was done", "StorageClass standard", "delete storageclass standard"]);
        assert_eq!(hub.state(), state, "nothing was attempted");
        // A claim may grow, and not shrink.
        with("database: {size: 4Gi}");
        hub.refused(&[], &["data-postgresql-0", "a volume can grow"]);
        with("database: {size: 9Gi}");
        let grown = hub.run(&["plan", "daskhub"]);
        assert!(grown.stdout.contains("\"8Gi\" -> \"9Gi\"") && !grown.stdout.contains("  ! Persist"), "{grown}");
        testbed.reset();
    }
}
