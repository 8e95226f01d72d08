use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::bundle::manifest::SecretEntry;
use crate::chart::release::Scope;
use crate::helm::description;
use crate::observe::DefaultClass;
use crate::plan::lines;
use crate::redact::Secret;
use crate::secrets::{Ledger, Need, Note, SecretKind};

fn entry(name: &str, scope: Scope) -> ReleaseEntry {
    ReleaseEntry {
        name: name.into(),
        namespace: if scope == Scope::Hub { "dhub".into() } else { "helm-iris-system".into() },
        chart: name.into(),
        helm_chart: name.into(),
        version: "1.0.0".into(),
        archive: format!("{name}-1.0.0.tgz"),
        sha256: Some("ab".into()),
        scope,
        needs: vec![],
        condition: (name == "storage").then_some(Condition::NoDefaultClass),
        timeout_seconds: 60,
        public_service: None,
        values: vec![],
        command: String::new(),
        edits: None,
    }
}

struct World {
    manifest: Manifest,
    desired: Vec<Desired>,
    observed: Observed,
    secrets: Reconciled,
    force: bool,
}

fn class(name: &str, made_by: Option<(&str, &str)>) -> DefaultClass {
    DefaultClass { name: name.into(), made_by: made_by.map(|(namespace, name)| (namespace.into(), name.into())) }
}

impl World {
    /// An empty cluster and a bundle of storage and postgresql.
    fn new() -> Self {
        let mut ledger = Ledger::create().unwrap();
        ledger
            .ensure(&[Need { name: "database-password".into(), kind: SecretKind::Alnum(16), ..Need::default() }])
            .unwrap();
        let password = ledger.value("database-password").unwrap().expose().to_owned();
        let secret = SecretEntry {
            name: "database-password".into(),
            kind: SecretKind::Alnum(16),
            fills: vec!["postgresql:auth.password".into()],
            ..SecretEntry::default()
        };
        let releases = vec![entry("storage", Scope::Cluster), entry("postgresql", Scope::Hub)];
        let values =
            [json!({"storageClass": {"name": "cinder"}}), json!({"size": "8Gi", "auth": {"password": password}})];
        Self {
            desired: releases.iter().cloned().zip(values).map(|(entry, values)| Desired { entry, values }).collect(),
            manifest: Manifest {
                format: 1,
                chart: "postgresql".into(),
                profile: "cumulus".into(),
                namespace: "dhub".into(),
                inputs: vec![],
                releases,
                secrets: vec![secret],
                files: vec![],
            },
            observed: Observed {
                classes: Classes::Known(vec![]),
                namespace_exists: Some(false),
                releases: BTreeMap::new(),
                unreadable: BTreeMap::new(),
                ledger: None,
                found: vec![],
                claims: BTreeSet::new(),
            },
            secrets: Reconciled {
                notes: vec![Note::New { names: vec!["database-password".into()] }],
                fresh: BTreeSet::from(["database-password".to_owned()]),
                ledger,
                cluster_differs: true,
                local_differs: true,
            },
            force: false,
        }
    }

    /// As after an installation of exactly this bundle.
    fn installed() -> Self {
        let mut world = Self::new();
        for desired in &world.desired {
            let state = ReleaseState {
                revision: 1,
                status: "deployed".into(),
                description: description("ab"),
                chart: desired.entry.helm_chart.clone(),
                version: desired.entry.version.clone(),
                config: desired.values.clone(),
                manifest: Secret::new(String::new()),
            };
            world.observed.releases.insert(key(&desired.entry), state);
        }
        world.observed.classes = Classes::Known(vec![class("cinder", Some(("helm-iris-system", "storage")))]);
        world.observed.namespace_exists = Some(true);
        world.observed.claims.insert("data-postgresql-0".into());
        world.secrets.ledger.entries.values_mut().for_each(|entry| entry.provisional = false);
        world.secrets = Reconciled { notes: vec![], fresh: BTreeSet::new(), cluster_differs: false, ..world.secrets };
        world
    }

    fn state(&mut self, name: &str) -> &mut ReleaseState {
        self.observed.releases.values_mut().find(|state| state.chart == name).unwrap()
    }

