//! How a hub stands, with states made on purpose.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Hub, Testbed, script};
use crate::common::Run;

const FAULT: &str = "values:\n  daskhub:\n    jupyterhub:\n      hub:\n        annotations:\n          testbed.helm-iris/fault: image-pull\n";
const NO_ADDRESS: &str = "loadBalancer:\n  annotations:\n    testbed.helm-iris/no-address: \"true\"\n";

impl Hub<'_> {
    /// Runs `status` until it shows these words, and gives the last run.
    fn status_until(&self, words: &[&str]) -> Run {
        let start = Instant::now();
        loop {
            let run = self.run(&["status"]);
            if words.iter().all(|word| unfolded(&run.stdout).contains(word)) {
                assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
                return run;
            }
            assert!(start.elapsed() < Duration::from_secs(40), "no {words:?} in\n{run}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn status_json(&self) -> Value {
        let run = self.run(&["status", "-o", "json"]);
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
    }

    /// A program without `-n`.
    fn anywhere(&self, args: &[&str]) -> Run {
        let mut command = self.env.command(args);
        command.env("KUBECONFIG", &self.kubeconfig);
        let output = command.output().unwrap();
        self.env.finish(args, &output)
    }

    fn claim(&self, name: &str, class: &str, labels: &Value) {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "labels": labels},
            // Of a volume that is not there: nobody tells events about it, and 600 would drown others.
            "spec": {"storageClassName": class, "volumeName": if class.is_empty() { "nowhere" } else { "" }, "accessModes": ["ReadWriteOnce"],
                     "resources": {"requests": {"storage": "1Gi"}}}});
        self.api().create(&self.core("persistentvolumeclaims"), &claim);
    }

    fn scale(&self, name: &str, replicas: u8) {
        let path = format!("/apis/apps/v1/namespaces/{}/deployments/{name}/scale", self.namespace);
        self.api().patch(&path, "kubectl", &json!({"spec": {"replicas": replicas}}));
    }

    fn lease_path(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/helm-iris", self.namespace)
    }
}

/// The text as it was before it was folded at 80 columns.
fn unfolded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_hub_is_healthy_until_something_is_the_matter() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub(&format!("status-{word}"), &helm);
        hub.install(&[]);
        let run = hub.run(&["status"]);
        assert_eq!(run.code, Some(0), "{run}");
        let text = unfolded(&run.stdout);
        for shown in [
            ": healthy",
            "deployed daskhub 0.1.0",
            "storage* 1 deployed",
            "Bundle 1 (SHA-256 ",
            "is what is applied",
            "Drift none",
            "8 of 8 ready",
            "data-postgresql-0 8Gi Bound",
            "http://192.0.2.",
            "none of them weak",
            "no helm iris works on it; last: install daskhub, by ",
        ] {
            assert!(text.contains(shown), "no {shown:?} in\n{run}");
        }
        let status = hub.status_json();
        assert_eq!((&status["format"], &status["state"]), (&json!(1), &json!("healthy")));
        assert_eq!(status["bundle"]["applied"], json!(true));
        assert_eq!(status["notRead"], json!([]));

        // In the cluster alone.
        hub.scale("proxy", 2);
        let run = hub.status_until(&["Drift 1 object changed since", "see: helm iris plan daskhub"]);
        assert!(run.stdout.contains("healthy") || run.stdout.contains("starting"), "{run}");
        assert_eq!(hub.status_json()["drift"]["objects"][0]["name"], "proxy");
        hub.scale("proxy", 1);

        // Values, in the bundle alone.
        let site = hub.env.read("iris.yaml");
        hub.env.write("iris.yaml", format!("{site}users:\n  homeSize: 11Gi\n"));
        assert_eq!(hub.run(&["render", "daskhub"]).code, Some(0));
        let run = hub.status_until(&["is not what is applied", "it has other values"]);
        assert_eq!(run.code, Some(0), "a bundle that waits for its install is nothing wrong: {run}");

        // The answer of the cloud's support.
        let site = hub.env.read("iris.yaml");
        let run = hub.run(&["ip", "set", "192.0.2.77", "daskhub"]);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("loadBalancerIP") && run.stdout.contains("192.0.2.77"), "{run}");
        assert_eq!(hub.env.read("iris.yaml"), format!("{site}loadBalancer:\n  address: 192.0.2.77\n"));
        let run = hub.run(&["ip"]);
        assert!(!run.stdout.contains("192.0.2.77") && run.stdout.contains("Address    http://192.0.2."), "{run}");
        assert!(run.stdout.contains("not from this computer"), "the address leads nowhere: {run}");

        // Somebody works on it.
        let mut lease = hub.api().get(&hub.lease_path()).unwrap();
        lease["metadata"]["annotations"] = json!({"helm-iris/doing": "install daskhub, by bob@far-away"});
        lease["spec"]["holderIdentity"] = json!("bob@far-away");
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        (lease["spec"]["renewTime"], lease["spec"]["acquireTime"]) = (json!(now), json!(now));
        hub.api().replace(&hub.lease_path(), &lease);
        let run = hub.status_until(&[": starting", "right now: install daskhub, by bob@far-away"]);
        assert_eq!(run.code, Some(0), "{run}");
        hub.api().delete(&hub.lease_path());

        // Helm fails halfway: the second object is refused by the API server.
        hub.env.write("bad/Chart.yaml", "apiVersion: v2\nname: bad\nversion: 9.9.9\n");
        hub.env.write(
            "bad/templates/a.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 0}]}\n",
        );
        let path = hub.env.path("bad");
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            hub.helm(&["upgrade", "postgresql", path.to_str().unwrap()])
        }));
        assert!(failed.is_err(), "helm fails");
        let run = hub.status_until(&["postgresql: revision 2 failed", "helm history postgresql -n"]);
        assert_eq!(run.code, Some(1), "{run}");
    }
}

