//! Several operators at the same moment: one works, the others are told who.

use std::process::{Child, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::json;

use super::gate::{Asked, Gate, Guard, Rule, What};
use super::{Hub, Testbed, report, soak};
use crate::common::TestEnv;

/// Who install the same hub at once in the short form; `scripts/soak.sh` lets twenty do that.
const OPERATORS: usize = 6;
/// Hubs at once in the short form, where `scripts/soak.sh` has ten.
const HUBS: usize = 5;

/// Lets nobody write a ledger until it is opened: whoever has the Lease keeps it so long.
#[derive(Default)]
struct Door {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Door {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Guard for Door {
    fn comes(&self, asked: &Asked<'_>) -> bool {
        if asked.method == "POST" && asked.path.ends_with("/secrets") {
            drop(self.opened.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
        }
        false
    }
}

impl Hub<'_> {
    fn lease(&self) -> serde_json::Value {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/helm-iris", self.namespace);
        self.api().get(&path).unwrap_or_default()
    }

    /// A Lease that somebody else holds, with their last sign of life.
    fn hold_lease(&self, renewed: &str) {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace);
        self.api().delete(&format!("{path}/helm-iris"));
        let spec = json!({"holderIdentity": "bob@elsewhere (process 7)", "leaseDurationSeconds": 60,
            "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": renewed});
        let doing = json!({"helm-iris/doing": "install daskhub, by bob@elsewhere"});
        let meta = json!({"name": "helm-iris", "annotations": doing});
        self.api().create(&path, &json!({"metadata": meta, "spec": spec}));
    }

    /// Somebody else with a folder of their own and the same site file.
    fn colleague(&self) -> TestEnv {
        TestEnv::with_site(self.env.read("iris.yaml"))
    }

    fn starts(&self, env: &TestEnv, who: &str) -> Child {
        let mut command = env.command(&["install", "daskhub", "--yes", "-n", &self.namespace]);
        command.env("KUBECONFIG", &self.kubeconfig).env("HELM_BIN", &self.helm).env("USER", who);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn of_many_who_install_the_same_hub_one_works() {
    let Some(testbed) = Testbed::take() else { return };
    let (operators, _) = soak(OPERATORS, 0);
    let mut hub = testbed.hub("once", &testbed.helm4);
    let door = Arc::new(Door::default());
    let rule = Rule { method: "", path: "", first: usize::MAX, what: What::Guard(door.clone()) };
    hub.kubeconfig = Gate::open(&hub.kubeconfig, rule).kubeconfig(&hub);
    let folders: Vec<TestEnv> = (0..operators).map(|_| hub.colleague()).collect();
    let who = |number: usize| format!("colleague{number}");
    let mut running: Vec<(usize, Child)> =
        folders.iter().enumerate().map(|(number, env)| (number, hub.starts(env, &who(number)))).collect();
    // All but one end, because that one works and cannot go on.
    let mut refused = Vec::new();
    while running.len() > 1 {
        let ended = running.iter_mut().position(|(_, child)| child.try_wait().unwrap().is_some());
        let Some(ended) = ended else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        refused.push(running.remove(ended).1.wait_with_output().unwrap());
    }
    door.open();
    let (worker, child) = running.remove(0);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let holder = format!("{}@", who(worker));
    for output in &refused {
        let told = stderr(output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("somebody else works on") && told.contains(&holder), "it says who: {told}");
    }
    let told = format!("| {operators} installs of the same hub | 1 worked, {} were told who holds it |", refused.len());
    eprintln!("{told}");
    report(&["| At once | Outcome |".to_owned(), "|---|---|".to_owned(), told]);
    let revisions = hub.state().revisions;
    assert_eq!(revisions.values().collect::<Vec<_>>(), [&1, &1], "one of them, once: {revisions:?}");
    // It is free again, and tells who was last.
    let lease = hub.lease();
    assert!(lease["spec"]["holderIdentity"].is_null(), "{lease}");
    let last = lease["metadata"]["annotations"]["helm-iris/doing"].as_str().unwrap_or_default();
    assert!(last.starts_with(&format!("install daskhub, by {holder}")), "{last}");
}

#[test]
fn different_hubs_at_once_make_one_default_class() {
    let Some(testbed) = Testbed::take() else { return };
    let (count, _) = soak(HUBS, 0);
    let hubs: Vec<Hub<'_>> = (0..count).map(|n| testbed.hub(&format!("many{n}"), &testbed.helm4)).collect();
    let running: Vec<_> = hubs.iter().map(|hub| hub.starts(&hub.env, "colleague")).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let classes = testbed.api.list("/apis/storage.k8s.io/v1/storageclasses");
    assert_eq!(classes.len(), 1, "{classes:?}");
    let notes = &classes[0]["metadata"]["annotations"];
    assert_eq!(notes["storageclass.kubernetes.io/is-default-class"], "true", "{notes}");
    let told = format!("| {count} different hubs, no StorageClass | all work, {} default class |", classes.len());
    eprintln!("{told}");
    report(&[told]);
}

/// A Lease of somebody who is alive keeps others out; one that ran out does not.
#[test]
fn a_lease_that_ran_out_is_taken_over() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("ranout", &testbed.helm4);
    hub.install(&[]);
    hub.hold_lease("2999-01-01T00:00:00.000000Z");
    let set = ["--set", "users.idleTimeout=7200"];
    hub.refused(&set, &["somebody else works on", "bob@elsewhere (process 7)", "since 2020-01-01"]);
    hub.hold_lease("2020-01-01T00:00:00.000000Z");
    hub.install(&set);
    assert_eq!(hub.revision(&hub.namespace), 2);
    what_a_run_left_at_its_very_end_is_noted(&hub, &set);
}

/// A run that was killed when all was done but for its notes: the next one has nothing to do but those.
fn what_a_run_left_at_its_very_end_is_noted(hub: &Hub<'_>, set: &[&str]) {
    let path = hub.core("secrets/helm-iris-bundle-v2");
    let applied = || hub.api().get(&path).unwrap()["metadata"]["annotations"]["helm-iris/applied"].clone();
    assert_eq!(applied(), "true");
    let mut kept = hub.api().get(&path).unwrap();
    kept["metadata"]["annotations"].as_object_mut().unwrap().remove("helm-iris/applied");
    hub.api().replace(&path, &kept);
    // The control: whoever may still be at work is not written over.
    hub.hold_lease("2999-01-01T00:00:00.000000Z");
    assert!(hub.install(set).stderr.contains("Nothing to change"));
    assert!(applied().is_null() && !hub.lease()["spec"]["holderIdentity"].is_null());
    hub.hold_lease("2020-01-01T00:00:00.000000Z");
    assert!(hub.install(set).stderr.contains("Nothing to change"));
    assert!(applied() == "true" && hub.lease()["spec"]["holderIdentity"].is_null());
    hub.uninstall(&[]);
    hub.hold_lease("2020-01-01T00:00:00.000000Z");
    hub.uninstall(&[]);
    assert!(hub.lease().is_null(), "it goes with the hub");
    hub.forget_volumes();
}
