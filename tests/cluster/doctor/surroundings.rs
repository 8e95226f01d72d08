//! States of storage, nodes, network, addresses and of Helm's releases.

use serde_json::{Value, json};

use super::super::Testbed;
use super::{CLASSES, NODES, class};

#[test]
fn storage() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-sc", &testbed.helm4);
    hub.pull();
    let with = |classes: &[Value], args: &[&str]| {
        testbed.api.delete_all(CLASSES);
        for class in classes {
            testbed.api.create(CLASSES, class);
        }
        hub.doctor(args)
    };
    let healthy = with(&[class("good", &json!({"parameters": {"availability": "nova"}}))], &[]);
    let more = |key: &str, value: Value| class("odd", &json!({key: value}));
    let in_zone =
        |zone: &str| json!([{"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": [zone]}]}]);
    let states = [
        (
            "several-default-classes",
            "fatal",
            "one, two",
            vec![class("one", &json!({})), class("two", &json!({}))],
            &[][..],
        ),
        ("no-default-class", "fatal", "no default", vec![], &["--profile", "generic"]),
        ("class-missing", "fatal", "`fast`", vec![], &["--set", "storage.className=fast"]),
        (
            "csi-driver-missing",
            "fatal",
            "nobody.example.org",
            vec![more("provisioner", "nobody.example.org".into())],
            &[],
        ),
        (
            "in-tree-provisioner",
            "warning",
            "kubernetes.io/cinder",
            vec![more("provisioner", "kubernetes.io/cinder".into())],
            &[],
        ),
        ("no-provisioner", "warning", "by hand", vec![more("provisioner", "kubernetes.io/no-provisioner".into())], &[]),
        ("reclaim-policy", "info", "Retain", vec![more("reclaimPolicy", "Retain".into())], &[]),
        (
            "zone-without-nodes",
            "warning",
            "elsewhere",
            vec![more("parameters", json!({"availability": "elsewhere"}))],
            &[],
        ),
        ("zone-without-nodes", "fatal", "elsewhere", vec![more("allowedTopologies", in_zone("elsewhere"))], &[]),
    ];
    for (id, severity, word, classes, args) in states {
        healthy.has_no(id);
        with(&classes, args).has(id, severity, &[word]);
    }
    let retain = ["--set", "storage.newClass.reclaimPolicy=Retain"];
    with(&[class("good", &json!({}))], &retain).has("reclaim-policy", "warning", &["Delete"]);

    // Volumes that are made at once are a matter where there are several zones.
    let at_once = [class("odd", &json!({"volumeBindingMode": "Immediate"}))];
    with(&at_once, &[]).has_no("immediate-binding");
    let zone = |name: &str, zone: &str| {
        let path = format!("{NODES}/{name}");
        let mut node = testbed.api.get(&path).unwrap();
        node["metadata"]["labels"]["topology.kubernetes.io/zone"] = zone.into();
        node["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        testbed.api.replace(&path, &node);
    };
    zone("worker-2", "other");
    let found = hub.doctor(&[]);
    zone("worker-2", "nova");
    found.has("immediate-binding", "warning", &["2 zones"]);
}

#[test]
fn nodes() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-nodes", &testbed.helm4);
    hub.pull();
    let healthy = hub.doctor(&[]);
    for id in ["no-ready-node", "no-matching-node", "node-too-small", "too-few-gpus", "no-room", "nodes-excluded"] {
        healthy.has_no(id);
    }
    testbed.nodes(|node| node["spec"]["unschedulable"] = true.into());
    let closed = hub.doctor(&[]);
    testbed.nodes(|node| node["spec"]["unschedulable"] = false.into());
    closed.has("no-ready-node", "fatal", &["none of 2 nodes"]);

    let taint = json!([{"key": "only", "value": "others", "effect": "NoSchedule"}]);
    testbed.nodes(|node| node["spec"]["taints"] = taint.clone());
    let tainted = hub.doctor(&[]);
    let site = hub.env.read("iris.yaml");
    let bears = "scheduling: {userTolerations: [{key: only, operator: Exists}], workerTolerations: [{key: only, value: others}]}\n";
    hub.env.write("iris.yaml", format!("{site}{bears}"));
    let borne = hub.doctor(&[]);
    hub.env.write("iris.yaml", site);
    testbed.nodes(|node| node["spec"]["taints"] = json!([]));
    tainted.has("no-matching-node", "warning", &["user server"]);
    borne.has_no("no-matching-node");

    hub.doctor(&["--set", "users.memory.guarantee=64G"]).has("node-too-small", "warning", &["64 GiB", "16 GiB"]);

    let users = ["--set", "users.sizes=[{name: g, gpus: 8}]"];
    hub.doctor(&users).has("too-few-gpus", "warning", &["server of size g asks for 8 GPUs", "has any"]);
    let workers = ["--set", "dask.sizes=[{name: x}, {name: w, gpus: 1}]"];
    hub.doctor(&workers).has("too-few-gpus", "warning", &["worker of size w asks for 1 GPU", "has any"]);
    testbed.gpus("8");
    let enough = hub.doctor(&[users, workers].concat());
    testbed.gpus("0");
    enough.has_no("too-few-gpus");
    enough.has_no("no-room");

    let label = "node.kubernetes.io/exclude-from-external-load-balancers";
    testbed.nodes(|node| node["metadata"]["labels"][label] = "".into());
    let excluded = hub.doctor(&[]);
    testbed.nodes(|node| drop(node["metadata"]["labels"].as_object_mut().unwrap().remove(label)));
    excluded.has("nodes-excluded", "warning", &[label]);

    testbed.api.create("/api/v1/namespaces", &json!({"metadata": {"name": hub.namespace}}));
    for node in ["worker-1", "worker-2"] {
        let container =
            json!({"name": "c", "image": "i", "resources": {"requests": {"cpu": "3900m", "memory": "15Gi"}}});
        let pod = json!({"metadata": {"name": node}, "spec": {"nodeName": node, "containers": [container]}});
        testbed.api.create(&hub.core("pods"), &pod);
    }
    hub.doctor(&[]).has("no-room", "warning", &["Dask worker"]);
}

