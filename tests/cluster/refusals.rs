//! States of the world in which nothing may be applied: the whole message, and nothing changed.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{Hub, Testbed, script};

fn class(name: &str) -> serde_json::Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "cinder.csi.openstack.org",
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    })
}

const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";

#[test]
fn two_default_classes_are_an_error_and_one_is_used() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let hub = testbed.hub("classes", helm);
    testbed.api.create(CLASSES, &class("one"));
    testbed.api.create(CLASSES, &class("two"));
    hub.refused(&[], &["one", "two", "default"]);
    hub.assert_nothing_installed();
    testbed.api.delete(&format!("{CLASSES}/two"));
    let run = hub.install(&[]);
    assert!(run.stderr.contains("one"), "{run}");
    assert!(testbed.api.get(&format!("{CLASSES}/standard")).is_none(), "{run}");
}

#[test]
fn no_class_and_none_known_is_an_error() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[0];
    let hub = testbed.hub("noclass", helm);
    hub.refused(&["--profile", "generic"], &["StorageClass"]);
    hub.assert_nothing_installed();
}

#[test]
fn a_database_volume_without_its_password_stops() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let hub = testbed.hub("volume", helm);
    let namespace = json!({"metadata": {"name": hub.namespace}});
    testbed.api.create("/api/v1/namespaces", &namespace);
    let claim = json!({
        "metadata": {"name": "data-postgresql-0"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}},
    });
    let claims = hub.core("persistentvolumeclaims");
    testbed.api.create(&claims, &claim);
    let run = hub.run(&["plan", "daskhub"]);
    assert_eq!(run.code, Some(0), "a control: a claim that never had a volume holds no data: {run}");
    let bound = json!({"spec": {"volumeName": "of-before"}});
    testbed.api.patch(&format!("{claims}/data-postgresql-0"), "binder", &bound);
    hub.refused(&[], &["data-postgresql-0", "password"]);
    hub.assert_nothing_installed();
}

#[test]
fn a_namespace_admin_is_told_what_is_missing() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let mut hub = testbed.hub("admin", helm);
    testbed.api.create(CLASSES, &class("usual"));
    let output =
        std::process::Command::new(script("testbed.sh")).args(["user", "ada", &hub.namespace]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hub.kubeconfig = String::from_utf8(output.stdout).unwrap().trim().into();
    let run = hub.run(&["install", "daskhub", "--yes"]);
    assert_eq!(run.code, Some(1), "{run}");
    // What the whole cluster shares is not theirs to make, and that is seen before anything is made.
    assert!(run.stderr.contains("not allowed in the whole cluster: create"), "{run}");
    assert!(run.stderr.contains("an administrator of the cluster"), "{run}");
    hub.assert_nothing_installed();
}

fn without_cluster(hub: &mut Hub<'_>) {
    let path = hub.env.path("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "gone",
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "gone"}}],
        "clusters": [{"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "gone", "user": {}}],
    });
    std::fs::write(&path, config.to_string()).unwrap();
    hub.kubeconfig = path;
}

#[test]
fn no_cluster_and_no_helm_are_told() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let mut hub = testbed.hub("nothing", helm);
    hub.run(&["charts", "pull", "daskhub"]);
    let real = hub.kubeconfig.clone();
    without_cluster(&mut hub);
    hub.refused(&[], &["127.0.0.1:1"]);
    hub.kubeconfig = hub.env.path("missing");
    hub.refused(&[], &["kubeconfig"]);
    hub.kubeconfig = real;
    hub.helm = "/nowhere/helm".into();
    hub.refused(&[], &["helm"]);
    let old = hub.env.path("old-helm");
    std::fs::write(&old, "#!/bin/sh\necho v3.10.3\n").unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
    hub.helm = old;
    hub.refused(&[], &["3.10.3 is too old", "or newer"]);
    hub.assert_nothing_installed();
}

#[test]
fn without_yes_and_without_a_terminal_nothing_is_applied() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[0];
    let hub = testbed.hub("ask", helm);
    let run = hub.run(&["install", "daskhub"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("--yes"), "{run}");
    hub.assert_nothing_installed();
}

#[test]
fn another_hub_of_the_same_release_name_is_explained() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("twice-{word}"), &helm);
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": format!("{}-user-scheduler", hub.namespace)}, "rules": [],
        });
        testbed.api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role);
        let run = hub.run(&["install", "daskhub", "--yes"]);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("ClusterRole") && run.stderr.contains("hint:"), "{run}");
        let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{}-user-scheduler", hub.namespace);
        testbed.api.delete(&path);
        hub.install(&[]);
    }
}

/// Helm would find it only after the releases before, and leave half a hub.
#[test]
fn what_others_made_in_the_namespace_stops_before_anything_is_done() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("occupied-{word}"), &helm);
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": hub.namespace}});
        testbed.api.create("/api/v1/namespaces", &namespace);
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub"}});
        testbed.api.create(&hub.core("secrets"), &secret);
        hub.refused(&[], &["there is a Secret hub in", "kubectl delete secrets hub -n", "--skip AREA"]);
        hub.assert_nothing_installed();
        // A control: its own are no obstacle, the second time as the first.
        testbed.api.delete(&hub.core("secrets/hub"));
        hub.install(&[]);
        hub.install(&["--set", "users.idleTimeout=7200"]);
    }
}
