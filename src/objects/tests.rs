use proptest::prelude::*;
use serde_json::json;

use super::*;

fn found(from: &Value, to: &Value, mode: Mode) -> Vec<String> {
    differences(from, to, mode, true).iter().map(|one| path_of(&one.steps)).collect()
}

fn live(from: &Value, to: &Value) -> Vec<String> {
    found(from, to, Mode::Live)
}

#[test]
fn a_manifest_is_taken_apart() {
    let text = "---\n# Source: a\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ns}\ndata: {b: aGk=\n}\n\
                stringData: {a: hi}\n---\n# nothing\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n\
                data:\n  x: |\n    line\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  \
                metadata: {name: d, namespace: other}\n";
    let objects = parse(&Secret::new(text.into()), "r", "ns").unwrap();
    let shown: Vec<_> = objects.iter().map(|object| object.id.to_string()).collect();
    assert_eq!(shown, ["Secret s", "ConfigMap c", "Deployment d in other"]);
    assert_eq!(objects[0].value["data"], json!({"b": "aGk=", "a": "aGk="}));
    assert_eq!(objects[1].value["data"]["x"], "line\n", "a text keeps its last line end");
    assert!(objects[2].id.is_built_in() && objects[2].id.group() == "apps");
}

#[test]
fn damage_shows_nothing() {
    let error = parse(&Secret::new("kind: [hunter2".into()), "r", "ns").err().unwrap();
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn the_same_object_of_another_version_is_the_same() {
    let id = |api_version: &str, name: &str| ObjectId {
        kind: "PodDisruptionBudget".into(),
        name: name.into(),
        namespace: None,
        api_version: api_version.into(),
    };
    assert!(id("policy/v1beta1", "a").is_same(&id("policy/v1", "a")));
    assert!(!id("policy/v1", "b").is_same(&id("policy/v1", "a")));
    assert!(!id("example.com/v1", "a").is_same(&id("policy/v1", "a")));
    assert!(!id("snapshot.storage.k8s.io/v1", "a").is_built_in());
}

#[test]
fn what_kubernetes_fills_in_or_leaves_out_is_no_difference() {
    let said = json!({"spec": {
        "replicas": 1, "hostNetwork": false, "paused": false, "emptyish": {}, "none": null, "text": "", "list": [],
        "template": {"spec": {"containers": [{
            "name": "hub", "env": [{"name": "A", "value": ""}], "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 1}},
        }]}},
        "clusterIP": "",
    }});
    let is = json!({"spec": {
        "replicas": 1, "revisionHistoryLimit": 10,
        "template": {"spec": {"dnsPolicy": "ClusterFirst", "containers": [{
            "name": "hub", "imagePullPolicy": "Always", "env": [{"name": "A"}],
            "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1"}},
        }]}},
        "clusterIP": "10.0.0.1",
    }, "status": {}});
    assert_eq!(live(&said, &is), Vec::<String>::new());
}

#[test]
fn what_means_something_by_being_false_is_missed() {
    let said = json!({"spec": {"automountServiceAccountToken": false, "hostPID": false}});
    assert_eq!(live(&said, &json!({"spec": {}})), ["spec.automountServiceAccountToken"]);
}

#[test]
fn lists_are_merged_where_kubernetes_does() {
    let pod = |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let said = pod(json!([{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]));
    let is = pod(json!([{"name": "x"}, {"name": "b", "image": "2"}, {"name": "a", "image": "3"}]));
    assert_eq!(live(&said, &is), ["spec.template.spec.containers[a].image"]);
    assert_eq!(
        found(&said, &is, Mode::Manifest),
        ["spec.template.spec.containers[a].image", "spec.template.spec.containers[x]"]
    );
    // Whom a role is given to is one list: one more is a difference.
    let subjects = |names: &[&str]| json!({"subjects": names.iter().map(|name| json!({"kind": "User", "name": name})).collect::<Vec<_>>()});
    assert_eq!(live(&subjects(&["a"]), &subjects(&["a", "b"])), ["subjects"]);
    assert_eq!(live(&subjects(&["a"]), &subjects(&["b"])), ["subjects[0].name"]);
    let ports =
        |first: &str| json!({"spec": {"ports": [{"port": 53, "protocol": first}, {"port": 53, "protocol": "UDP"}]}});
    assert_eq!(live(&ports("TCP"), &ports("TCP")), Vec::<String>::new());
    // Two of one name cannot be told apart, so the list is one value.
    let env = |value: &str| pod(json!([{"name": "a", "env": [{"name": "A"}, {"name": "A", "value": value}]}]));
    assert_eq!(live(&env("1"), &env("2")), ["spec.template.spec.containers[a].env[1].value"]);
}

#[test]
fn paths_are_harmless() {
    let said = json!({"data": {"a\u{1b}[2J": "x"}});
    assert!(!live(&said, &json!({"data": {}}))[0].contains('\u{1b}'));
}

/// Values as manifests hold them, of which none says nothing.
fn said() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        (1_i64..1000).prop_map(|number| json!(number)),
        "[a-z]{1,8}".prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
            prop::collection::btree_map("[a-m]{1,6}", inner, 1..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// What an API server adds to each map.
fn with_defaults(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut map: Map<String, Value> =
                map.iter().map(|(key, value)| (key.clone(), with_defaults(value))).collect();
            map.insert("zDefault".to_owned(), json!("filled in"));
            Value::Object(map)
        }
        Value::Array(list) => list.iter().map(with_defaults).collect(),
        other => other.clone(),
    }
}

fn leaves(value: &Value, pointer: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| leaves(value, &crate::yaml::pointer_join(pointer, key), out));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{pointer}/{at}"), out));
        }
        _ => out.push(pointer.to_owned()),
    }
}

proptest! {
    #[test]
    fn defaults_are_no_difference_and_any_change_is_one(value in said(), which in any::<prop::sample::Index>()) {
        let value = json!({"spec": value});
        let mut is = with_defaults(&value);
        prop_assert_eq!(live(&value, &is), Vec::<String>::new());
        prop_assert_eq!(found(&value, &value, Mode::Manifest), Vec::<String>::new());
        let mut all = Vec::new();
        leaves(&value, "", &mut all);
        let changed = which.get(&all);
        *is.pointer_mut(changed).unwrap() = json!("somebody else");
        let found = live(&value, &is);
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        let wanted = crate::yaml::pointer_to_path(changed);
        prop_assert_eq!(&found[0], &wanted);
    }
}
