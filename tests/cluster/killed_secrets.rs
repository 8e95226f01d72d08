//! Adopting and exporting to the cluster, killed for good at many moments: no secret is lost or changed,
//! and the same command finishes.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::gate::{Gate, Rule, What};
use super::{Hub, Testbed};
use crate::common::{forms, moments};

const ADOPT: [&str; 4] = ["secrets", "adopt", "daskhub", "--yes"];
const TO_CLUSTER: [&str; 5] = ["secrets", "export", "--to", "cluster", "--yes"];
const TO_FILE: [&str; 4] = ["secrets", "export", "--to", "file"];
const KILLS: u32 = 14;

/// A hub, and a gate that makes the moment last in which the ledger is written.
struct Victim<'t> {
    hub: Hub<'t>,
    gate: Gate,
    secrets: BTreeMap<String, String>,
}

impl Victim<'_> {
    /// Starts a command, kills it at this moment of a run, and tells in which places the ledger is then.
    fn killed(&self, args: &[&str], moment: Duration) -> (bool, bool) {
        let mut child = self.hub.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        self.gate.settle();
        for (path, file) in self.hub.env.tree().files().filter(|(_, file)| file.mode != 0o600) {
            let text = String::from_utf8_lossy(&file.bytes);
            let held = self.secrets.iter().find(|(_, value)| forms(value).iter().any(|form| text.contains(form)));
            assert!(held.is_none(), "{path} ({:04o}) holds {:?}", file.mode, held.map(|(name, _)| name));
        }
        (self.in_cluster().is_some(), self.hub.env.tree().has(&self.hub.plain()))
    }

    fn in_cluster(&self) -> Option<String> {
        let there = self.hub.api().get(&self.hub.core("secrets/helm-iris-ledger")).is_some();
        there.then(|| self.hub.data("helm-iris-ledger")["ledger.yaml"].clone())
    }

    fn forget_in_cluster(&self) {
        self.hub.api().delete(&self.hub.core("secrets/helm-iris-ledger"));
    }

    /// Everything that the hub uses is in this ledger.
    fn assert_all_in(&self, ledger: &str) {
        let ledger: serde_json::Value = serde_yaml::from_str(ledger).unwrap();
        for (name, value) in &self.secrets {
            assert_eq!(ledger["secrets"][name]["value"], **value, "{name}");
        }
    }

    /// How long a command takes that is left alone.
    fn timed(&self, args: &[&str]) -> Duration {
        let began = Instant::now();
        self.hub.done(args);
        began.elapsed()
    }

    /// What a killed write left goes with the next run, as soon as nobody can be writing it any more.
    fn leftovers_go(&self, args: &[&str]) {
        let left = format!(".helm-iris/.{}.secrets.yaml.Ab12Cd.tmp", self.hub.namespace);
        self.hub.private_file(&left, self.secrets.values().next().unwrap());
        let old = std::time::SystemTime::now() - Duration::from_mins(2);
        let temporary = |path: &str| path.ends_with(".tmp");
        for (path, _) in self.hub.env.tree().files().filter(|(path, _)| temporary(path)) {
            let file = std::fs::File::options().write(true).open(self.hub.env.path(path)).unwrap();
            file.set_modified(old).unwrap();
        }
        self.hub.done(args);
        let tree = self.hub.env.tree();
        assert!(!tree.files().any(|(path, _)| temporary(path)), "{}", tree.listing());
    }
}

/// A hub that was made by hand, with the secrets that it uses.
fn victim(testbed: &Testbed) -> Victim<'_> {
    let mut hub = testbed.hub("killed", &testbed.helm4);
    hub.made_by_hand(super::adopt::BY_HAND);
    let what = What::Wait { before: Duration::from_millis(40), after: Duration::from_millis(140) };
    let gate = Gate::open(&hub.kubeconfig, Rule { method: "POST", path: "/secrets", first: usize::MAX, what });
    hub.kubeconfig = gate.kubeconfig(&hub);
    let secrets = hub.data("hub");
    let name = |key: &str| match key {
        "hub.config.ConfigurableHTTPProxy.auth_token" => Some("proxy-token"),
        "hub.services.dask-gateway.apiToken" => Some("dask-gateway-token"),
        "hub.config.JupyterHub.cookie_secret" => Some("cookie-secret"),
        "hub.config.CryptKeeper.keys" => Some("crypt-keeper-keys"),
        _ => None,
    };
    let secrets: BTreeMap<_, _> =
        secrets.into_iter().filter_map(|(key, value)| Some((name(&key)?.to_owned(), value))).collect();
    assert_eq!(secrets.len(), 4);
    Victim { hub, gate, secrets }
}

#[test]
fn what_is_killed_loses_nothing_and_is_finished_by_the_same_command() {
    let Some(testbed) = Testbed::take() else { return };
    let victim = victim(&testbed);
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let local = victim.hub.plain();

    let whole = victim.timed(&ADOPT);
    for moment in moments(1, KILLS) {
        victim.forget_in_cluster();
        std::fs::remove_file(victim.hub.env.path(&local)).unwrap();
        let places = victim.killed(&ADOPT, whole.mul_f64(moment));
        let phase = match places {
            (false, false) => "before",
            (true, false) => "between",
            (true, true) => "after",
            (false, true) => panic!("the hub's secrets are here, and not in the cluster"),
        };
        *seen.entry(("adopt", phase)).or_default() += 1;
        let begun = victim.in_cluster();
        victim.hub.done(&ADOPT);
        victim.assert_all_in(&victim.in_cluster().unwrap());
        victim.assert_all_in(&victim.hub.env.read(&local));
        assert!(begun.is_none_or(|begun| Some(begun) == victim.in_cluster()), "what was begun is kept");
    }
    victim.leftovers_go(&ADOPT);

    // What the cluster's ledger lacks is provisional here, and may not go.
    std::fs::remove_file(victim.hub.env.path(&local)).unwrap();
    victim.hub.done(&TO_FILE);
    let ledger = victim.hub.env.read(&local);
    victim.forget_in_cluster();
    let whole = victim.timed(&TO_CLUSTER);
    for moment in moments(2, KILLS) {
        victim.hub.done(&TO_FILE);
        victim.forget_in_cluster();
        let places = victim.killed(&TO_CLUSTER, whole.mul_f64(moment));
        let phase = match places {
            (false, true) => "before",
            (true, true) => "between",
            (true, false) => "after",
            (false, false) => panic!("the secrets are lost"),
        };
        *seen.entry(("export", phase)).or_default() += 1;
        victim.hub.done(&TO_CLUSTER);
        assert_eq!(victim.in_cluster().as_ref(), Some(&ledger));
        assert!(!victim.hub.env.tree().has(&local));
    }
    victim.hub.done(&TO_FILE);
    victim.leftovers_go(&TO_CLUSTER);

    eprintln!("kills by phase: {seen:?}");
    for (verb, phase) in [("adopt", "before"), ("adopt", "between"), ("export", "before"), ("export", "between")] {
        assert!(seen.get(&(verb, phase)).is_some_and(|count| *count >= 2), "{verb} {phase}: {seen:?}");
    }
}
