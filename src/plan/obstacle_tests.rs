use serde_json::json;

use super::*;
use crate::plan::Action;
use crate::plan::detail::tests::{object, release};

fn found(old: &Value, live: Option<Live>, new: &Value) -> Vec<String> {
    let evidence = Evidence { stored: vec![object(old)], live: live.map(|live| vec![live]), ..Evidence::default() };
    let operation = release(Action::Upgrade { revision: 1, reasons: Vec::new() });
    let all = find(&operation, &evidence, &[object(new)]);
    all.into_iter().map(|one| format!("{} {}", one.object, one.path)).collect()
}

fn class(parameters: &Value) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "p",
        "parameters": parameters, "allowVolumeExpansion": true})
}

fn stateful(size: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"replicas": 1,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": size}}}}]}})
}

fn claim(size: &str, class: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
        "spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}}})
}

#[test]
fn what_can_never_be_changed_is_found() {
    let (one, two) = (class(&json!({"type": "a"})), class(&json!({"type": "b"})));
    assert_eq!(found(&one, None, &two), ["StorageClass fast parameters.type"]);
    assert_eq!(found(&one, None, &class(&json!({}))), ["StorageClass fast parameters.type"]);
    assert_eq!(
        found(&stateful("8Gi"), None, &stateful("9Gi")),
        ["StatefulSet db spec.volumeClaimTemplates[0].spec.resources.requests.storage"]
    );
    assert_eq!(found(&claim("8Gi", "a"), None, &claim("8Gi", "b")), ["PersistentVolumeClaim c spec.storageClassName"]);
    assert_eq!(
        found(&claim("8Gi", "a"), None, &claim("4Gi", "a")),
        ["PersistentVolumeClaim c spec.resources.requests.storage"]
    );
}

#[test]
fn what_can_be_changed_is_no_obstacle() {
    let mut more = stateful("8Gi");
    more["spec"]["replicas"] = json!(2);
    let mut unexpandable = class(&json!({"type": "a"}));
    unexpandable["allowVolumeExpansion"] = json!(false);
    for (old, new) in [
        (stateful("8Gi"), more),
        (stateful("1Gi"), stateful("1024Mi")),
        (class(&json!({"type": "a"})), unexpandable),
        (claim("4Gi", "a"), claim("8Gi", "a")),
    ] {
        assert_eq!(found(&old, None, &new), Vec::<String>::new(), "{new}");
    }
}

/// A claim of 8Gi that shall have 9Gi, as it is in the cluster; and whether its class lets volumes grow.
fn grown(class: &str, phase: &str, may_grow: Option<bool>) -> Vec<Obstacle> {
    let mut there = claim("8Gi", class);
    there["status"] = json!({"phase": phase});
    let (old, new) = (object(&claim("8Gi", class)), object(&claim("9Gi", class)));
    let mut evidence = Evidence {
        stored: vec![old],
        live: Some(vec![Live::There(there)]),
        rendered: Some(Ok(vec![new.clone()])),
        ..Evidence::default()
    };
    let asked = growing(&evidence);
    assert_eq!(asked, if class.is_empty() { vec![] } else { vec![class.to_owned()] });
    evidence.classes = may_grow.map(|may| (class.to_owned(), may)).into_iter().collect();
    find(&release(Action::Upgrade { revision: 1, reasons: Vec::new() }), &evidence, &[new])
}

#[test]
fn a_volume_grows_where_its_class_lets_it_and_elsewhere_it_is_told() {
    assert_eq!(grown("a", "Bound", Some(true)), []);
    assert_eq!(grown("a", "Bound", None), [], "who may not look at classes is not kept from it");
    for (class, phase, words, way) in [
        ("a", "Bound", "StorageClass `a` lets no volume grow", "kubectl patch storageclass a"),
        ("a", "Pending", "has none yet", "kubectl describe pvc c"),
        ("", "Bound", "made by hand", "copy the data"),
    ] {
        let all = grown(class, phase, Some(false));
        let [found] = all.as_slice() else { panic!("{class} {phase}: {all:?}") };
        assert!(found.why.contains(words) && found.ways[0].contains(way), "{found:?}");
        assert_eq!(found.path, SIZE);
    }
}

/// What counts is what is there: somebody may have taken the way out, or made another one by hand.
#[test]
fn the_object_in_the_cluster_decides() {
    let (one, two) = (class(&json!({"type": "a"})), class(&json!({"type": "b"})));
    assert_eq!(found(&one, Some(Live::Gone), &two), Vec::<String>::new());
    assert_eq!(found(&one, Some(Live::There(two.clone())), &two), Vec::<String>::new());
    assert_eq!(found(&one, Some(Live::There(two)), &one).len(), 1, "helm would put it back, and may not");
    assert_eq!(found(&one, Some(Live::There(one.clone())), &class(&json!({}))).len(), 1, "taken out of the chart");
    assert_eq!(found(&one, Some(Live::Hidden), &class(&json!({"type": "b"}))).len(), 1);
}

#[test]
fn objects_of_others_are_not_taken() {
    let new = class(&json!({"type": "a"}));
    let met = |metadata: Value| {
        let mut there = new.clone();
        there["metadata"] = metadata;
        let evidence = Evidence { met: vec![Live::There(there)], ..Evidence::default() };
        let all = find(&release(Action::Install), &evidence, &[object(&new)]);
        all.into_iter().map(|one| one.why).collect::<Vec<_>>()
    };
    let by_helm = |name: &str| {
        json!({"name": "fast", "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "dhub"}})
    };
    assert_eq!(met(by_helm("dhub")), Vec::<String>::new());
    assert!(met(by_helm("other"))[0].contains("belongs to the release `other`"));
    assert!(met(json!({"name": "fast"}))[0].contains("not made by helm"));
}

#[test]
fn every_obstacle_says_the_way_out() {
    for kind in FIXED.iter().map(|(kind, _)| *kind) {
        let id = ObjectId { kind: kind.into(), name: "x".into(), namespace: None, api_version: "v1".into() };
        let told = explain(&id, "dhub");
        assert!(!told.meaning.is_empty() && !told.hints.is_empty(), "{kind}");
    }
}

#[test]
fn what_is_sealed_never_changes() {
    let map = |sealed: bool, text: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "immutable": sealed, "data": {"a": text}});
    let (is, will_be) = (map(true, "1"), map(true, "2"));
    assert_eq!(found(&is, Some(Live::There(is.clone())), &will_be).len(), 1);
    assert_eq!(found(&is, None, &will_be).len(), 1);
    let (is, will_be) = (map(false, "1"), map(false, "2"));
    assert_eq!(found(&is, Some(Live::There(is.clone())), &will_be), Vec::<String>::new());
}
