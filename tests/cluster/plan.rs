//! `plan` says what `install` would do, and does nothing.

use serde_json::Value;

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
    for value in hub.env.secrets().values() {
        assert!(!changed.stdout.contains(value) && !first.stdout.contains(value));
    }
}
