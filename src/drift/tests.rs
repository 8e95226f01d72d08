use serde_json::json;

use super::*;
use crate::objects::parse;
use crate::redact::Secret;

fn object(value: &Value) -> Object {
    parse(&Secret::new(value.to_string()), "r", "ns").unwrap().remove(0)
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hub", "labels": {"app": "hub"}},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "hub", "image": "a:1"}]}}}})
}

fn entry(manager: &str, operation: &str, time: &str, fields: &Value) -> Value {
    json!({"manager": manager, "operation": operation, "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields})
}

fn told(manifest: &Value, live: &Value, server_side: bool) -> Vec<String> {
    let found = drift(&[object(manifest)], &[Live::There(live.clone())], server_side, &Scrub::default());
    let fields = found.objects.into_iter().flat_map(|one| match one.how {
        How::Gone => Vec::new(),
        How::Changed { fields } => fields,
    });
    fields
        .map(|field| format!("{} {:?} {:?} {:?}", field.change.path, field.change.change, field.by, field.next))
        .collect()
}

/// As `kubectl scale`, `kubectl edit` and a controller leave it.
fn edited() -> Value {
    let mut live = deployment();
    live["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "2", "note": "x"});
    live["spec"]["replicas"] = json!(3);
    live["spec"]["template"]["spec"]["containers"] = json!([{"name": "hub", "image": "a:2", "env": [{"name": "E", "value": "1"}]}, {"name": "sidecar", "image": "s"}]);
    live["status"] = json!({"replicas": 3});
    let image = json!({"f:metadata": {"f:annotations": {"f:note": {}}}, "f:spec": {"f:template": {"f:spec": {"f:containers": {
        "k:{\"name\":\"hub\"}": {"f:image": {}, "f:env": {".": {}, "k:{\"name\":\"E\"}": {".": {}, "f:name": {}, "f:value": {}}}},
        "k:{\"name\":\"sidecar\"}": {".": {}, "f:name": {}, "f:image": {}},
    }}}}});
    let status = json!({"f:metadata": {"f:annotations": {".": {}, "f:deployment.kubernetes.io/revision": {}}}, "f:status": {"f:replicas": {}}});
    let mut controller = entry("kube-controller-manager", "Update", "2026-01-03T00:00:00Z", &status);
    controller["subresource"] = json!("status");
    live["metadata"]["managedFields"] = json!([
        entry("helm", "Apply", "2026-01-01T00:00:00Z", &json!({"f:spec": {"f:replicas": {}}})),
        entry("kubectl", "Update", "2026-01-02T00:00:00Z", &json!({"f:spec": {"f:replicas": {}}})),
        entry("kubectl-edit", "Update", "2026-01-02T01:00:00Z", &image),
        controller,
    ]);
    live
}

#[test]
fn who_changed_and_added_what_is_told() {
    let expected = |next: &str| {
        [
            format!(r#"spec.replicas Changed {{ from: "1", to: "3" }} Some("kubectl") {next}"#),
            format!(
                r#"spec.template.spec.containers[hub].image Changed {{ from: "\"a:1\"", to: "\"a:2\"" }} Some("kubectl-edit") {next}"#
            ),
            r#"metadata.annotations.note Added { to: "\"x\"" } Some("kubectl-edit") Stays"#.to_owned(),
            r#"spec.template.spec.containers[hub].env Added { to: "[{\"name\": \"E\", \"value\": \"1\"}]" } Some("kubectl-edit") Stays"#.to_owned(),
            r#"spec.template.spec.containers[sidecar] Added { to: "{\"name\": \"sidecar\", \"image\": \"s\"}" } Some("kubectl-edit") Stays"#.to_owned(),
        ]
    };
    let found = told(&deployment(), &edited(), false);
    for line in expected("PutBack") {
        assert!(found.contains(&line), "{line}\nnot in {found:#?}");
    }
    assert_eq!(found.len(), 5, "{found:#?}");
    let found = told(&deployment(), &edited(), true);
    for line in expected("Conflict") {
        assert!(found.contains(&line), "{line}\nnot in {found:#?}");
    }
    assert_eq!(told(&deployment(), &deployment(), true), Vec::<String>::new());
}

#[test]
fn what_is_gone_or_may_not_be_seen_is_told_apart() {
    let objects = [object(&deployment()), object(&deployment()), object(&deployment())];
    let live = [Live::Gone, Live::Hidden, Live::There(deployment())];
    let found = drift(&objects, &live, true, &Scrub::default());
    assert_eq!((found.objects.len(), found.hidden.len(), found.word().as_str()), (1, 1, "1 object"));
    assert_eq!(found.objects[0].how, How::Gone);
    assert_eq!(drift(&objects[..1], &live[1..2], true, &Scrub::default()).word(), "unknown");
    assert_eq!(Drift::default().word(), "none");
}

#[test]
fn a_field_that_is_set_back_on_the_server_is_no_conflict() {
    let mut live = deployment();
    live["metadata"]["labels"] = json!({});
    let found = told(&deployment(), &live, true);
    assert_eq!(found, [r#"metadata.labels.app Removed { from: "\"hub\"" } None PutBack"#]);
}

#[test]
fn kinds_that_helm_does_not_know_stay_as_they_are() {
    let resource = |size: u64| json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"size": size}});
    assert!(told(&resource(1), &resource(2), false)[0].ends_with("Stays"));
    assert!(told(&resource(1), &resource(2), true)[0].ends_with("PutBack"), "nobody else owns it");
}

#[test]
fn what_is_to_be_installed_may_say_the_same() {
    let (stored, live) = ([object(&deployment())], [Live::There(edited())]);
    let mut found = drift(&stored, &live, true, &Scrub::default());
    let mut new = deployment();
    new["spec"]["replicas"] = json!(3);
    found.before(&[object(&new)], &stored, &live);
    assert_eq!(found.next().into_iter().collect::<Vec<_>>(), [Next::Stays, Next::Conflict, Next::Agrees]);
}

#[test]
fn secrets_are_never_shown() {
    let secret =
        |text: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"plain": text}});
    let env = |text: &str| {
        let mut value = deployment();
        value["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "DB_PASSWORD", "value": text}]);
        value
    };
    for (from, to) in [(secret("aHVudGVyMg=="), secret("aHVudGVyMw==")), (env("hunter2"), env("hunter3"))] {
        let mut to = to;
        let fields = json!({"f:data": {".": {}, "f:more": {}}});
        to["metadata"]["managedFields"] = json!([entry("kubectl-edit", "Update", "2026-01-02T00:00:00Z", &fields)]);
        if to["kind"] == "Secret" {
            to["data"]["more"] = json!("aHVudGVyNA==");
        }
        let found = told(&from, &to, true).join("\n");
        assert!(found.contains("Hidden") && !found.contains("hunter") && !found.contains("aHVud"), "{found}");
    }
}

#[test]
fn secret_text_and_data_are_the_same() {
    let manifest = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hi"}});
    let live = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "aGk="}, "type": "Opaque"});
    assert_eq!(told(&manifest, &live, true), Vec::<String>::new());
}

