//! A hub is taken away and its data is not; it comes back, into a namespace that was deleted too.

use std::os::unix::fs::PermissionsExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Hub, Testbed, script};
use crate::common::{Run, forms};

const VOLUMES: &str = "/api/v1/persistentvolumes";
const CLUSTERS: &str = "/apis/gateway.dask.org/v1alpha1/namespaces";

/// Waits for what a controller does in its own time.
pub(super) fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_mins(3), "{what}");
        sleep(Duration::from_millis(100));
    }
}

impl Hub<'_> {
    pub(super) fn uninstall(&self, more: &[&str]) -> Run {
        let run = self.run(&[&["uninstall", "daskhub", "--yes"], more].concat());
        assert_eq!(run.code, Some(0), "{run}");
        run
    }

    fn claim_path(&self, claim: &str) -> String {
        self.core(&format!("persistentvolumeclaims/{claim}"))
    }

    /// The volume that a claim is bound to.
    pub(super) fn volume_of(&self, claim: &str) -> Option<String> {
        let claim = self.api().get(&self.claim_path(claim))?;
        (claim["status"]["phase"] == "Bound").then(|| claim["spec"]["volumeName"].as_str().unwrap().to_owned())
    }

    /// A user's server with a claim, both as `KubeSpawner` makes them; gives the volume.
    pub(super) fn server_of(&self, user: &str) -> String {
        let meta = |name: String, component: &str| {
            json!({
                "name": name,
                "labels": {
                    "app": "jupyterhub", "heritage": "jupyterhub", "app.kubernetes.io/name": "jupyterhub",
                    "app.kubernetes.io/managed-by": "kubespawner", "app.kubernetes.io/component": "singleuser-server",
                    "component": component, "hub.jupyter.org/username": user,
                },
                "annotations": {"hub.jupyter.org/username": user, "hub.jupyter.org/jupyterhub-version": "5.4.3"},
            })
        };
        let claim = format!("claim-{user}");
        self.api().create(
            &self.core("persistentvolumeclaims"),
            &json!({
                "metadata": meta(claim.clone(), "singleuser-storage"),
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
            }),
        );
        self.api().create(
            &self.core("pods"),
            &json!({
                "metadata": meta(format!("jupyter-{user}"), "singleuser-server"),
                "spec": {
                    "containers": [{"name": "notebook", "image": "notebook"}],
                    "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": claim}}],
                },
            }),
        );
        until("the user's claim is bound", || self.volume_of(&claim).is_some());
        self.volume_of(&claim).unwrap()
    }

    /// A Dask cluster with its scheduler, as Dask Gateway makes them.
    fn dask_cluster(&self) {
        let path = format!("{CLUSTERS}/{}/daskclusters", self.namespace);
        let made = self.api().create(&path, &json!({
            "apiVersion": "gateway.dask.org/v1alpha1", "kind": "DaskCluster", "metadata": {"name": "abc"}, "spec": {},
        }));
        self.api().create(
            &self.core("pods"),
            &json!({
                "metadata": {
                    "name": "dask-scheduler-abc", "labels": {"gateway.dask.org/cluster": "abc"},
                    "ownerReferences": [{
                        "apiVersion": "gateway.dask.org/v1alpha1", "kind": "DaskCluster", "name": "abc",
                        "uid": made["metadata"]["uid"],
                    }],
                },
                "spec": {"containers": [{"name": "scheduler", "image": "dask"}]},
            }),
        );
    }

    fn volume(&self, name: &str) -> Option<Value> {
        self.api().get(&format!("{VOLUMES}/{name}"))
    }

    pub(super) fn policy(&self, volume: &str) -> String {
        let volume = self.volume(volume).unwrap();
        volume["spec"]["persistentVolumeReclaimPolicy"].as_str().unwrap().to_owned()
    }

    /// The releases of the namespace.
    fn releases(&self) -> Vec<String> {
        let secrets = self.api().list(&self.core("secrets?labelSelector=owner%3Dhelm"));
        secrets.iter().map(|secret| secret["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The pods of users that are not ending.
    fn user_pods(&self) -> usize {
        let pods = self.api().list(&self.core("pods"));
        let name = |pod: &Value| pod["metadata"]["name"].as_str().unwrap().to_owned();
        let is_users = |pod: &&Value| name(pod).starts_with("jupyter-") || name(pod).starts_with("dask-scheduler-");
        pods.iter().filter(is_users).filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).count()
    }

    pub(super) fn file(&self) -> String {
        format!("{}.reattach.yaml", self.namespace)
    }

    pub(super) fn delete_namespace(&self) {
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        self.api().delete(&path);
        until("the namespace is gone", || self.api().get(&path).is_none());
    }

    /// What a test kept on purpose goes.
    pub(super) fn forget_volumes(&self) {
        for volume in self.api().list(VOLUMES) {
            if volume["spec"]["claimRef"]["namespace"] == *self.namespace {
                self.api().delete(&format!("{VOLUMES}/{}", volume["metadata"]["name"].as_str().unwrap()));
            }
        }
    }
}

#[test]
fn data_is_kept_and_comes_back_into_a_new_namespace() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("back-{word}"), &helm);
        hub.install(&[]);
        let home = hub.server_of("anna");
        let lost = hub.server_of("control");
        hub.dask_cluster();
        let database = hub.volume_of("data-postgresql-0").unwrap();
        let before = hub.env.secrets();
        assert_eq!((hub.policy(&home).as_str(), hub.policy(&database).as_str()), ("Delete", "Delete"));
        // Without us: the claim goes, and the data with it.
        hub.api().delete(&hub.core("pods/jupyter-control"));
        hub.api().delete(&hub.claim_path("claim-control"));
        until("a volume goes with its claim", || hub.volume(&lost).is_none());

        let run = hub.uninstall(&[]);
        for word in [
            "user anna",
            "Delete -> Retain",
            "1 running: anna",
            "1 cluster: abc",
            "storage     stays: all hubs share it",
        ] {
            assert!(run.stderr.contains(word), "no {word:?} in {run}");
        }
        assert!(run.stderr.lines().all(|line| line.chars().count() <= 100), "{run}");
        assert_eq!((hub.releases(), hub.user_pods()), (Vec::new(), 0));
        assert!(hub.api().list(&format!("{CLUSTERS}/{}/daskclusters", hub.namespace)).is_empty());
        assert_eq!((hub.policy(&home).as_str(), hub.policy(&database).as_str()), ("Retain", "Retain"));
        assert_eq!(hub.volume_of("claim-anna").as_ref(), Some(&home));
        assert!(hub.api().get(&hub.core("secrets/helm-iris-ledger")).is_some());
        let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/helm-iris", hub.namespace);
        assert!(hub.api().get(&lease).is_none());
        assert!(testbed.api.get("/api/v1/namespaces/helm-iris-system/secrets/sh.helm.release.v1.storage.v1").is_some());
        let file = hub.env.read(&hub.file());
        for value in before.values() {
            assert!(!forms(value).iter().any(|form| file.contains(form)), "{file}");
        }
        let mode = std::fs::metadata(hub.env.path(&hub.file())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        let again = hub.uninstall(&[]);
        assert!(again.stderr.contains("is gone already"), "{again}");
        assert_eq!(hub.env.read(&hub.file()), file, "a second run writes the same");

        hub.delete_namespace();
        assert_eq!(hub.volume(&home).unwrap()["status"]["phase"], "Released");
        hub.refused(&[], &["2 volumes of an earlier hub", "--reattach"]);
        assert!(hub.api().get(&format!("/api/v1/namespaces/{}", hub.namespace)).is_none());

        let run = hub.install(&["--reattach", &hub.file()]);
        assert!(
            run.stderr.contains("claim-anna (user anna, 10Gi): comes back") && run.stderr.contains("ready"),
            "{run}"
        );
        assert_eq!(hub.volume_of("claim-anna").as_ref(), Some(&home));
        assert_eq!(hub.volume_of("data-postgresql-0").as_ref(), Some(&database));
        assert_eq!(hub.env.secrets(), before);
        let claim = hub.api().get(&hub.claim_path("claim-anna")).unwrap();
        assert_eq!(claim["metadata"]["annotations"]["hub.jupyter.org/username"], "anna");
        assert_eq!(claim["metadata"]["labels"]["component"], "singleuser-storage");
        assert_eq!(hub.policy(&home), "Delete", "as it was");
        assert!(hub.volume(&home).unwrap()["metadata"]["labels"].is_null());
        let run = hub.install(&["--reattach", &hub.file()]);
        assert!(run.stderr.contains("Nothing to change"), "{run}");
        let run = hub.run(&["plan", "daskhub", "-o", "json"]);
        let plan: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        for operation in plan["operations"].as_array().unwrap() {
            assert!(operation["drift"]["objects"].as_array().is_none_or(Vec::is_empty), "we made it ourselves: {run}");
        }
        hub.forget_volumes();
    }
}