#[test]
fn what_is_gone_is_told_from_what_was_uninstalled() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub(&format!("gone-{word}"), &helm);
        hub.install(&[]);
        let name = hub.namespace.as_str();
        let is_told = |code: i32, state: &str, words: &[&str]| {
            let run = hub.status_until(words);
            assert_eq!(run.code, Some(code), "{run}");
            assert_eq!(hub.status_json()["state"], json!(state), "{run}");
        };
        let again = format!("helm iris install daskhub -n {name}");
        is_told(0, "healthy", &[]);

        // A helm that is not ours, at work or killed: an installation refuses with the same words.
        let secret = hub.core(&format!("secrets/sh.helm.release.v1.{name}.v1"));
        let label =
            |status: &str| hub.api().patch(&secret, "test", &json!({"metadata": {"labels": {"status": status}}}));
        label("pending-upgrade");
        is_told(1, "failing", &[&format!("another helm works on `{name}` right now"), "if not: helm uninstall"]);
        label("deployed");
        is_told(0, "healthy", &[]);

        hub.helm(&["uninstall", name]);
        is_told(1, "failing", &[&format!("the release {name} is missing"), &again, "postgresql 1 deployed"]);
        assert_eq!(hub.status_json()["missing"], json!([{"name": name, "namespace": name}]));
        hub.install(&[]);
        is_told(0, "healthy", &[": healthy"]);

        hub.uninstall(&[]);
        is_told(1, "uninstalled", &["uninstalled: no release of it is here", &format!("to bring it back: {again}")]);
        hub.install(&[]);
        is_told(0, "healthy", &[": healthy"]);

        // The ledger is held back, so that the namespace takes its time.
        let ledger = hub.core("secrets/helm-iris-ledger");
        let hold = |by: &Value| hub.api().patch(&ledger, "test", &json!({"metadata": {"finalizers": by}}));
        hold(&json!(["testbed.helm-iris/hold"]));
        hub.api().delete(&format!("/api/v1/namespaces/{name}"));
        is_told(1, "failing", &[&format!("the namespace {name} is being deleted since ")]);
        hold(&json!([]));
    }
}

