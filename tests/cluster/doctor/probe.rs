//! The trial claim: made, judged, and removed, whatever happens.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::super::{Hub, Testbed};
use super::{CLASSES, class};

impl Hub<'_> {
    /// Claims and pods of trials.
    fn trials(&self) -> Vec<Value> {
        let label = "?labelSelector=helm-iris%2Fprobe%3Dtrue";
        let lists =
            ["persistentvolumeclaims", "pods"].map(|kind| self.api().list(&self.core(&format!("{kind}{label}"))));
        lists.concat()
    }

    fn wait_for_trials(&self, wanted: usize) {
        let start = Instant::now();
        while self.trials().len() != wanted {
            assert!(start.elapsed() < Duration::from_secs(30), "{:?}", self.trials());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A trial that waits for a volume that nobody makes.
    fn waiting_trial(&self) -> Child {
        let mut command = self.command(&["doctor", "daskhub", "--probe"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.wait_for_trials(2);
        child
    }
}

#[test]
fn a_trial_claim_gets_a_volume_and_nothing_stays() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-probe", &testbed.helm4);
    hub.pull();
    testbed.api.create("/api/v1/namespaces", &json!({"metadata": {"name": hub.namespace}}));
    let volumes = || testbed.api.list("/api/v1/persistentvolumes").len();
    let before = volumes();
    // The class that install would make is not there to be tried, and that is no fault.
    let none = hub.doctor(&["--probe"]);
    none.has_no("probe-failed");
    assert!(none.run.stdout.contains("no trial: the class is not there yet"), "{}", none.run);
    let states = [json!({}), json!({"volumeBindingMode": "Immediate"}), json!({"reclaimPolicy": "Retain"})];
    for more in states {
        testbed.api.delete_all(CLASSES);
        testbed.api.create(CLASSES, &class("usual", &more));
        let found = hub.doctor(&["--probe"]);
        found.has_no("probe-failed");
        assert!(found.run.stdout.contains("a volume was made"), "{}", found.run);
        hub.wait_for_trials(0);
        let start = Instant::now();
        while volumes() > before {
            assert!(start.elapsed() < Duration::from_secs(30), "a volume stays: {more}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    // Without the flag nothing is tried.
    assert!(!hub.doctor(&[]).run.stdout.contains("a volume was made"));
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"persistentvolumeclaims": "0"}}});
    testbed.api.create(&hub.core("resourcequotas"), &quota);
    let start = Instant::now();
    // The quota holds once its controller has counted.
    while testbed.api.get(&hub.core("resourcequotas/none")).unwrap()["status"]["hard"].is_null() {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(50));
    }
    hub.doctor(&["--probe"]).has("probe-failed", "fatal", &["quota"]);
    hub.wait_for_trials(0);
}

#[test]
fn a_trial_that_is_stopped_or_killed_leaves_nothing_for_long() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-kill", &testbed.helm4);
    hub.pull();
    testbed.api.create("/api/v1/namespaces", &json!({"metadata": {"name": hub.namespace}}));
    let by_hand = json!({"provisioner": "kubernetes.io/no-provisioner"});
    testbed.api.create(CLASSES, &class("by-hand", &by_hand));
    let mut stopped = hub.waiting_trial();
    kill_process(Pid::from_child(&stopped), Signal::INT).unwrap();
    assert_eq!(stopped.wait().unwrap().code(), Some(130));
    hub.wait_for_trials(0);

    let mut killed = hub.waiting_trial();
    // Somebody else's trial that still runs is left alone.
    let run = |hub: &Hub<'_>| {
        testbed.api.delete_all(CLASSES);
        testbed.api.create(CLASSES, &class("usual", &json!({})));
        hub.doctor(&["--probe"]).has_no("probe-failed");
    };
    run(&hub);
    hub.wait_for_trials(2);
    killed.kill().unwrap();
    killed.wait().unwrap();
    run(&hub);
    hub.wait_for_trials(0);
}