#[test]
fn a_hub_comes_back_where_its_claims_still_are() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("stay", &testbed.helm4);
    hub.install(&[]);
    let home = hub.server_of("anna");
    hub.uninstall(&[]);
    hub.install(&["--reattach", &hub.file()]);
    assert_eq!((hub.volume_of("claim-anna"), hub.policy(&home)), (Some(home.clone()), "Delete".to_owned()));
    // Without the file the claims are found too, and what is kept stays kept.
    hub.uninstall(&[]);
    hub.install(&[]);
    assert_eq!((hub.volume_of("claim-anna"), hub.policy(&home)), (Some(home.clone()), "Retain".to_owned()));
    // From a folder that has nothing of the hub: the cluster alone tells, and the namespace is the chart's to name.
    let mut other = testbed.hub("stay", &testbed.helm3);
    other.is_guest = true;
    std::fs::remove_file(other.env.path("iris.yaml")).unwrap();
    let run = other.uninstall(&[]);
    assert!(run.stderr.contains("user anna"), "{run}");
    assert_eq!(hub.releases(), Vec::<String>::new());
    assert!(other.env.read(&other.file()).contains("claim-anna"));
    hub.forget_volumes();
}

#[test]
fn data_goes_only_by_the_hubs_name() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("gone-{word}"), &helm);
        hub.install(&[]);
        let home = hub.server_of("anna");
        let database = hub.volume_of("data-postgresql-0").unwrap();
        hub.api().create(
            &hub.core("persistentvolumeclaims"),
            &json!({
                "metadata": {"name": "shared-data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }),
        );
        let before = hub.state();
        let run = hub.run(&["uninstall", "daskhub", "--yes", "--delete-data", "another"]);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains(&format!("the hub is called {}, not another", hub.namespace)), "{run}");
        let run = hub.run(&["uninstall", "daskhub", "--yes", "--delete-data"]);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains(&format!("--delete-data {}", hub.namespace)), "{run}");
        let run = hub.run(&["uninstall", "daskhub", "--delete-data", &hub.namespace, "--dry-run", "-o", "json"]);
        let plan: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&plan["format"], &plan["deletesData"]), (&json!(1), &json!(true)), "{run}");
        assert_eq!(hub.state(), before, "nothing was changed by all that");

        let run = hub.uninstall(&["--delete-data", &hub.namespace]);
        assert!(run.stderr.contains("Deleting claim-anna (user anna)"), "{run}");
        until("the volumes are gone", || hub.volume(&home).is_none() && hub.volume(&database).is_none());
        assert!(hub.api().get(&hub.claim_path("claim-anna")).is_none());
        assert!(hub.api().get(&hub.claim_path("shared-data")).is_some(), "what others made stays");
        assert!(hub.api().get(&hub.core("secrets/helm-iris-ledger")).is_some(), "unless told, the secrets stay");
        let run = hub.uninstall(&["--delete-data", &hub.namespace, "--delete-secrets"]);
        assert!(hub.api().get(&hub.core("secrets/helm-iris-ledger")).is_none(), "{run}");
        let run = hub.uninstall(&[]);
        assert!(run.stderr.contains("there is no hub of helm iris in"), "{run}");
    }
}