    fn plan(&self) -> Result<Plan> {
        build(&Input {
            cluster: "cumulus",
            server: "https://c:6443",
            bundle: "digest",
            manifest: &self.manifest,
            desired: &self.desired,
            observed: &self.observed,
            secrets: &self.secrets,
            force: self.force,
        })
    }

    fn text(&self) -> String {
        let plan = self.plan().unwrap();
        let password = self.secrets.ledger.value("database-password").unwrap().expose();
        let (text, json) = (lines(&plan).join("\n"), serde_json::to_string(&plan).unwrap());
        assert!(!text.contains(password) && !json.contains(password));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    }
}

#[test]
fn into_an_empty_cluster() {
    insta::assert_snapshot!(World::new().text(), @r"
    Plan for namespace dhub in cumulus (https://c:6443)

      + namespace   dhub
      + secrets     the hub's ledger, kept in the cluster from now on
      + storage     new: storage 1.0.0 in helm-iris-system
      + postgresql  new: postgresql 1.0.0 in dhub

      ! new secrets: database-password
    ");
}

#[test]
fn nothing_to_do() {
    let world = World::installed();
    assert!(world.plan().unwrap().is_empty());
    insta::assert_snapshot!(world.text(), @r"
    Plan for namespace dhub in cumulus (https://c:6443)

      = storage     unchanged: storage 1.0.0, revision 1
      = postgresql  unchanged: postgresql 1.0.0, revision 1
    ");
}

#[test]
fn forced() {
    let world = World { force: true, ..World::installed() };
    assert!(!world.plan().unwrap().is_empty());
    assert!(world.text().contains("because of --force"));
}

#[test]
fn every_reason_is_told() {
    let mut world = World::installed();
    let state = world.state("postgresql");
    state.description = "Upgrade complete".into();
    state.version = "0.9.0".into();
    state.config = json!({"size": "4Gi", "auth": {"password": "theirs"}, "extra": {"long": "x".repeat(50)}});
    let state = world.state("storage");
    state.status = "failed".into();
    state.description = "Upgrade \"storage\" failed: context canceled".into();
    insta::assert_snapshot!(world.text(), @r#"
    Plan for namespace dhub in cumulus (https://c:6443)

      ~ storage     changed: storage 1.0.0, revision 1
                    revision 1 did not succeed (failed)
      ~ postgresql  changed: postgresql 1.0.0, revision 1
                    revision 1 was not made by helm iris; its changes go
                    chart: postgresql 0.9.0 -> postgresql 1.0.0
                    auth.password: changes (may be a secret, not shown)
                    extra:
                      {"long": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
                      -> (unset)
                    size: "4Gi" -> "8Gi"

      ! storage is shared by all hubs of this cluster: it changes for all of them
    "#);
}

#[test]
fn another_archive_of_the_same_version() {
    let mut world = World::installed();
    world.state("postgresql").description = description("cd");
    assert!(world.text().contains("same version, other content"));
}

#[test]
fn a_foreign_default_class_is_used() {
    let mut world = World::new();
    world.observed.classes = Classes::Known(vec![class("standard", None)]);
    assert!(world.text().contains("- storage     not needed: the default StorageClass standard is used"));
    // Also where we may not read what all hubs share.
    let storage = key(&world.manifest.releases[0]);
    world.observed.unreadable.insert(storage, Error::user("not allowed"));
    assert!(world.plan().is_ok());
    // Ours or not: what we may not read is left alone.
    world.observed.classes = Classes::Known(vec![class("cinder", Some(("helm-iris-system", "storage")))]);
    assert!(world.text().contains("the default StorageClass cinder is used"));
    world.observed.classes = Classes::Known(vec![]);
    assert_eq!(world.plan().unwrap_err().message, "not allowed");
}

#[test]
fn classes_that_cannot_be_seen_are_a_warning() {
    let mut world = World::new();
    world.observed.classes = Classes::Unknown;
    let text = world.text();
    assert!(text.contains("- storage     left out") && text.contains("! you may not look"), "{text}");
}

#[test]
fn two_default_classes_stop() {
    let mut world = World::new();
    world.observed.classes = Classes::Known(vec![class("a", None), class("b", None)]);
    let error = world.plan().unwrap_err();
    assert_eq!(error.message, "the cluster has 2 default StorageClasses: a, b");
    assert!(error.hints[1].contains("storageclass b "), "{:?}", error.hints);
}

#[test]
fn no_class_and_none_to_make_stops() {
    let mut world = World::new();
    world.desired[0].values = json!({"storageClass": null});
    assert!(world.plan().unwrap_err().message.contains("no default StorageClass"));
    world.observed.classes = Classes::Known(vec![class("standard", None)]);
    assert!(world.plan().is_ok());
}

#[test]
fn a_class_of_ours_is_not_taken_away_by_a_profile_that_names_none() {
    let mut world = World::installed();
    world.desired[0].values = json!({"storageClass": null});
    assert!(world.text().contains("- storage "));
}

#[test]
fn a_helm_at_work_stops() {
    let mut world = World::installed();
    world.state("postgresql").status = "pending-install".into();
    let error = world.plan().unwrap_err();
    assert!(error.hints[1].contains("helm uninstall postgresql -n dhub"), "{error:?}");
    world.state("postgresql").revision = 3;
    assert!(world.plan().unwrap_err().hints[1].contains("helm rollback"));
}

#[test]
fn an_uninstalled_release_that_kept_its_history_is_new() {
    let mut world = World::installed();
    world.state("postgresql").status = "uninstalled".into();
    assert!(world.text().contains("+ postgresql  new"));
}

#[test]
fn a_volume_without_its_password_stops() {
    let mut world = World::new();
    world.observed.claims.insert("data-postgresql-0".into());
    let error = world.plan().unwrap_err();
    assert!(error.message.contains("whose password nobody knows"), "{error}");
    world.secrets.fresh.clear();
    assert!(world.plan().is_ok());
}

/// The hub, which takes either password, and its database.
fn with_hub(mut world: World) -> World {
    let mut hub = entry("dhub", Scope::Hub);
    hub.needs = vec!["postgresql".into()];
    let password = world.secrets.ledger.value("database-password").unwrap().expose().to_owned();
    world.manifest.releases.push(hub.clone());
    world.manifest.secrets[0].fills.push("dhub:password".into());
    world.manifest.secrets[0].previous_fills.push("dhub:before".into());
    let values = json!({"password": password});
    let state = ReleaseState {
        revision: 1,
        status: "deployed".into(),
        description: description("ab"),
        chart: hub.helm_chart.clone(),
        version: hub.version.clone(),
        config: values.clone(),
        manifest: Secret::new(String::new()),
    };
    world.observed.releases.insert(key(&hub), state);
    world.desired.push(Desired { entry: hub, values });
    world
}

/// What the bundle's values are once the password was replaced.
fn replace_password(world: &mut World) {
    let need = world.manifest.secrets[0].need();
    let before = world.secrets.ledger.value("database-password").unwrap().clone();
    world.secrets.ledger.replace(&need, crate::secrets::Source::Generated, Secret::new("new-password".into()));
    for desired in &mut world.desired {
        match desired.entry.name.as_str() {
            "postgresql" => desired.values["auth"]["password"] = json!("new-password"),
            "dhub" => desired.values = json!({"password": "new-password", "before": before.expose()}),
            _ => {}
        }
    }
}

fn order(plan: &Plan) -> Vec<(&str, bool, bool)> {
    plan.releases().map(|one| (one.name.as_str(), one.changes(), one.awaited)).collect()
}

#[test]
fn the_side_that_takes_either_password_goes_first() {
    let mut world = with_hub(World::installed());
    let installed = [("storage", false, false), ("postgresql", false, false), ("dhub", false, false)];
    assert_eq!(order(&world.plan().unwrap()), installed);
    replace_password(&mut world);
    let replaced = [("storage", false, false), ("dhub", true, true), ("postgresql", true, false)];
    assert_eq!(order(&world.plan().unwrap()), replaced);
    // Stopped between the two.
    world.state("dhub").config = world.desired[2].values.clone();
    let stopped = [("storage", false, false), ("dhub", false, true), ("postgresql", true, false)];
    assert_eq!(order(&world.plan().unwrap()), stopped);
    world.state("postgresql").config = world.desired[1].values.clone();
    assert_eq!(order(&world.plan().unwrap()), installed);
}
