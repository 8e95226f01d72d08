//! An API server that does not show the ledger: an error, and nothing is made in its place.

use std::path::PathBuf;

use serde_json::json;

use super::gate::{Gate, Rule, What};
use super::{Hub, Testbed, script};

const LEDGER: &str = "/secrets/helm-iris-ledger";
const INSTALL: &[&str] = &["install", "daskhub", "--yes"];
const ADOPT: &[&str] = &["secrets", "adopt", "daskhub", "--yes"];
const ROTATE: &[&str] = &["secrets", "rotate", "--all", "--yes"];
const TO_FILE: &[&str] = &["secrets", "export", "--to", "file"];
const TO_CLUSTER: &[&str] = &["secrets", "export", "--to", "cluster", "--yes"];

/// Every verb that wants the ledger: on the machine of the hub, and on one that has only the site file.
fn assert_all_refused(hub: &mut Hub<'_>, kubeconfig: PathBuf, words: &[&str]) {
    let mut elsewhere = hub.elsewhere();
    hub.kubeconfig.clone_from(&kubeconfig);
    elsewhere.kubeconfig = kubeconfig;
    let state = hub.state();
    for args in [INSTALL, ADOPT, ROTATE, TO_CLUSTER] {
        hub.kept(args, words);
    }
    for args in [ADOPT, TO_FILE] {
        elsewhere.kept(args, words);
    }
    assert_eq!(hub.state(), state, "the cluster is as it was");
}

/// An installation from a new folder renders before it looks: what it makes for that is provisional, and
/// yields to the hub's as soon as they can be read.
fn assert_only_provisional(hub: &Hub<'_>, kubeconfig: PathBuf, real: PathBuf) {
    let (secrets, state) = (hub.env.secrets(), hub.state());
    let mut elsewhere = hub.elsewhere();
    assert_eq!(elsewhere.run(&["charts", "pull", "daskhub"]).code, Some(0));
    elsewhere.kubeconfig = kubeconfig;
    elsewhere.refused(&[], &["ledger"]);
    let local: serde_json::Value = serde_yaml::from_str(&elsewhere.env.read(&elsewhere.plain())).unwrap();
    let entries = local["secrets"].as_object().unwrap();
    assert!(entries.len() >= 5 && entries.values().all(|entry| entry["provisional"] == true));
    assert_eq!(hub.state(), state);
    elsewhere.kubeconfig = real;
    let run = elsewhere.install(&[]);
    assert!(run.stderr.contains("Nothing to change"), "{run}");
    assert_eq!((elsewhere.env.secrets(), hub.state()), (secrets, state));
}

#[test]
fn a_ledger_that_cannot_be_read_is_not_one_that_is_missing() {
    let Some(testbed) = Testbed::take() else { return };
    let mut hub = testbed.hub("unread", &testbed.helm4);
    hub.installed();
    let real = hub.kubeconfig.clone();
    for (status, words) in [(403, &["not allowed to read the ledger"][..]), (500, &["read the ledger", "in trouble"])] {
        let rule = Rule { method: "GET", path: LEDGER, first: usize::MAX, what: What::Refuse(status) };
        let gate = Gate::open(&real, rule);
        let through = gate.kubeconfig(&hub);
        assert_all_refused(&mut hub, through.clone(), words);
        assert!(gate.answers("GET", LEDGER).iter().filter(|is| **is == status).count() >= 6, "each asked for it");
        if status == 403 {
            assert_only_provisional(&hub, through, real.clone());
        }
    }
    who_may_not_read_secrets_is_told_so(&mut hub);
    // The control: with the right to read it, the same verbs go through.
    hub.kubeconfig = real;
    hub.done(ADOPT);
    hub.done(TO_CLUSTER);
    hub.done(TO_FILE);
}

/// Kubernetes' own access control, for somebody who may look at everything in the namespace but Secrets.
fn who_may_not_read_secrets_is_told_so(hub: &mut Hub<'_>) {
    let own = format!("{}-own", hub.namespace);
    let output = std::process::Command::new(script("testbed.sh")).args(["user", "vera", &own]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let of_vera: PathBuf = String::from_utf8(output.stdout).unwrap().trim().into();
    let binding = json!({
        "metadata": {"name": "vera-looks"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "vera"}],
        "roleRef": {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": "view"},
    });
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings", hub.namespace);
    hub.api().create(&bindings, &binding);
    assert_all_refused(hub, of_vera, &["not allowed to", "Secret"]);
    hub.api().delete(&format!("/api/v1/namespaces/{own}"));
}

/// Where it can be read and not written, nothing is kept here alone.
#[test]
fn a_ledger_that_cannot_be_written_is_not_kept_here_alone() {
    let Some(testbed) = Testbed::take() else { return };
    let mut hub = testbed.hub("unwritten", &testbed.helm4);
    hub.made_by_hand(super::adopt::BY_HAND);
    let (real, secrets) = (hub.kubeconfig.clone(), hub.state().secrets);
    for status in [403, 500] {
        let rule = Rule { method: "POST", path: "/secrets", first: usize::MAX, what: What::Refuse(status) };
        let gate = Gate::open(&real, rule);
        hub.kubeconfig = gate.kubeconfig(&hub);
        hub.kept(ADOPT, &["write the ledger"]);
        hub.done(&["render", "daskhub"]);
        hub.kept(INSTALL, &["write the ledger"]);
        // An API server in trouble is asked again; one that refuses is not.
        let asked = if status == 500 { 5 } else { 1 };
        assert_eq!(gate.answers("POST", "/secrets"), vec![status; 2 * asked]);
        assert_eq!(hub.state().secrets, secrets);
    }
    hub.kubeconfig = real;
    hub.done(ADOPT);
}
