use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::super::look::Server;
use super::*;
use crate::helm::description;
use crate::lease::Seen;
use crate::redact::Secret;
use crate::secrets::{Ledger, StoredLedger};
use crate::volumes::{Claim, Volume};

fn state(chart: &str, status: &str, description: &str, manifest: &str) -> ReleaseState {
    ReleaseState {
        hub: None,
        revision: 3,
        status: status.into(),
        began: None,
        description: description.into(),
        chart: chart.into(),
        version: "0.1.0".into(),
        config: json!({}),
        manifest: Secret::new(manifest.into()),
        server_side: false,
    }
}

fn ours(name: &str, chart: &str) -> (String, ReleaseState) {
    (name.into(), state(chart, "deployed", &description("ab"), ""))
}

fn volume(claim: &str, (key, owner): (&str, &str), policy: &str) -> HubVolume {
    HubVolume {
        claim: Claim {
            name: claim.into(),
            annotations: [(key.to_owned(), owner.to_owned())].into(),
            size: "1Gi".into(),
            ..Claim::default()
        },
        there: true,
        owned: false,
        bound: true,
        volume: Some(Volume {
            name: format!("pv-{claim}"),
            driver: None,
            handle: None,
            policy: policy.into(),
            policy_before: None,
            provisioned: true,
        }),
    }
}

/// The Lease as a killed process of ours left it, with this release begun.
fn left(release: &str, revision: u64) -> Seen {
    let notes = [(format!("begun.helm-iris/{release}"), revision.to_string())];
    let metadata = ObjectMeta { annotations: Some(notes.into()), ..ObjectMeta::default() };
    Seen::There(Box::new(Lease { metadata, ..Lease::default() }))
}

const USER: &str = "hub.jupyter.org/username";
const RELEASE: &str = "meta.helm.sh/release-name";

/// A hub with a database, a user and a running server; `postgresql` was made last, as after a repair.
fn hub() -> Observed {
    Observed {
        namespace_exists: Some(true),
        releases: vec![ours("postgresql", "postgresql"), ours("dhub", "daskhub")],
        shared: Some(vec![(
            "storage".into(),
            state("storage", "deployed", "", "---\nkind: StorageClass\nmetadata: {name: standard}\n"),
        )]),
        volumes: Volumes {
            all: vec![
                volume("claim-anna", (USER, "anna"), DELETE),
                volume("data-postgresql-0", (RELEASE, "postgresql"), DELETE),
                volume("shared", ("x", "y"), DELETE),
            ],
            hidden: None,
            users_of_classes: [("standard".to_owned(), BTreeSet::from(["dhub".to_owned(), "two".to_owned()]))].into(),
        },
        servers: vec![Server { pod: "jupyter-anna".into(), user: Some("anna".into()) }],
        dask: Vec::new(),
        dask_hidden: false,
        delivered: vec!["helm-iris-daskhub".into()],
        ledger: Some(StoredLedger { ledger: Ledger::create().unwrap(), resource_version: "1".into() }),
        lease: Seen::Never,
    }
}

fn plan_of(observed: &Observed, deletes_data: bool) -> Result<Uninstall> {
    let known = [("dhub", "daskhub"), ("dhub", "jupyterhub"), ("postgresql", "postgresql")];
    build(&Input {
        cluster: "c",
        server: "s",
        namespace: "dhub",
        chart: ("daskhub", "daskhub"),
        known: &known.map(|(name, chart)| (name.to_owned(), chart.to_owned())).into(),
        observed,
        deletes_data,
        deletes_secrets: deletes_data,
    })
}

fn ids(plan: &Uninstall) -> Vec<&str> {
    plan.operations.iter().map(|operation| operation.id.as_str()).collect()
}

fn fates(plan: &Uninstall) -> Vec<Fate> {
    plan.volumes.iter().map(|volume| volume.fate).collect()
}

#[test]
fn volumes_are_made_safe_first_and_the_hub_goes_before_its_database() {
    let plan = plan_of(&hub(), false).unwrap();
    assert_eq!(
        ids(&plan),
        [
            "volume/pv-claim-anna",
            "volume/pv-data-postgresql-0",
            "volume/pv-shared",
            "release/dhub",
            "release/postgresql",
            "servers",
            "dask",
            "secret/helm-iris-daskhub",
        ]
    );
    assert_eq!(fates(&plan), [Fate::Kept; 3]);
    let stays: Vec<_> = plan.stays.iter().map(|stay| (stay.kind.as_str(), stay.name.as_str())).collect();
    assert_eq!(stays, [("secrets", "helm-iris-ledger"), ("release", "storage"), ("namespace", "dhub")]);
    assert!(plan.stays[1].why.ends_with("volumes in dhub, two"), "{:?}", plan.stays);
}

#[test]
fn data_goes_only_where_it_is_the_hubs() {
    let mut observed = hub();
    let by_hand = observed.volumes.all[0].volume.as_mut().unwrap();
    by_hand.provisioned = false;
    let plan = plan_of(&observed, true).unwrap();
    assert_eq!(fates(&plan), [Fate::Kept, Fate::Deleted, Fate::Kept], "nobody would delete one made by hand");
    assert_eq!(ids(&plan)[..2], ["volume/pv-claim-anna", "volume/pv-shared"], "policy Delete is right as it is");
    assert!(ids(&plan).ends_with(&["claim/data-postgresql-0", "secret/helm-iris-daskhub", "ledger"]));
    observed.volumes.all[1].volume.as_mut().unwrap().policy = RETAIN.into();
    assert!(ids(&plan_of(&observed, true).unwrap()).contains(&"volume/pv-data-postgresql-0"));
}

