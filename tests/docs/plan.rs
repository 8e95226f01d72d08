//! The table of the plan's fields in docs/plan.md is the plan's.

use std::collections::{BTreeSet, HashSet};

use helm_iris::chart::release::Scope;
use helm_iris::crds::CrdState;
use helm_iris::drift::{Drift, Drifted, FieldDrift, How, Next};
use helm_iris::objects::ObjectId;
use helm_iris::plan::{
    Action, Change, ChangedObject, CrdDifference, Detail, DumpOperation, Manifests, Obstacle, Operation, Plan, Reason,
    ReleaseOperation, Skip, ValueChange,
};
use helm_iris::secrets::Note;
use serde_json::Value;

use super::markdown::section;

fn object() -> ObjectId {
    ObjectId { kind: "K".into(), name: "n".into(), namespace: Some("ns".into()), api_version: "v1".into() }
}

fn change() -> ValueChange {
    ValueChange { path: "p".into(), change: Change::Changed { from: "1".into(), to: "2".into() } }
}

fn release(action: Action) -> Operation {
    let text = || Some("x".to_owned());
    let field = FieldDrift { change: change(), by: text(), at: text(), next: Next::Stays };
    let drifted = Drifted { object: object(), how: How::Changed { fields: vec![field] } };
    let obstacle = Obstacle { object: object(), path: "p".into(), why: "w".into(), ways: vec!["w".into()] };
    let detail = Detail {
        manifests: Some(Manifests {
            added: vec![object()],
            removed: vec![object()],
            changed: vec![ChangedObject { object: object(), fields: vec![change()] }],
            restarts: vec![object()],
        }),
        unrendered: text(),
        obstacles: vec![obstacle],
        drift: Some(Drift { objects: vec![drifted], hidden: BTreeSet::from(["K".to_owned()]) }),
    };
    Operation::Release(ReleaseOperation {
        name: "n".into(),
        namespace: "ns".into(),
        chart: "c".into(),
        helm_chart: "c 1".into(),
        scope: Scope::Hub,
        action,
        awaited: false,
        after: Vec::new(),
        detail: Box::new(detail),
    })
}

/// A plan with everything in it.
fn whole() -> Plan {
    let text = || "x".to_owned();
    let reasons = vec![
        Reason::Chart { from: text(), to: text() },
        Reason::Values { changes: vec![change()] },
        Reason::Unfinished { revision: 1, status: text() },
    ];
    Plan {
        cluster: text(),
        server: text(),
        namespace: text(),
        bundle: text(),
        secrets: vec![Note::New { names: vec![text()] }, Note::Replaced { name: text(), means: String::new() }],
        warnings: vec![text()],
        crds: vec![
            CrdDifference { name: text(), chart: text(), release: text(), state: CrdState::Unknown { why: text() } },
            CrdDifference {
                name: text(),
                chart: text(),
                release: text(),
                state: CrdState::Stored { versions: vec![text()] },
            },
        ],
        operations: vec![
            Operation::DumpDatabase(DumpOperation {
                namespace: text(),
                database: text(),
                release: text(),
                from: text(),
                to: text(),
                claim: text(),
            }),
            Operation::WriteSecret { name: text(), namespace: text(), release: "n".into(), new: true },
            release(Action::Upgrade { revision: 1, reasons }),
            release(Action::Skip { why: Skip::DefaultClass { name: text() } }),
        ],
    }
}

/// The path of every field; objects and changes are folded as in the table.
fn fields(value: &Value, path: &str, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let keys: HashSet<&str> = map.keys().map(String::as_str).collect();
            let mut folded = Vec::new();
            for (name, needed, all) in [
                ("{object}", ["kind", "apiVersion"], &["kind", "name", "apiVersion", "namespace"] as &[_]),
                ("{change}", ["path", "change"], &["path", "change", "from", "to", "how"]),
            ] {
                if needed.iter().all(|key| keys.contains(key)) {
                    out.insert(format!("{path}.{name}"));
                    folded.extend(all);
                }
            }
            for (key, value) in map.iter().filter(|(key, _)| !folded.contains(&key.as_str())) {
                let inside = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                fields(value, &inside, out);
            }
        }
        Value::Array(list) => list.iter().for_each(|item| fields(item, &format!("{path}[]"), out)),
        _ => {
            out.insert(path.to_owned());
        }
    }
}

#[test]
fn the_table_of_the_plans_fields_is_whole() {
    let mut is = BTreeSet::from(["format".to_owned(), "changes".to_owned()]);
    fields(&serde_json::to_value(whole()).unwrap(), "", &mut is);
    let markdown = std::fs::read_to_string(super::root().join("docs/plan.md")).unwrap();
    let rows =
        section(&markdown, "## As data").lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let listed: BTreeSet<String> =
        rows.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`').to_owned()).collect();
    assert_eq!(listed, is, "docs/plan.md lists what a plan holds");
}
