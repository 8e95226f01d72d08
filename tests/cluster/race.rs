//! Several operators at the same moment, each in a folder of their own: one ledger is made, and all have it.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::gate::{Gate, Rule, What};
use super::{Hub, Testbed};

impl Hub<'_> {
    fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What the local store says, and what the cluster's ledger says.
    pub(super) fn ledgers(&self) -> (Value, Value) {
        let cluster = &self.data("helm-iris-ledger")["ledger.yaml"];
        (serde_yaml::from_str(&self.env.read(&self.plain())).unwrap(), serde_yaml::from_str(cluster).unwrap())
    }
}

/// A gate that lets everybody look before the first one writes.
fn narrow(testbed: &Testbed, path: &'static str, operators: usize) -> Gate {
    let what = What::Wait { before: Duration::from_millis(700), after: Duration::ZERO };
    Gate::open(&testbed.kubeconfig, Rule { method: "POST", path, first: operators, what })
}

#[test]
fn many_adopt_the_same_hub() {
    const OPERATORS: usize = 6;
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("race", &testbed.helm4);
    hub.made_by_hand(super::adopt::BY_HAND);
    let gate = narrow(&testbed, "/secrets", OPERATORS);
    let mut operators: Vec<Hub<'_>> = (0..OPERATORS).map(|_| hub.elsewhere()).collect();
    for operator in &mut operators {
        operator.kubeconfig = gate.kubeconfig(operator);
    }
    let args = ["secrets", "adopt", "daskhub", "--yes"];
    let children: Vec<_> = operators.iter().map(|operator| operator.start(&args)).collect();
    for (operator, child) in operators.iter().zip(children) {
        let run = operator.env.finish(&args, &child.wait_with_output().unwrap());
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(run.stderr.matches("Secrets of the hub in namespace").count(), 1, "asked once: {run}");
    }
    let writes = gate.answers("POST", "/secrets");
    let count = |status: u16| writes.iter().filter(|is| **is == status).count();
    assert_eq!((count(201), count(409)), (1, OPERATORS - 1), "all wrote, and one made it: {writes:?}");
    assert!(gate.answers("PUT", "/helm-iris-ledger").is_empty(), "nobody wrote over it");
    for operator in &operators {
        let (local, cluster) = operator.ledgers();
        assert_eq!(local["fingerprintKey"], cluster["fingerprintKey"]);
        let adopted = cluster["secrets"].as_object().unwrap();
        assert_eq!(adopted.len(), 6, "what the hub uses");
        for (name, entry) in adopted {
            assert_eq!(local["secrets"][name], *entry, "{name}");
        }
        assert_eq!(local["secrets"]["cookie-secret"]["value"], hub.data("hub")["hub.config.JupyterHub.cookie_secret"]);
        assert!(operator.adopt(&[]).stderr.contains("Nothing to adopt"));
    }
}

#[test]
fn two_install_the_same_new_hub() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("twins", &testbed.helm4);
    let gate = narrow(&testbed, "/leases", 2);
    let mut operators = [hub.elsewhere(), hub.elsewhere()];
    for operator in &mut operators {
        operator.kubeconfig = gate.kubeconfig(operator);
        assert_eq!(operator.run(&["charts", "pull", "daskhub"]).code, Some(0));
        assert_eq!(operator.run(&["render", "daskhub"]).code, Some(0));
    }
    let provisional = operators.each_ref().map(|operator| operator.env.secrets());
    assert_ne!(provisional[0], provisional[1], "each has made secrets of their own");
    let args = ["install", "daskhub", "--yes"];
    let children = operators.each_ref().map(|operator| operator.start(&args));
    let mut ended = Vec::new();
    for (operator, child) in operators.iter().zip(children) {
        let run = operator.env.finish(&args, &child.wait_with_output().unwrap());
        assert!(run.code == Some(0) || (run.code == Some(1) && run.stderr.contains("hint:")), "{run}");
        ended.push(run.code);
    }
    eprintln!("exit codes of two at once: {ended:?}");
    let taken = gate.answers("POST", "/leases");
    assert!(taken[..2].contains(&201) && taken[..2].contains(&409), "both began at once, one goes on: {taken:?}");
    // Whoever was refused runs the same command again.
    for operator in &operators {
        operator.install(&[]);
    }
    for operator in &operators {
        assert!(operator.install(&[]).stderr.contains("Nothing to change"));
        let (local, cluster) = operator.ledgers();
        assert_eq!(local, cluster);
        for release in [operator.namespace.as_str(), "postgresql"] {
            let values = operator.helm(&["get", "values", release]);
            assert!(values.contains(local["secrets"]["database-password"]["value"].as_str().unwrap()), "{release}");
        }
    }
    let secrets = operators.each_ref().map(|operator| operator.env.secrets());
    assert_eq!(secrets[0], secrets[1]);
    assert!(provisional.contains(&secrets[0]), "one of them won, whole");
}

/// A secret that is brought while an installation is under way is not written over by what it keeps.
#[test]
fn what_is_brought_meanwhile_is_kept() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("meanwhile", &testbed.helm4);
    let gate = narrow(&testbed, "/secrets", 1);
    let mut operator = hub.elsewhere();
    assert_eq!(operator.run(&["charts", "pull", "daskhub"]).code, Some(0));
    operator.kubeconfig = gate.kubeconfig(&operator);
    let args = ["install", "daskhub", "--yes"];
    let child = operator.start(&args);
    // The Lease is there, and the ledger is held up at the gate.
    let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/helm-iris", hub.namespace);
    while hub.api().get(&lease).is_none() {
        std::thread::sleep(Duration::from_millis(10));
    }
    operator.env.write("given", "brought-meanwhile-0");
    assert_eq!(operator.run(&["secrets", "set", "my-own", "--from-file", "given"]).code, Some(0));
    std::fs::remove_file(operator.env.path("given")).unwrap();
    let run = operator.env.finish(&args, &child.wait_with_output().unwrap());
    assert!(run.code == Some(1) && run.stderr.contains("was changed while this command ran"), "{run}");
    assert_eq!(operator.env.secrets()["my-own"], "brought-meanwhile-0");
    operator.install(&[]);
    assert_eq!(operator.env.secrets()["my-own"], "brought-meanwhile-0");
}
