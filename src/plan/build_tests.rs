use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::bundle;
use crate::bundle::manifest::{Delivered, SecretEntry};
use crate::chart::release::Scope;
use crate::crds::WantedCrd;
use crate::helm::description;
use crate::lease::Seen;
use crate::observe::DefaultClass;
use crate::plan::lines;
use crate::redact::Secret;
use crate::secrets::delivered::{Content, StoredSecret};
use crate::secrets::{Ledger, Need, Note, SecretKind};

pub(in crate::plan) fn entry(name: &str, scope: Scope) -> ReleaseEntry {
    ReleaseEntry {
        namespace: if scope == Scope::Hub { "dhub".into() } else { "helm-iris-system".into() },
        scope,
        condition: (name == "storage").then_some(Condition::NoDefaultClass),
        ..bundle::tests::release(name)
    }
}

pub(in crate::plan) struct World {
    pub(in crate::plan) manifest: Manifest,
    pub(in crate::plan) desired: Vec<Desired>,
    pub(in crate::plan) observed: Observed,
    pub(in crate::plan) secrets: Reconciled,
    pub(in crate::plan) force: bool,
    pub(in crate::plan) crds: Vec<WantedCrd>,
    pub(in crate::plan) upgrade_crds: bool,
}

/// A release as helm iris leaves it.
pub(in crate::plan) fn deployed(entry: &ReleaseEntry, values: &Value) -> ReleaseState {
    ReleaseState {
        revision: 1,
        status: "deployed".into(),
        began: None,
        description: description("ab"),
        chart: entry.helm_chart.clone(),
        version: entry.version.clone(),
        hub: None,
        config: values.clone(),
        manifest: Secret::new(String::new()),
        server_side: false,
    }
}

fn class(name: &str, made_by: Option<(&str, &str)>) -> DefaultClass {
    DefaultClass { name: name.into(), made_by: made_by.map(|(namespace, name)| (namespace.into(), name.into())) }
}

