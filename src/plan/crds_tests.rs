use serde_json::{Value, json};

use crate::archive::ChartCrd;
use crate::crds::{CrdState, WantedCrd};
use crate::plan::build::tests::World;
use crate::plan::lines;

fn wanted(name: &str, state: CrdState) -> WantedCrd {
    let crd = ChartCrd { name: format!("{name}.example.org"), chart: "gate 2.0.0".into(), document: Value::Null };
    WantedCrd { release: "postgresql".into(), crd, state }
}

fn all() -> Vec<WantedCrd> {
    let hidden = CrdState::Unknown { why: "forbidden".into() };
    vec![
        wanted("same", CrdState::Same),
        wanted("missing", CrdState::Missing),
        wanted("differs", CrdState::Differs),
        wanted("hidden", hidden),
    ]
}

#[test]
fn what_differs_is_told_and_left_alone() {
    let plan = World { crds: all(), ..World::installed() }.plan().unwrap();
    assert!(plan.is_empty(), "helm does not upgrade them, nor do we unasked");
    assert!(lines(&plan).iter().all(|line| line.chars().count() <= 80), "{:?}", lines(&plan));
    let text = plan.warnings.join("\n");
    assert!(text.contains("missing.example.org, differs.example.org") && text.contains("--upgrade-crds"), "{text}");
    assert!(text.contains("could not be compared") && !text.contains("same.example.org"), "{text}");
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(
        json["crds"][0],
        json!({"name": "missing.example.org", "chart": "gate 2.0.0", "release": "postgresql", "state": "missing"})
    );
    assert_eq!(json["crds"].as_array().unwrap().len(), 3);
}

#[test]
fn asked_for_they_come_before_their_release() {
    let plan = World { crds: all(), upgrade_crds: true, ..World::installed() }.plan().unwrap();
    let json = serde_json::to_value(&plan).unwrap();
    let ids: Vec<&str> =
        json["operations"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect();
    let release = "release/dhub/postgresql";
    assert_eq!(ids[1..], ["crd/missing.example.org", "crd/differs.example.org", release]);
    assert_eq!(json["operations"][3]["needs"], json!(["crd/missing.example.org", "crd/differs.example.org"]));
    assert!(lines(&plan).join("\n").contains("  ~ crd         differs.example.org"));
    assert!(!plan.is_empty() && !plan.warnings.join("\n").contains("differs"));
}

#[test]
fn with_a_new_release_helm_makes_those_that_are_missing() {
    for upgrade_crds in [false, true] {
        let plan = World { crds: all(), upgrade_crds, ..World::new() }.plan().unwrap();
        let json = serde_json::to_string(&plan).unwrap();
        assert!(!json.contains("missing.example.org") && json.contains("differs.example.org"), "{json}");
    }
}

#[test]
fn a_version_in_which_objects_are_stored_is_not_taken_away() {
    let stored = wanted("old", CrdState::Stored { versions: vec!["v1alpha1".into()] });
    let mut world = World { crds: vec![stored], ..World::installed() };
    assert!(world.plan().unwrap().warnings[0].contains("old.example.org"));
    world.upgrade_crds = true;
    let error = world.plan().unwrap_err();
    assert!(error.message.contains("old.example.org"), "{error:?}");
    assert!(error.causes[1].contains("v1alpha1") && error.hints[1].contains("storedVersions"), "{error:?}");
}
