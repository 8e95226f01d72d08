//! Who may do what: the cluster's admin, an admin of one namespace, and somebody who may do nothing.

use serde_json::json;

use super::super::crds::NoCrds;
use super::super::{Testbed, script};
use super::{CLASSES, class};

#[test]
fn rights() {
    let Some(testbed) = Testbed::take() else { return };
    // With them in the cluster, who may make their objects is one more question.
    let _clean = NoCrds::take(&testbed);
    let mut hub = testbed.hub("doc-ada", &testbed.helm4);
    hub.pull();
    testbed.api.create(CLASSES, &class("usual", &json!({})));
    let admin = hub.doctor(&[]);
    for id in ["rights-cluster", "rights-namespace", "could-not-look"] {
        admin.has_no(id);
    }
    let nobody = hub.doctor(&["--kube-as-user", "nobody"]);
    nobody.has("rights-namespace", "fatal", &["secrets", "statefulsets", "kubectl create rolebinding"]);
    nobody.has("rights-cluster", "fatal", &["clusterroles"]);
    nobody.has("could-not-look", "info", &[]);

    let output =
        std::process::Command::new(script("testbed.sh")).args(["user", "ada", &hub.namespace]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hub.kubeconfig = String::from_utf8(output.stdout).unwrap().trim().into();
    let ada = hub.doctor(&[]);
    ada.has("rights-cluster", "fatal", &["clusterroles", "customresourcedefinitions", "helm iris doctor jupyterhub"]);
    ada.has_no("rights-namespace");
    for area in ["the StorageClasses", "the nodes", "the DaemonSets", "the Services of all namespaces"] {
        assert!(ada.run.stdout.contains(&format!("not allowed to look at {area}")), "{area}: {}", ada.run);
    }
    // What an admin of a namespace can still do, as the fixes say.
    let jupyterhub = hub.doctor_of("jupyterhub", &[]);
    jupyterhub.has("rights-cluster", "fatal", &["clusterroles", "userScheduler: {enabled: false}"]);
    let site = hub.env.read("iris.yaml");
    let without = "values: {jupyterhub: {scheduling: {userScheduler: {enabled: false}}}}\n";
    hub.env.write("iris.yaml", format!("{site}{without}"));
    let jupyterhub = hub.doctor_of("jupyterhub", &[]);
    jupyterhub.has_no("rights-cluster");
    assert_eq!(jupyterhub.run.code, Some(0), "{}", jupyterhub.run);
    let run = hub.run(&["install", "jupyterhub", "--yes"]);
    assert_eq!(run.code, Some(0), "{run}");
}