impl World {
    /// An empty cluster and a bundle of storage and postgresql.
    pub(in crate::plan) fn new() -> Self {
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
            desired: releases
                .iter()
                .cloned()
                .zip(values)
                .map(|(entry, values)| Desired { entry, values, secret: None, hub: None })
                .collect(),
            manifest: bundle::tests::manifest(releases, vec![secret]),
            observed: Observed {
                classes: Classes::Known(vec![]),
                namespace_exists: Some(false),
                releases: BTreeMap::new(),
                unreadable: BTreeMap::new(),
                ledger: None,
                found: vec![],
                claims: BTreeSet::new(),
                lease: Seen::Never,
                abandoned: BTreeSet::new(),
                unshared: BTreeMap::new(),
                delivered: BTreeMap::new(),
                owners: BTreeMap::new(),
            },
            secrets: Reconciled {
                notes: vec![Note::New { names: vec!["database-password".into()] }],
                fresh: BTreeSet::from(["database-password".to_owned()]),
                ledger,
                cluster_differs: true,
                local_differs: true,
            },
            force: false,
            crds: Vec::new(),
            upgrade_crds: false,
        }
    }

    /// As after an installation of exactly this bundle.
    pub(in crate::plan) fn installed() -> Self {
        let mut world = Self::new();
        for desired in &world.desired {
            let state = deployed(&desired.entry, &desired.values);
            world.observed.releases.insert(key(&desired.entry), state);
        }
        world.observed.classes = Classes::Known(vec![class("cinder", Some(("helm-iris-system", "storage")))]);
        world.observed.namespace_exists = Some(true);
        world.observed.claims.insert("data-postgresql-0".into());
        world.secrets.ledger.entries.values_mut().for_each(|entry| entry.provisional = false);
        world.secrets = Reconciled { notes: vec![], fresh: BTreeSet::new(), cluster_differs: false, ..world.secrets };
        world
    }

    pub(in crate::plan) fn state(&mut self, name: &str) -> &mut ReleaseState {
        self.observed.releases.values_mut().find(|state| state.chart == name).unwrap()
    }

    pub(in crate::plan) fn plan(&self) -> Result<Plan> {
        build(&Input {
            cluster: "cumulus",
            server: "https://c:6443",
            bundle: "digest",
            manifest: &self.manifest,
            desired: &self.desired,
            observed: &self.observed,
            secrets: &self.secrets,
            force: self.force,
            crds: &self.crds,
            upgrade_crds: self.upgrade_crds,
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

      ! secret database-password is replaced
      ! storage is shared by all hubs of this cluster: it changes for all of them
      ! Helm's history keeps the old values, for rolling back; to remove them
        afterwards: kubectl delete secret -n dhub -l
        'owner=helm,status!=deployed,name in (postgresql)'
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

/// A Secret that carries the password to the database, as it stands in the cluster.
pub(in crate::plan) fn stored(content: &Content, ours: bool) -> StoredSecret {
    StoredSecret { content: content.clone(), ours, resource_version: "7".into() }
}

pub(in crate::plan) const SECRET: &str = "helm-iris-postgresql";

fn delivering(mut world: World) -> (World, Content) {
    let content = Content::from([("password".to_owned(), Secret::new("hunter2hunter2".into()))]);
    world.desired[1].secret = Some(content.clone());
    (world, content)
}

#[test]
fn a_secret_is_written_when_it_is_new_or_differs_and_before_its_release() {
    let (mut world, content) = delivering(World::installed());
    insta::assert_snapshot!(world.text(), @r"
    Plan for namespace dhub in cumulus (https://c:6443)

      = storage     unchanged: storage 1.0.0, revision 1
      + secrets     Secret helm-iris-postgresql, for postgresql to read
      = postgresql  unchanged: postgresql 1.0.0, revision 1
    ");
    world.observed.delivered.insert(SECRET.into(), stored(&content, true));
    assert!(world.plan().unwrap().is_empty());
    let other = Content::from([("password".to_owned(), Secret::new("another".into()))]);
    world.observed.delivered.insert(SECRET.into(), stored(&other, true));
    assert!(world.text().contains("~ secrets     Secret helm-iris-postgresql: its content"));
    let json = serde_json::to_string(&world.plan().unwrap()).unwrap();
    assert!(json.contains("write-secret") && !json.contains("hunter2"), "{json}");
}

#[test]
fn a_secret_of_somebody_else_is_not_written_over_and_not_removed() {
    let (mut world, content) = delivering(World::installed());
    world.observed.delivered.insert(SECRET.into(), stored(&content, false));
    let error = world.plan().unwrap_err();
    assert!(error.message.contains("helm iris did not make") && error.hints[1].contains("kubectl delete"), "{error:?}");
    world.desired[1].secret = None;
    assert!(world.plan().unwrap().is_empty());
}

#[test]
fn a_secret_that_nothing_reads_any_more_is_removed_at_the_end() {
    let (mut world, content) = delivering(World::installed());
    world.desired[1].secret = None;
    world.observed.delivered.insert(SECRET.into(), stored(&content, true));
    let plan = world.plan().unwrap();
    let last = Operation::RemoveSecret { name: SECRET.into(), namespace: "dhub".into() };
    assert_eq!(plan.operations.last(), Some(&last));
    assert!(world.text().contains("- secrets     Secret helm-iris-postgresql: removed, nothing reads it any more"));
}

#[test]
fn a_volume_without_its_password_stops_where_it_is_delivered_too() {
    let (mut world, _) = delivering(World::new());
    world.observed.claims.insert("data-postgresql-0".into());
    let to =
        Delivered { chart: "postgresql".into(), key: "password".into(), path: None, separator: None, previous: false };
    world.manifest.secrets[0] = SecretEntry { fills: vec![], delivered: vec![to], ..world.manifest.secrets[0].clone() };
    assert!(world.plan().unwrap_err().message.contains("whose password nobody knows"));
}

/// A fingerprint tells nothing and is shown, so that a reader sees why pods restart.
#[test]
fn a_changed_fingerprint_is_shown() {
    let (mut world, content) = delivering(World::installed());
    world.observed.delivered.insert(SECRET.into(), stored(&content, true));
    world.desired[1].values["podAnnotations"] = json!({"helm-iris/fingerprint": "b".repeat(16)});
    world.state("postgresql").config["podAnnotations"] = json!({"helm-iris/fingerprint": "a".repeat(16)});
    let text = world.text();
    assert!(text.contains(&format!("\"{}\"", "a".repeat(16))) && text.contains(&"b".repeat(16)), "{text}");
}

#[test]
fn a_pending_release_is_freed_only_where_whoever_made_it_is_gone() {
    let mut world = World::installed();
    world.state("postgresql").status = "pending-upgrade".into();
    assert!(world.plan().unwrap_err().message.contains("another helm works on `postgresql`"));
    let key = key(&world.desired[1].entry);
    world.observed.abandoned.insert(key);
    let reasons = |plan: &Plan| match &plan.releases().last().unwrap().action {
        Action::Upgrade { reasons, .. } => reasons.clone(),
        _ => vec![],
    };
    assert_eq!(reasons(&world.plan().unwrap()), [Reason::Abandoned { revision: 1, status: "pending-upgrade".into() }]);
}
