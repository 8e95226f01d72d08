use serde_json::{Value, json};

use crate::archive::ChartCrd;
use crate::chart::release::Scope;
use crate::crds::{CrdState, WantedCrd};
use crate::helm::description;
use crate::jupyterhub::HubVersion;
use crate::observe::{ReleaseState, key};
use crate::plan::build::Desired;
use crate::plan::build::tests::{World, deployed, entry};
use crate::plan::{DumpOperation, Operation, Plan, lines};
use crate::secrets::delivered::Content;

fn hub(chart: &str, jupyterhub: &str) -> HubVersion {
    HubVersion { chart: chart.into(), jupyterhub: Some(jupyterhub.into()) }
}

/// A hub on the database of our release, and a bundle that brings another JupyterHub.
fn world(from: HubVersion, to: HubVersion) -> World {
    let mut world = World::installed();
    let values = json!({"jupyterhub": {"hub": {"db": {
        "type": "postgres", "url": "postgresql+psycopg2://jhub@postgresql:5432/jhub",
    }}}});
    let mut hub = entry("dhub", Scope::Hub);
    hub.needs = vec!["postgresql".into()];
    let state = ReleaseState { hub: Some(from), description: description("other"), ..deployed(&hub, &values) };
    world.observed.releases.insert(key(&hub), state);
    world.manifest.releases.push(hub.clone());
    world.desired[1].entry.chart = "postgresql".into();
    world.desired.push(Desired { entry: hub, values, secret: None, hub: Some(to) });
    world
}

fn dump(plan: &Plan) -> Option<&DumpOperation> {
    plan.dump_before("dhub")
}

/// Both sides say where the hub keeps its state.
fn on(world: &mut World, db: &Value) {
    let values = json!({"jupyterhub": {"hub": {"db": db}}});
    world.desired[2].values = values.clone();
    world.observed.releases.values_mut().filter(|state| state.hub.is_some()).for_each(|state| {
        state.config = values.clone();
    });
}

#[test]
fn another_database_is_dumped_before_the_hub_and_the_same_is_not() {
    let plan = world(hub("4.4.0", "5.5.0"), hub("5.0.0", "6.1.1")).plan().unwrap();
    let found = dump(&plan).unwrap();
    assert_eq!((found.from.as_str(), found.to.as_str(), found.claim.as_str()), ("5.5.0", "6.1.1", "postgresql-dumps"));
    let place = |wanted: &dyn Fn(&Operation) -> bool| plan.operations.iter().position(wanted).unwrap();
    let dumps = place(&|one| matches!(one, Operation::DumpDatabase(_)));
    let hubs = place(&|one| matches!(one, Operation::Release(release) if release.name == "dhub"));
    assert_eq!(dumps + 1, hubs);
    for same in [hub("4.4.1", "5.5.7"), hub("4.4.0", "5.5.0")] {
        let plan = world(hub("4.4.0", "5.5.0"), same).plan().unwrap();
        assert!(!plan.is_empty() && dump(&plan).is_none() && plan.warnings.is_empty(), "{:?}", plan.warnings);
    }
}