#[test]
fn what_was_kept_can_be_deleted_later() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("later", &testbed.helm3);
    hub.install(&[]);
    let home = hub.server_of("anna");
    hub.uninstall(&[]);
    hub.delete_namespace();
    let run = hub.uninstall(&["--delete-data", &hub.namespace]);
    assert!(run.stderr.contains("user anna"), "{run}");
    until("the volume is gone", || hub.volume(&home).is_none());
}

/// The hub's state in a file: its claim is helm's own, and goes with the release.
#[test]
fn a_volume_whose_claim_helm_deletes_is_kept() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let more = "values:\n  daskhub:\n    jupyterhub: {hub: {db: {type: sqlite-pvc, url: null, upgrade: null}}}\n";
        let hub = testbed.hub_with(&format!("file-{word}"), &helm, more);
        hub.install(&[]);
        let state = hub.volume_of("hub-db-dir").unwrap();
        let run = hub.uninstall(&[]);
        assert!(run.stderr.contains("kept, claim goes"), "{run}");
        until("helm deletes the claim", || hub.api().get(&hub.claim_path("hub-db-dir")).is_none());
        hub.refused(&[], &["1 volume of an earlier hub"]);
        hub.install(&["--reattach", &hub.file()]);
        assert_eq!(hub.volume_of("hub-db-dir"), Some(state));
        hub.forget_volumes();
    }
}

