//! Several operators at the same moment: one works, the others are told who.

use std::process::{Output, Stdio};

use serde_json::json;

use super::{Hub, Testbed};
use crate::common::TestEnv;

/// How many there are; the twenty are run by hand, since each starts a helm.
const OPERATORS: usize = 8;
const HUBS: usize = 5;

impl Hub<'_> {
    fn lease(&self) -> serde_json::Value {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/helm-iris", self.namespace);
        self.api().get(&path).unwrap_or_default()
    }

    /// Somebody else with a folder of their own and the same site file.
    fn colleague(&self) -> TestEnv {
        TestEnv::with_site(self.env.read("iris.yaml"))
    }

    fn starts(&self, env: &TestEnv) -> std::process::Child {
        let mut command = env.command(&["install", "daskhub", "--yes", "-n", &self.namespace]);
        command.env("KUBECONFIG", &self.kubeconfig).env("HELM_BIN", &self.helm).env("USER", "colleague");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn of_many_who_install_the_same_hub_one_works() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("once", &testbed.helm4);
    let folders: Vec<TestEnv> = (0..OPERATORS).map(|_| hub.colleague()).collect();
    let running: Vec<_> = folders.iter().map(|env| hub.starts(env)).collect();
    let outputs: Vec<Output> = running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let (worked, refused): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    assert!(!worked.is_empty(), "{}", refused.iter().map(|one| stderr(one)).collect::<String>());
    for output in refused {
        assert_eq!(output.status.code(), Some(1));
        let told = stderr(output);
        let words = ["somebody else works on", "somebody else has worked on", "another helm works on"];
        assert!(words.iter().any(|word| told.contains(word)), "{told}");
        assert!(told.contains("colleague@") || !told.contains(words[0]), "it says who: {told}");
    }
    let revisions = hub.state().revisions;
    assert_eq!(revisions.values().collect::<Vec<_>>(), [&1, &1], "one of them, once: {revisions:?}");
    // It is free again, and tells who was last.
    let lease = hub.lease();
    assert!(lease["spec"]["holderIdentity"].is_null(), "{lease}");
    let last = lease["metadata"]["annotations"]["helm-iris/doing"].as_str().unwrap_or_default();
    assert!(last.starts_with("install daskhub, by colleague@"), "{last}");
}

#[test]
fn different_hubs_at_once_make_one_default_class() {
    let Some(testbed) = Testbed::take() else { return };
    let hubs: Vec<Hub<'_>> = (0..HUBS).map(|n| testbed.hub(&format!("many{n}"), &testbed.helm4)).collect();
    let running: Vec<_> = hubs.iter().map(|hub| hub.starts(&hub.env)).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let classes = testbed.api.list("/apis/storage.k8s.io/v1/storageclasses");
    assert_eq!(classes.len(), 1, "{classes:?}");
}

/// A Lease of somebody who is alive keeps others out; one that ran out does not.
#[test]
fn a_lease_that_ran_out_is_taken_over() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("ranout", &testbed.helm4);
    hub.install(&[]);
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", hub.namespace);
    let hold = |renewed: &str| {
        hub.api().delete(&format!("{path}/helm-iris"));
        let spec = json!({"holderIdentity": "bob@elsewhere (process 7)", "leaseDurationSeconds": 60,
            "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": renewed});
        let doing = json!({"helm-iris/doing": "install daskhub, by bob@elsewhere"});
        let meta = json!({"name": "helm-iris", "annotations": doing});
        hub.api().create(&path, &json!({"metadata": meta, "spec": spec}));
    };
    hold("2999-01-01T00:00:00.000000Z");
    let set = ["--set", "users.idleTimeout=7200"];
    hub.refused(&set, &["somebody else works on", "bob@elsewhere (process 7)", "since 2020-01-01"]);
    hold("2020-01-01T00:00:00.000000Z");
    hub.install(&set);
    assert_eq!(hub.revision(&hub.namespace), 2);
}