#[test]
fn it_is_an_operation_with_an_id_that_the_upgrade_needs() {
    let plan = world(hub("4.4.0", "5.5.0"), hub("5.0.0", "6.1.1")).plan().unwrap();
    let json = serde_json::to_value(&plan).unwrap();
    let step = |id: &str| json["operations"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    let dump = step("dump/dhub/postgresql");
    assert_eq!(dump["operation"], "dump-database");
    assert_eq!(dump["needs"], json!(["release/dhub/postgresql"]));
    assert_eq!(step("release/dhub/dhub")["needs"], json!(["dump/dhub/postgresql", "release/dhub/postgresql"]).sorted());
    insta::assert_snapshot!(lines(&plan)[4..7].join("\n"), @r"
      + dump        the database, before JupyterHub 5.5.0 -> 6.1.1 changes it
                    it is kept in the volume claim postgresql-dumps
      ~ dhub        changed: dhub 1.0.0, revision 1
    ");
}

trait Sorted {
    fn sorted(self) -> Self;
}

impl Sorted for Value {
    /// Needs come in the order of the plan.
    fn sorted(mut self) -> Self {
        self.as_array_mut().unwrap().sort_by_key(|id| id.as_str().unwrap().starts_with("dump"));
        self
    }
}

#[test]
fn what_is_not_known_is_dumped() {
    let unknown = HubVersion { chart: "3.3.8".into(), jupyterhub: None };
    let plan = world(unknown, hub("4.4.0", "5.5.0")).plan().unwrap();
    assert_eq!(dump(&plan).unwrap().from, "chart-3.3.8");
    let mut no_archive = world(hub("4.4.0", "5.5.0"), hub("5.0.0", "6.1.1"));
    no_archive.desired[2].hub = None;
    assert_eq!(dump(&no_archive.plan().unwrap()).unwrap().to, "that of dhub 1.0.0");
    let state = no_archive.observed.releases.values_mut().find(|state| state.hub.is_some()).unwrap();
    state.description = description("ab");
    let plan = no_archive.plan().unwrap();
    assert!(plan.is_empty() && dump(&plan).is_none(), "the archive that runs");
}

#[test]
fn a_database_that_is_not_ours_is_said_not_to_be_dumped() {
    let said = |db: &Value| {
        let mut world = world(hub("4.4.0", "5.5.0"), hub("5.0.0", "6.1.1"));
        on(&mut world, db);
        let plan = world.plan().unwrap();
        assert!(dump(&plan).is_none());
        assert!(lines(&plan).iter().all(|line| line.chars().count() <= 80), "{:?}", lines(&plan));
        plan.warnings.join(" ")
    };
    let elsewhere = said(&json!({"type": "postgres", "url": "postgresql://jhub:pw@db.example.org/hubs"}));
    assert!(elsewhere.contains("pg_dump"), "{elsewhere}");
    assert!(!elsewhere.contains("pw"), "{elsewhere}");
    assert!(said(&json!({"type": "sqlite-pvc"})).contains("jupyterhub.sqlite"));
}

#[test]
fn a_way_back_is_dumped_too_and_said() {
    let plan = world(hub("5.0.0", "6.1.1"), hub("4.4.0", "5.5.0")).plan().unwrap();
    assert!(dump(&plan).is_some());
    assert!(plan.warnings[0].contains("goes back from 6.1.1 to 5.5.0"), "{:?}", plan.warnings);
}

#[test]
fn nothing_of_the_release_begins_before_it() {
    let mut world = world(hub("4.4.0", "5.5.0"), hub("5.0.0", "6.1.1"));
    let crd = ChartCrd { name: "a.example.org".into(), chart: "gate 2.0.0".into(), document: Value::Null };
    world.crds = vec![WantedCrd { release: "dhub".into(), crd, state: CrdState::Differs }];
    world.upgrade_crds = true;
    world.desired[2].secret = Some(Content::new());
    let json = serde_json::to_value(world.plan().unwrap()).unwrap();
    let steps = json["operations"].as_array().unwrap();
    let dump = json!("dump/dhub/postgresql");
    let needing = steps.iter().filter(|step| step["needs"].as_array().unwrap().contains(&dump));
    let kinds: Vec<_> = needing.map(|step| step["operation"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["write-secret", "apply-crd", "release"]);
}

/// With a password that is replaced at the same time, the database comes after the hub.
#[test]
fn it_waits_for_nothing_that_comes_after_the_hub() {
    let mut world = world(hub("4.4.0", "5.5.0"), hub("5.0.0", "6.1.1"));
    world.desired[2].entry.needs.clear();
    let json = serde_json::to_value(world.plan().unwrap()).unwrap();
    let steps = json["operations"].as_array().unwrap();
    let dump = steps.iter().find(|one| one["operation"] == "dump-database").unwrap();
    assert_eq!(dump["needs"], json!([]));
}