#[test]
fn what_hits_every_pod_is_told_once_on_one_screen() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("all-h4", &testbed.helm4);
    let label = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    testbed.api.create("/api/v1/namespaces", &json!({"metadata": {"name": hub.namespace, "labels": label}}));
    hub.install(&["--verify", "none"]);
    let why = "its pods are forbidden: violates PodSecurity \"restricted:latest\"";
    let run = hub.status_until(&[why, "Deployment proxy,", "6 need attention: see above"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(unfolded(&run.stdout).matches("PodSecurity").count(), 1, "{run}");
    assert!(run.stdout.lines().count() <= 40, "{run}");
}

#[test]
fn pods_claims_and_addresses_are_told_with_their_reasons() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub_with(&format!("why-{word}"), &helm, &format!("{FAULT}{NO_ADDRESS}"));
        hub.install(&["--verify", "none"]);
        hub.claim("stuck", "no-such-class", &json!({}));
        hub.claim("claim-anna", "no-such-class", &json!({"component": "singleuser-storage"}));
        for (name, fault) in [("jupyter-anna", "none"), ("jupyter-bob", "image-pull")] {
            let pod = json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": name, "labels": {"component": "singleuser-server"},
                             "annotations": {"testbed.helm-iris/fault": fault}},
                "spec": {"containers": [{"name": "notebook", "image": "example.org/notebook:1"}]}});
            hub.api().create(&hub.core("pods"), &pod);
        }
        // Where there is no folder of the hub, everything but the bundle is told all the same.
        std::fs::remove_dir_all(hub.env.path("")).unwrap();
        std::fs::create_dir(hub.env.path("")).unwrap();
        let run = hub.status_until(&[
            "needs attention",
            "Deployment hub: pod hub-",
            "cannot be pulled",
            "check its name and tag",
            "the volume claim stuck names the StorageClass no-such-class, which does not exist",
            "1 server running, 1 cannot start, 1 volume of 1 GiB in all, 1 claim without a volume",
            "pod jupyter-bob: the image example.org/notebook:1 cannot be pulled",
            "Address pending for ",
        ]);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(!run.stdout.contains("what is applied"), "{run}");
        let status = hub.status_json();
        assert_eq!(status["address"]["kind"], json!("pending"));
        assert!(status["address"]["since"].is_string() && status["bundle"].is_null(), "{status}");
        assert_eq!(status["servers"]["running"], json!(1));
        let run = hub.run(&["ip"]);
        assert_eq!(run.code, Some(0), "{run}");
        for shown in ["pending for ", "address none yet", "TCP 80", "Service UID ", "_proxy-public"] {
            assert!(unfolded(&run.stdout).contains(shown), "no {shown:?} in\n{run}");
        }
        assert!(run.stderr.contains("helm iris ip set ADDRESS"), "{run}");
        let event = json!({"metadata": {"name": "evil"}, "type": "Warning", "reason": "Evil",
            "involvedObject": {"kind": "Service", "namespace": hub.namespace, "name": "proxy-public"},
            "message": "no\u{1b}[2J quota\u{1b}[8m", "lastTimestamp": "2099-01-01T00:00:00Z"});
        hub.api().create(&hub.core("events"), &event);
        for verb in ["ip", "status"] {
            let run = hub.run(&[verb]);
            assert!(unfolded(&run.stdout).contains("the cloud says: no\\u{1b}[2J quota\\u{1b}[8m"), "{run}");
            assert!(!run.stdout.contains('\u{1b}'), "{run}");
        }
        // More than fit one answer of the API server.
        for number in 0..600 {
            hub.claim(&format!("claim-{number}"), "", &json!({"component": "singleuser-storage"}));
        }
        assert_eq!(hub.status_json()["volumes"]["users"]["count"], json!(601));
    }
}

#[test]
fn no_hub_several_hubs_and_what_may_not_be_read() {
    let Some(testbed) = Testbed::take() else { return };
    let mut hub = testbed.hub("status-who", &testbed.helm4);
    let run = hub.run(&["status"]);
    assert!(run.code == Some(1) && run.stderr.contains("there is no namespace"), "{run}");
    hub.install(&[]);
    let hubs = || hub.anywhere(&["status", "-o", "json"]);
    let shown = |run: &Run| serde_json::from_str::<Value>(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    // Others may be there still, which earlier tests took away.
    let has = |found: &Value, namespace: &str| {
        found["hubs"].as_array().into_iter().flatten().any(|hub| hub["namespace"] == namespace)
    };

    let other = testbed.hub("status-two", &testbed.helm4);
    let namespace = json!({"metadata": {"name": other.namespace}});
    testbed.api.create("/api/v1/namespaces", &namespace);
    let run = other.run(&["status"]);
    assert!(run.code == Some(1) && run.stderr.contains("no ledger and no release of ours"), "{run}");
    other.helm(&[
        "install",
        "foreign",
        "--repo",
        &testbed.repo,
        "dask-gateway",
        "--version",
        "2026.3.0",
        "--skip-crds",
    ]);
    let run = other.run(&["status"]);
    assert!(run.code == Some(1) && run.stderr.contains("Helm has 1 there (foreign)"), "{run}");
    other.helm(&["uninstall", "foreign"]);

    let mut ledger = testbed.api.get(&hub.core("secrets/helm-iris-ledger")).unwrap();
    ledger["metadata"] = json!({"name": "helm-iris-ledger"});
    testbed.api.create(&other.core("secrets"), &ledger);
    let run = hubs();
    assert_eq!(run.code, Some(0), "{run}");
    let found = shown(&run);
    assert!(has(&found, &hub.namespace) && has(&found, &other.namespace), "{run}");
    let run = hub.anywhere(&["status"]);
    assert!(run.stdout.contains(&hub.namespace) && run.stdout.contains(&other.namespace), "{run}");

    let output =
        std::process::Command::new(script("testbed.sh")).args(["user", "eve", &hub.namespace]).output().unwrap();
    let admin = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let all = std::mem::replace(&mut hub.kubeconfig, admin.into());
    let run = hub.run(&["status"]);
    assert_eq!(run.code, Some(0), "{run}");
    let text = unfolded(&run.stdout);
    assert!(text.contains("Not read you may not read the releases that all hubs share"), "{run}");
    assert!(text.contains(": healthy") && text.contains("8 of 8 ready"), "{run}");
    hub.kubeconfig = all;
}