#[test]
fn what_all_hubs_share_stays_for_the_others() {
    let Some(testbed) = Testbed::take() else { return };
    let (one, two) = (testbed.hub("one", &testbed.helm3), testbed.hub("two", &testbed.helm4));
    one.install(&[]);
    two.install(&[]);
    two.server_of("bob");
    let run = one.uninstall(&[]);
    assert!(
        run.stderr.contains("all hubs share it; it has volumes in") && run.stderr.contains(&two.namespace),
        "{run}"
    );
    assert!(testbed.api.get("/apis/storage.k8s.io/v1/storageclasses/standard").is_some());
    two.server_of("carol");
    assert!(two.install(&[]).stderr.contains("Nothing to change"));
    one.forget_volumes();
}

#[test]
fn who_may_not_keep_volumes_is_told_before_anything_goes() {
    let Some(testbed) = Testbed::take() else { return };
    let mut hub = testbed.hub("few", &testbed.helm4);
    hub.install(&[]);
    hub.server_of("anna");
    let admin = hub.kubeconfig.clone();
    let output =
        std::process::Command::new(script("testbed.sh")).args(["user", "ada", &hub.namespace]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hub.kubeconfig = String::from_utf8(output.stdout).unwrap().trim().into();
    let before = hub.state();
    let run = hub.run(&["uninstall", "daskhub", "--yes"]);
    assert_eq!(run.code, Some(1), "{run}");
    for word in ["cannot be made safe", "nothing was removed", "--verb=get,list,patch", "an administrator"] {
        assert!(run.stderr.contains(word), "no {word:?} in {run}");
    }
    assert_eq!((hub.state(), hub.user_pods()), (before, 1));
    hub.kubeconfig = admin;
    hub.uninstall(&["--delete-data", &hub.namespace]);
    assert_eq!(hub.user_pods(), 0);
}

#[test]
fn another_hub_than_was_asked_for_is_left_alone() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("other", &testbed.helm4);
    hub.install(&[]);
    let before = hub.state();
    let run = hub.run(&["uninstall", "jupyterhub", "--yes"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains(&format!("uninstall daskhub -n {}", hub.namespace)), "{run}");
    let run = hub.run(&["uninstall", "storage", "--yes"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("shared by all hubs"), "{run}");
    let run = hub.run(&["uninstall", "daskhub"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("--yes"), "{run}");
    assert_eq!(hub.state(), before);
    hub.uninstall(&["--delete-data", &hub.namespace]);
    assert_ne!(hub.state(), before);
}
