//! Definitions of resources that a chart brings: told, upgraded when asked for, and never made unreadable.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::versions::other_version;
use super::{Hub, Testbed, script};
use crate::common::{ChartArchive, Run};

const NAME: &str = "daskclusters.gateway.dask.org";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/daskclusters.gateway.dask.org";

/// The gateway's chart with another definition.
fn gateway(version: &str, from: &str, to: &str) -> ChartArchive {
    other_version("dask-gateway", (version, "2026.3.0"), |path, bytes| match path {
        "crds/daskclusters.yaml" => {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(from), "{text}");
            text.replace(from, to).into_bytes()
        }
        _ => bytes,
    })
}

impl Hub<'_> {
    fn plan(&self, more: &[&str]) -> (Run, Value) {
        let run = self.run(&[&["plan", "daskhub", "-o", "json"], more].concat());
        let plan = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
        (run, plan)
    }

    /// The kubeconfig of somebody who is admin of this namespace, and nothing in the whole cluster.
    fn admin_of_the_namespace(&self) -> PathBuf {
        let output = Command::new(script("testbed.sh")).args(["user", "ada", &self.namespace]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    }

    fn crd(&self) -> Value {
        self.api().get(PATH).unwrap()
    }
}

/// The definitions that charts bring belong to the whole cluster: none is there before, none stays for other tests.
pub(super) struct NoCrds<'t>(&'t Testbed);

impl<'t> NoCrds<'t> {
    pub(super) fn take(testbed: &'t Testbed) -> Self {
        testbed.remove_definitions();
        Self(testbed)
    }
}

impl Drop for NoCrds<'_> {
    fn drop(&mut self) {
        self.0.remove_definitions();
    }
}

impl Testbed {
    /// Waits, too: helm takes one that is going for one that is there.
    fn remove_definitions(&self) {
        self.api.delete_all(DEFINITIONS);
        super::uninstall::until("the CRDs are gone", || self.api.list(DEFINITIONS).is_empty());
    }
}

#[test]
fn definitions_that_differ_are_told_and_upgraded_when_asked_for() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let _clean = NoCrds::take(&testbed);
        let hub = testbed.hub(&format!("crds-{word}"), &helm);
        let (run, first) = hub.plan(&[]);
        assert_eq!(first["crds"], Value::Array(vec![]), "helm itself makes them with a new release: {run}");
        hub.install(&[]);
        let (run, same) = hub.plan(&["--exit-code"]);
        assert!(same["crds"] == Value::Array(vec![]) && run.code == Some(0), "{run}");

        hub.takes(&gateway("2026.3.1", "singular: daskcluster", "singular: daskcluster\n    shortNames: [dkc]"));
        assert_eq!(hub.plan(&["--no-drift"]).1["crds"][0]["state"], "differs", "of a chart that is new here");
        hub.install(&[]);
        assert_eq!(hub.plan(&["--no-drift"]).1["crds"], Value::Array(vec![]), "of one that stands, it was told");
        assert!(hub.crd()["spec"]["names"]["shortNames"].is_null(), "helm does not, nor do we unasked");
        let (run, differs) = hub.plan(&["--exit-code"]);
        assert_eq!(run.code, Some(0), "it is told and no change: {run}");
        let crd = &differs["crds"][0];
        assert_eq!((&crd["name"], &crd["state"]), (&Value::from(NAME), &Value::from("differs")), "{run}");
        let text = hub.run(&["plan", "daskhub"]);
        assert!(text.stdout.contains("dask-gateway 2026.3.1") && text.stdout.contains("--upgrade-crds"), "{text}");

        let (run, asked) = hub.plan(&["--upgrade-crds"]);
        let id = format!("crd/{NAME}");
        let needs = |step: &&Value| step["needs"].as_array().unwrap().contains(&Value::from(id.as_str()));
        assert!(asked["operations"].as_array().unwrap().iter().any(|step| needs(&step)), "{run}");
        assert!(hub.crd()["spec"]["names"]["shortNames"].is_null(), "a plan changes nothing");
        let revision = hub.revision(&hub.namespace);
        let run = hub.install(&["--upgrade-crds"]);
        assert!(run.stderr.contains(&format!("The CRD {NAME} is upgraded")), "{run}");
        assert_eq!(hub.crd()["spec"]["names"]["shortNames"][0], "dkc");
        let lease = testbed.api.get("/apis/coordination.k8s.io/v1/namespaces/helm-iris-system/leases/helm-iris");
        let lease = lease.unwrap().to_string();
        assert!(lease.contains(&format!("upgrade the definitions of {}", hub.namespace)), "under a Lease: {lease}");
        assert_eq!(hub.revision(&hub.namespace), revision, "the release is as it was");
        let run = hub.install(&["--upgrade-crds"]);
        assert!(run.stderr.contains("Nothing to change"), "{run}");

        testbed.api.delete(PATH);
        super::uninstall::until("the CRD is gone", || testbed.api.get(PATH).is_none());
        assert_eq!(hub.plan(&[]).1["crds"][0]["state"], "missing");
        hub.install(&["--upgrade-crds"]);
        assert_eq!(hub.crd()["spec"]["names"]["shortNames"][0], "dkc", "and it was waited for");
    }
}

#[test]
fn a_definition_that_would_leave_objects_unreadable_is_refused() {
    let Some(testbed) = Testbed::take() else { return };
    let _clean = NoCrds::take(&testbed);
    let hub = testbed.hub("stored", &testbed.helm4);
    hub.install(&[]);
    hub.takes(&gateway("2026.3.1", "name: v1alpha1", "name: v1"));
    let (run, plan) = hub.plan(&[]);
    assert_eq!(plan["crds"][0]["versions"][0], "v1alpha1", "{run}");
    let before = hub.crd()["metadata"]["resourceVersion"].clone();
    hub.refused(&["--upgrade-crds"], &["CRDs cannot be upgraded", "v1alpha1", "leave --upgrade-crds out"]);
    assert_eq!(hub.crd()["metadata"]["resourceVersion"], before);
    assert_eq!(hub.revision(&hub.namespace), 1, "nothing was begun");
    hub.install(&[]);
    assert_eq!(hub.revision(&hub.namespace), 2, "without them the release goes on");
}

#[test]
fn who_may_not_look_at_definitions_is_told_so_and_goes_on() {
    let Some(testbed) = Testbed::take() else { return };
    let _clean = NoCrds::take(&testbed);
    let mut hub = testbed.hub("nocrd", &testbed.helm4);
    hub.install(&[]);
    hub.kubeconfig = hub.admin_of_the_namespace();
    let (run, plan) = hub.plan(&["--exit-code"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(plan["crds"][0]["state"], "unknown", "{run}");
    let text = hub.run(&["plan", "daskhub"]);
    assert!(text.stdout.contains("could not be compared") && text.stdout.contains("forbidden"), "{text}");
}