#[test]
fn network() {
    const SETS: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets";
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-net", &testbed.helm4);
    let with = |name: &str| {
        let labels = json!({"app": name});
        let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}],
            "nodeSelector": {"no": "node"}}});
        let set = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": template}});
        testbed.api.create(SETS, &set);
        let found = hub.doctor(&[]);
        testbed.api.delete(&format!("{SETS}/{name}"));
        found
    };
    hub.doctor(&[]).has("network-policy-unknown", "info", &[]);
    with("kube-flannel-ds").has("network-policy-not-enforced", "warning", &["Flannel", "calico"]);
    let healthy = with("calico-node");
    healthy.has_no("network-policy-unknown");
    healthy.has_no("network-policy-not-enforced");
    assert!(healthy.run.stdout.contains("Calico"), "{}", healthy.run);
}

#[test]
fn addresses() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-lb", &testbed.helm4);
    hub.pull();
    let asks = ["--set", "loadBalancer.address=192.0.2.77"];
    let healthy = hub.doctor(&asks);
    healthy.has_no("address-in-use");
    healthy.has_no("load-balancer-pending");
    testbed.api.create("/api/v1/namespaces", &json!({"metadata": {"name": hub.namespace}}));
    let service = |name: &str, annotations: &Value, address: Option<&str>| {
        let spec = json!({"type": "LoadBalancer", "ports": [{"port": 80}], "loadBalancerIP": address});
        let service = json!({"metadata": {"name": name, "annotations": annotations}, "spec": spec});
        testbed.api.create(&hub.core("services"), &service);
    };
    service("shop", &json!({}), Some("192.0.2.77"));
    let taken = hub.doctor(&asks);
    taken.has("address-in-use", "warning", &["192.0.2.77", "the Service shop in"]);
    hub.doctor(&[]).has_no("address-in-use");

    service("waits", &json!({"testbed.helm-iris/no-address": "true"}), None);
    hub.doctor(&[]).has("load-balancer-pending", "info", &["the Service waits in"]);
    let event = json!({
        "metadata": {"name": "waits.1"}, "type": "Warning", "reason": "SyncLoadBalancerFailed",
        "message": "Quota exceeded for resources: ['floatingip']",
        "involvedObject": {"kind": "Service", "name": "waits", "namespace": hub.namespace},
    });
    testbed.api.create(&hub.core("events"), &event);
    hub.doctor(&[]).has("load-balancer-pending", "warning", &["the Service waits in", "Quota exceeded"]);
}

#[test]
fn releases() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-rel", &testbed.helm4);
    hub.pull();
    let healthy = hub.doctor(&[]);
    for id in ["release-pending", "release-elsewhere", "helm-driver"] {
        healthy.has_no(id);
    }
    testbed.api.create("/api/v1/namespaces", &json!({"metadata": {"name": hub.namespace}}));
    let revision = |name: &str, version: &str, status: &str| {
        let labels = json!({"owner": "helm", "name": name, "version": version, "status": status});
        let name = format!("sh.helm.release.v1.{name}.v{version}");
        json!({"metadata": {"name": name, "labels": labels}, "type": "helm.sh/release.v1"})
    };
    testbed.api.create(&hub.core("secrets"), &revision("other", "1", "pending-install"));
    hub.doctor(&[]).has("release-pending", "warning", &["`other`", "helm uninstall other"]);
    testbed.api.create(&hub.core("secrets"), &revision("other", "2", "deployed"));
    hub.doctor(&[]).has_no("release-pending");
    testbed.api.create(&hub.core("secrets"), &revision(&hub.namespace, "4", "pending-upgrade"));
    hub.doctor(&[]).has("release-pending", "fatal", &["helm rollback"]);

    let map = json!({"metadata": {"name": "sh.helm.release.v1.old.v1", "labels": {"owner": "helm", "name": "old"}}});
    testbed.api.create(&hub.core("configmaps"), &map);
    hub.doctor(&[]).has("release-elsewhere", "warning", &["old"]);

    let mut command = hub.command(&["doctor", "-o", "json"]);
    let output = command.env("HELM_DRIVER", "configmap").output().unwrap();
    let found = super::Found::of(hub.env.finish(&["doctor"], &output));
    found.has("helm-driver", "warning", &["unset HELM_DRIVER"]);
}