#[test]
fn a_second_run_finds_nothing_and_still_tells_what_is_kept() {
    let mut observed = hub();
    (observed.releases, observed.servers, observed.delivered) = Default::default();
    for volume in &mut observed.volumes.all {
        let volume = volume.volume.as_mut().unwrap();
        (volume.policy, volume.policy_before) = (RETAIN.into(), Some(DELETE.into()));
    }
    let plan = plan_of(&observed, false).unwrap();
    assert!(plan.is_empty() && !plan.runs_helm(), "{:?}", ids(&plan));
    assert_eq!(plan.volumes.len(), 3);
    // Only what is written on the volumes is left of it, and one is not marked yet.
    observed.ledger = None;
    observed.volumes.all[0].there = false;
    observed.volumes.all[2].volume.as_mut().unwrap().policy_before = None;
    let plan = plan_of(&observed, false).unwrap();
    assert_eq!(ids(&plan), ["volume/pv-shared"]);
    assert_eq!(fates(&plan), [Fate::KeptAlone, Fate::Kept, Fate::Kept]);
    let plan = plan_of(&observed, true).unwrap();
    assert_eq!(ids(&plan)[..2], ["volume/pv-claim-anna", "volume/pv-data-postgresql-0"]);
    assert!(!ids(&plan).contains(&"claim/claim-anna"), "it is gone already");
}

#[test]
fn claims_that_go_with_their_owner_are_known() {
    let mut observed = hub();
    let manifest = "---\nkind: PersistentVolumeClaim\nmetadata: {name: shared}\n---\nkind: PersistentVolumeClaim\n\
                    metadata: {name: data-postgresql-0, annotations: {helm.sh/resource-policy: keep}}\n";
    observed.releases[1].1.manifest = Secret::new(manifest.into());
    observed.volumes.all[0].owned = true;
    assert_eq!(fates(&plan_of(&observed, false).unwrap()), [Fate::KeptAlone, Fate::Kept, Fate::KeptAlone]);
}

#[test]
fn volumes_that_may_not_be_seen_stop_it() {
    let mut observed = hub();
    observed.volumes.hidden = Some(Error::user("you may not"));
    assert_eq!(plan_of(&observed, false).unwrap_err().message, "you may not");
    for volume in &mut observed.volumes.all {
        (volume.bound, volume.volume) = (false, None);
    }
    assert_eq!(fates(&plan_of(&observed, false).unwrap()), [Fate::Empty; 3], "nothing is stored, so nothing is lost");
}

#[test]
fn a_release_is_ours_by_its_mark_or_by_its_name_where_helm_failed() {
    let going = |observed: &Observed| {
        let plan = plan_of(observed, false).unwrap();
        ids(&plan).iter().filter(|id| id.starts_with("release/")).count()
    };
    let mut observed = hub();
    observed.releases[0].1 = state("postgresql", "failed", "Release \"postgresql\" failed", "");
    assert_eq!(going(&observed), 2);
    // Somebody's helm may be at work with it, unless our own notes say otherwise.
    observed.releases[0].1.status = "pending-install".into();
    let error = plan_of(&observed, false).unwrap_err();
    assert!(error.message.contains("another helm works on `postgresql`"), "{error:?}");
    observed.lease = left("postgresql", 3);
    assert_eq!(going(&observed), 2);
    (observed.releases[0].1.status, observed.lease) = ("uninstalling".into(), Seen::Never);
    assert_eq!(going(&observed), 2, "it was on its way out");
    observed.releases[0].1.status = "deployed".into();
    assert_eq!(going(&observed), 1, "somebody else's");
    observed.releases[0] = ("redis".into(), state("redis", "failed", "x", ""));
    assert_eq!(going(&observed), 1, "not called as ours are");
    let stays = plan_of(&observed, false).unwrap().stays;
    assert!(stays.iter().any(|stay| stay.name == "redis"), "{stays:?}");
}

#[test]
fn another_hub_and_one_made_by_hand_are_refused() {
    let mut observed = hub();
    observed.releases[1].1.chart = "jupyterhub".into();
    assert!(plan_of(&observed, false).unwrap_err().message.contains("is jupyterhub, not daskhub"));
    observed.releases = vec![("dhub".into(), state("daskhub", "deployed", "Install complete", ""))];
    observed.ledger = None;
    assert!(plan_of(&observed, false).unwrap_err().message.contains("was not installed by helm iris"));
}

#[test]
fn where_no_hub_is_nothing_is_touched() {
    let mut observed = hub();
    (observed.releases, observed.delivered, observed.ledger) = Default::default();
    let plan = plan_of(&observed, true).unwrap();
    assert!(plan.is_empty() && plan.volumes.is_empty() && plan.stays.is_empty());
}

#[test]
fn the_plan_as_data_has_names_and_no_secret() {
    let observed = hub();
    let shown = serde_json::to_string(&plan_of(&observed, true).unwrap()).unwrap();
    assert!(shown.contains(r#"{"id":"release/dhub","operation":"uninstall-release","release":"dhub","helmChart":"#));
    for entry in observed.ledger.unwrap().ledger.entries.values() {
        assert!(!shown.contains(entry.value.expose()));
    }
}