/// A registry that is put before images, and a certificate of a webhook, come back whatever helm does.
#[test]
fn what_the_cluster_makes_of_helms_own_request_is_no_drift() {
    let mut live = deployment();
    live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("mirror/a:1");
    let image =
        json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"hub\"}": {"f:image": {}}}}}}});
    let helm = entry("helm", "Apply", "2026-01-01T00:00:00Z", &image);
    live["metadata"]["managedFields"] = json!([helm]);
    assert_eq!(told(&deployment(), &live, true), Vec::<String>::new());
    live["metadata"]["managedFields"] = json!([helm, entry("kubectl-edit", "Update", "2026-01-02T00:00:00Z", &image)]);
    assert_eq!(told(&deployment(), &live, true).len(), 1, "a person changed it since");
    live["metadata"]["managedFields"] = json!([]);
    assert_eq!(told(&deployment(), &live, true).len(), 1, "nobody knows who did");

    let webhook = |bundle: &str| {
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "w"}, "webhooks": [{"name": "w", "clientConfig": {"caBundle": bundle}}]})
    };
    assert_eq!(told(&webhook("Cg=="), &webhook("QUFB"), true), Vec::<String>::new());
}

#[test]
fn what_is_left_out_of_an_unknown_kind_may_mean_anything() {
    let cluster =
        |spec: Value| json!({"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec});
    assert_eq!(told(&cluster(json!({"tls": false, "size": 0})), &cluster(json!({})), true).len(), 2);
}

#[test]
fn drift_can_be_told_without_values() {
    let found = drift(&[object(&deployment())], &[Live::There(edited())], true, &Scrub::default());
    assert!(format!("{found:?}").contains("a:2"), "a control");
    let found = format!("{:?}", found.without_values());
    assert!(found.contains("spec.replicas") && !found.contains("a:2") && !found.contains("from:"), "{found}");
}
