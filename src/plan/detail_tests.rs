use serde_json::{Value, json};

use super::*;
use crate::chart::release::Scope;
use crate::objects::parse;
use crate::plan::Action;
use crate::plan::{Operation, lines};
use crate::redact::Secret;

pub(in crate::plan) fn object(value: &Value) -> Object {
    parse(&Secret::new(value.to_string()), "dhub", "dhub").unwrap().remove(0)
}

pub(in crate::plan) fn release(action: Action) -> ReleaseOperation {
    ReleaseOperation {
        name: "dhub".into(),
        namespace: "dhub".into(),
        chart: "daskhub".into(),
        helm_chart: "daskhub 0.1.0".into(),
        scope: Scope::Hub,
        action,
        awaited: false,
        after: Vec::new(),
        detail: Box::default(),
    }
}

fn plan(action: Action, evidence: &Evidence) -> Plan {
    let mut plan = Plan {
        cluster: "c".into(),
        server: "https://c:6443".into(),
        namespace: "dhub".into(),
        bundle: "digest".into(),
        secrets: Vec::new(),
        warnings: Vec::new(),
        crds: Vec::new(),
        operations: vec![Operation::Release(release(action))],
    };
    plan.add(&("dhub".into(), "dhub".into()), evidence, &Scrub::default());
    plan
}

fn deployment(image: &str, checksum: &str) -> Object {
    object(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hub"}, "spec": {
        "replicas": 1,
        "template": {"metadata": {"annotations": {"checksum/config": checksum}},
            "spec": {"containers": [{"name": "hub", "image": image}]}},
    }}))
}

fn config(name: &str, text: &str) -> Object {
    object(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a.yaml": text}}))
}

fn upgrade() -> Action {
    Action::Upgrade { revision: 1, reasons: Vec::new() }
}

#[test]
fn objects_are_compared_and_checksums_are_only_restarts() {
    let evidence = Evidence {
        stored: vec![deployment("a:1", "x"), config("same", "1"), config("c", "a: 1\nb: 2\n"), config("old", "1")],
        rendered: Some(Ok(vec![
            deployment("a:1", "y"),
            config("same", "1"),
            config("c", "a: 1\nb: 3\n"),
            config("new", "1"),
        ])),
        ..Evidence::default()
    };
    insta::assert_snapshot!(lines(&plan(upgrade(), &evidence)).join("\n"), @r#"
    Plan for namespace dhub in c (https://c:6443)

      ~ dhub        changed: daskhub 0.1.0, revision 1
          objects:
            ~ ConfigMap c
                data.a.yaml: line 2: "b: 2" -> line 2: "b: 3"
            + ConfigMap new
            - ConfigMap old
          pods start anew: Deployment hub
    "#);
}

#[test]
fn a_new_release_is_told_by_its_kinds() {
    let rendered = vec![config("a", "1"), config("b", "1"), deployment("a:1", "x")];
    let evidence = Evidence { rendered: Some(Ok(rendered)), ..Evidence::default() };
    insta::assert_snapshot!(lines(&plan(Action::Install, &evidence)).join("\n"), @r#"
    Plan for namespace dhub in c (https://c:6443)

      + dhub        new: daskhub 0.1.0 in dhub
          3 objects: 2 ConfigMap, Deployment
    "#);
}

#[test]
fn drift_is_told_with_what_becomes_of_it() {
    let mut live = deployment("a:2", "x").value;
    live["spec"]["replicas"] = json!(4);
    live["metadata"]["managedFields"] = json!([{"manager": "kubectl-edit", "operation": "Update",
        "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]);
    let evidence = |server_side| Evidence {
        stored: vec![deployment("a:1", "x"), config("c", "1"), config("hidden", "1")],
        live: Some(vec![Live::There(live.clone()), Live::Gone, Live::Hidden]),
        server_side,
        ..Evidence::default()
    };
    let text = lines(&plan(Action::Keep { revision: 1 }, &evidence(true))).join("\n");
    insta::assert_snapshot!(text, @r#"
    Plan for namespace dhub in c (https://c:6443)

      = dhub        unchanged: daskhub 0.1.0, revision 1
          changed in the cluster since it was installed:
            ~ Deployment hub
                spec.replicas: 1 -> 4
                  by kubectl-edit, 2026-01-02T00:00:00Z
                spec.template.spec.containers[hub].image: "a:1" -> "a:2"
            - ConfigMap c: is gone
          stays so while nothing else changes; to put it back: install with --force
          helm stops at fields that others set to another value: put theirs into the
            site file, or overwrite them with install --force-conflicts
          drift unknown, you may not look at: ConfigMap
    "#);
    let text = lines(&plan(upgrade(), &evidence(false))).join("\n");
    assert!(text.contains("applying this puts back") && !text.contains("helm stops"), "{text}");
}

#[test]
fn what_helm_cannot_render_is_told() {
    let error = Error::user("helm cannot render the release `dhub`").because("the chart says no");
    let evidence = Evidence { rendered: Some(Err(error)), ..Evidence::default() };
    let text = lines(&plan(upgrade(), &evidence)).join("\n");
    assert!(text.contains("! objects not shown: helm cannot render the release `dhub`: the chart"), "{text}");
}

#[test]
fn secrets_of_manifests_are_never_shown() {
    let secret = |text: &str| {
        object(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"plain": text}}))
    };
    let evidence = Evidence {
        stored: vec![secret("hunter2")],
        rendered: Some(Ok(vec![secret("hunter3")])),
        live: Some(vec![Live::There(secret("hunter4").value)]),
        ..Evidence::default()
    };
    let plan = plan(upgrade(), &evidence);
    let text = format!("{}{}", lines(&plan).join("\n"), serde_json::to_string(&plan).unwrap());
    assert!(text.contains("data.plain") && !text.contains("hunter") && !text.contains("aHVud"), "{text}");
}
