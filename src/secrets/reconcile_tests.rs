use super::*;
use crate::secrets::{SecretKind, Source};

const ID: &str = "uid-1";
static NONE: BTreeMap<String, Error> = BTreeMap::new();

fn needs() -> Vec<Need> {
    ["a", "b"]
        .map(|name| Need {
            name: name.into(),
            kind: SecretKind::Alnum(16),
            purpose: format!("purpose {name}"),
            replacing: "a consequence".into(),
            ..Need::default()
        })
        .into()
}

fn provisional() -> Ledger {
    let mut ledger = Ledger::create().unwrap();
    ledger.ensure(&needs()).unwrap();
    ledger
}

/// As it stands in both places after an installation.
fn installed() -> Ledger {
    let mut ledger = provisional();
    ledger.entries.values_mut().for_each(|entry| entry.provisional = false);
    ledger.cluster = Some(ID.into());
    ledger
}

fn sources<'s>(
    needs: &'s [Need],
    local: &'s Ledger,
    cluster: Option<&'s Ledger>,
    found: &'s [Found],
    id: &'s ClusterId,
    take: &'s BTreeMap<String, String>,
) -> Sources<'s> {
    let (local_path, chart, namespace) = ("LOCAL", "daskhub", "dhub");
    Sources { needs, local, local_path, cluster, found, unshared: &NONE, id, chart, namespace, take }
}

fn run(local: &Ledger, cluster: Option<&Ledger>, found: &[Found]) -> Result<Reconciled> {
    let needs = needs();
    let id = ClusterId::Uid(ID.into());
    reconcile(&sources(&needs, local, cluster, found, &id, &BTreeMap::new()))
}

fn found(name: &str, value: &str) -> Found {
    Found { name: name.into(), place: "hub:k".into(), value: Secret::new(value.into()), ledger: None }
}

fn value<'l>(ledger: &'l Ledger, name: &str) -> &'l str {
    ledger.value(name).unwrap().expose()
}

#[test]
fn a_first_install_keeps_what_was_made_and_makes_it_firm() {
    let local = provisional();
    let result = run(&local, None, &[]).unwrap();
    assert_eq!(result.notes, [Note::New { names: vec!["a".into(), "b".into()] }]);
    assert_eq!(value(&result.ledger, "a"), value(&local, "a"));
    assert!(result.ledger.entries.values().all(|entry| !entry.provisional));
    assert_eq!(result.ledger.cluster.as_deref(), Some(ID));
    assert!(result.cluster_differs && result.local_differs && result.fresh.len() == 2);
}

#[test]
fn a_second_install_changes_nothing() {
    let ledger = installed();
    let result = run(&ledger, Some(&ledger), &[found("a", value(&ledger, "a"))]).unwrap();
    assert_eq!(
        result,
        Reconciled { ledger, notes: vec![], fresh: BTreeSet::new(), cluster_differs: false, local_differs: false }
    );
}

#[test]
fn the_clusters_ledger_replaces_what_is_provisional() {
    let (local, cluster) = (provisional(), installed());
    let result = run(&local, Some(&cluster), &[]).unwrap();
    assert_eq!(result.ledger, cluster);
    assert_eq!(result.notes, [Note::FromCluster { names: vec!["a".into(), "b".into()] }]);
    assert!(!result.cluster_differs && result.local_differs && result.fresh.is_empty());
}

#[test]
fn a_hub_made_by_hand_is_adopted() {
    let local = provisional();
    let result = run(&local, None, &[found("a", "password-of-old")]).unwrap();
    assert_eq!(value(&result.ledger, "a"), "password-of-old");
    assert_eq!(result.ledger.entries["a"].source, Source::Adopted("Secret hub, key k".into()));
    assert_eq!(result.ledger.entries["a"].purpose, "purpose a");
    assert_eq!(result.ledger.entries["a"].created, None, "who knows");
    assert_eq!(result.notes[0], Note::Adopted { name: "a".into(), origin: "Secret hub, key k".into() });
    assert_eq!(result.fresh, BTreeSet::from(["b".to_owned()]));
}

#[test]
fn a_deleted_namespace_gets_the_same_secrets_again() {
    let local = installed();
    let result = run(&local, None, &[]).unwrap();
    assert_eq!(result.ledger, local);
    assert_eq!(result.notes, [Note::Restored { names: vec!["a".into(), "b".into()] }]);
    assert!(result.cluster_differs && !result.local_differs && result.fresh.is_empty());
}

#[test]
fn a_new_need_is_added_to_the_clusters_ledger() {
    let mut cluster = installed();
    let local = {
        let mut local = cluster.clone();
        local.entries.get_mut("b").unwrap().provisional = true;
        local
    };
    cluster.entries.remove("b");
    let result = run(&local, Some(&cluster), &[]).unwrap();
    assert_eq!(result.fresh, BTreeSet::from(["b".to_owned()]));
    assert!(result.cluster_differs && !result.ledger.entries["b"].provisional);
}

#[test]
fn every_other_difference_stops_and_shows_fingerprints_only() {
    let (local, other) = (installed(), installed());
    let cases: [(&Ledger, Option<&Ledger>, Vec<Found>); 4] = [
        (&local, Some(&other), vec![]),
        (&local, None, vec![found("a", "something-else")]),
        (&local, Some(&local), vec![found("a", "something-else")]),
        (&provisional(), None, vec![found("a", "something-else"), found("a", "another-thing")]),
    ];
    for (index, (local, cluster, found)) in cases.into_iter().enumerate() {
        let error = run(local, cluster, &found).unwrap_err();
        let shown = format!("{error:?}");
        assert!(error.problems[0].message.contains("fingerprints differ"), "{index}: {shown}");
        let secrets = [value(local, "a"), value(&other, "a"), "something-else", "another-thing"];
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{index}: {shown}");
    }
    let both = run(&local, Some(&other), &[]).unwrap_err();
    assert_eq!(both.problems.len(), 2);
    assert!(both.problems[0].fix.as_ref().unwrap().contains("adopt daskhub -n dhub --take a=cluster"));
}

#[test]
fn a_weak_value_that_is_in_use_is_told() {
    let result = run(&provisional(), None, &[found("a", "jhub")]).unwrap();
    assert_eq!(value(&result.ledger, "a"), "jhub");
    let what = "is a well-known example, or a repetition".to_owned();
    assert_eq!(result.notes[1], Note::Weak { name: "a".into(), what });
}

/// What `secrets rotate` and `secrets set` leave here until it is applied.
fn replaced(ledger: &Ledger) -> Ledger {
    let mut ledger = ledger.clone();
    ledger.replace(&needs()[0], Source::Given, Secret::new("another-good-value".into()));
    ledger
}

#[test]
fn what_was_replaced_here_replaces_it_everywhere() {
    let before = installed();
    let local = replaced(&before);
    let in_use = found("a", value(&before, "a"));
    let result = run(&local, Some(&before), std::slice::from_ref(&in_use)).unwrap();
    assert_eq!(value(&result.ledger, "a"), "another-good-value");
    assert_eq!(result.notes, [Note::Replaced { name: "a".into(), means: "a consequence".into() }]);
    assert!(result.cluster_differs && result.ledger.has_replaced("a", &in_use.value));
    // Stopped after the ledger was written: the hub's own Secret is still the old one.
    let again = run(&result.ledger, Some(&result.ledger), &[in_use]).unwrap();
    assert_eq!((again.ledger, again.notes), (result.ledger, vec![]));
}

#[test]
fn a_colleagues_older_copy_follows() {
    let (colleague, mut cluster) = (installed(), Ledger::create().unwrap());
    cluster.clone_from(&colleague);
    for value in ["second-good-value", "third-good-value-"] {
        cluster.replace(&needs()[0], Source::Generated, Secret::new(value.into()));
    }
    let result = run(&colleague, Some(&cluster), &[]).unwrap();
    assert_eq!(value(&result.ledger, "a"), "third-good-value-");
    assert_eq!(result.notes, [Note::FromCluster { names: vec!["a".into()] }]);
}

#[test]
fn two_that_replaced_the_same_value_disagree() {
    let before = installed();
    let mut other = before.clone();
    other.replace(&needs()[0], Source::Generated, Secret::new("somebody-elses-value".into()));
    let error = run(&replaced(&before), Some(&other), &[]).unwrap_err();
    assert!(error.problems[0].message.contains("fingerprints differ"));
}

#[test]
fn what_a_person_decides_holds_and_the_rest_is_remembered() {
    let (needs, id) = (needs(), ClusterId::Uid(ID.into()));
    let (local, cluster) = (installed(), installed());
    for (place, held, other) in [("here", &local, &cluster), ("cluster", &cluster, &local)] {
        let take = BTreeMap::from(["a", "b"].map(|name| (name.to_owned(), place.to_owned())));
        let result = reconcile(&sources(&needs, &local, Some(&cluster), &[], &id, &take)).unwrap();
        assert_eq!(value(&result.ledger, "a"), value(held, "a"), "{place}");
        // Taken once, it needs no decision again.
        let again = run(&result.ledger, Some(&result.ledger), &[]).unwrap();
        assert_eq!(again.notes, []);
        assert_eq!(result.ledger.has_replaced("a", other.value("a").unwrap()), place == "here");
    }
    for (name, place, told) in [("a", "hub:x", "it is in: cluster, here"), ("aa", "here", "did you mean `a`?")] {
        let take = BTreeMap::from([(name.to_owned(), place.to_owned())]);
        let error = reconcile(&sources(&needs, &local, Some(&local), &[], &id, &take)).unwrap_err();
        assert!(error.problems[0].fix.as_ref().unwrap().contains(told), "{error:?}");
    }
}

#[test]
fn what_a_person_brought_goes_into_the_cluster() {
    let mut local = provisional();
    let need = Need { name: "client".into(), kind: SecretKind::Text, ..Need::default() };
    local.replace(&need, Source::Given, Secret::new("a-client-secret".into()));
    let needs = [needs(), vec![need.clone()]].concat();
    let (id, take) = (ClusterId::Uid(ID.into()), BTreeMap::new());
    let result = reconcile(&sources(&needs, &local, None, &[], &id, &take)).unwrap();
    assert_eq!(result.notes[0], Note::Given { names: vec!["client".into()] });
    let error = reconcile(&sources(&needs, &provisional(), None, &[], &id, &take)).unwrap_err();
    assert!(error.problems[0].fix.as_ref().unwrap().contains("helm iris secrets set client"), "{error:?}");
}

#[test]
fn a_store_of_another_cluster_is_refused() {
    let mut local = installed();
    local.cluster = Some("uid-2".into());
    let error = run(&local, None, &[]).unwrap_err();
    assert!(error.message.contains("another cluster"), "{error}");
}

#[test]
fn a_backup_restored_elsewhere_is_bound_anew() {
    let mut cluster = installed();
    cluster.cluster = Some("uid-2".into());
    let result = run(&provisional(), Some(&cluster), &[]).unwrap();
    assert_eq!(result.ledger.cluster.as_deref(), Some(ID));
    assert_eq!(result.notes.last(), Some(&Note::Moved));
}

#[test]
fn an_address_does_not_replace_a_known_uid() {
    let (needs, ledger, take) = (needs(), installed(), BTreeMap::new());
    let id = ClusterId::Address("https://c".into());
    let result = reconcile(&sources(&needs, &ledger, Some(&ledger), &[], &id, &take)).unwrap();
    assert_eq!(result.ledger, ledger);
}

#[test]
fn what_the_bundle_does_not_need_is_kept() {
    let mut cluster = installed();
    let extra = cluster.entries["a"].clone();
    cluster.entries.insert("z".into(), extra);
    let mut local = provisional();
    local.ensure(&[Need { name: "y".into(), ..Need::default() }]).unwrap();
    let result = run(&local, Some(&cluster), &[]).unwrap();
    assert!(result.ledger.entries.contains_key("z"));
    assert!(!result.ledger.entries.contains_key("y"), "what is only provisional is made anew when it is needed");
}

/// Two were brought before the first was put to use: what the database has is what stays in use.
#[test]
fn the_value_before_is_the_one_in_use() {
    let before = installed();
    let needs = [Need { keeps_previous: true, ..needs()[0].clone() }];
    let mut local = before.clone();
    for value in ["never-put-to-use-1", "the-one-that-is-wanted"] {
        local.replace(&needs[0], Source::Given, Secret::new(value.into()));
    }
    let in_use = found("a", value(&before, "a"));
    let (id, take) = (ClusterId::Uid(ID.into()), BTreeMap::new());
    let found = std::slice::from_ref(&in_use);
    let result = reconcile(&sources(&needs, &local, Some(&before), found, &id, &take)).unwrap();
    assert_eq!(value(&result.ledger, "a"), "the-one-that-is-wanted");
    assert_eq!(result.ledger.entries["a"].previous.as_ref(), Some(&in_use.value));
}

/// Another namespace's ledger that may not be read matters only where the secret would be made anew.
#[test]
fn a_secret_that_must_be_shared_is_not_made_anew() {
    let (needs, id, take) = (needs(), ClusterId::Uid(ID.into()), BTreeMap::new());
    let unshared = BTreeMap::from([("a".to_owned(), Error::user("not allowed"))]);
    let with = |local: &Ledger, cluster: Option<&Ledger>| {
        reconcile(&Sources { unshared: &unshared, ..sources(&needs, local, cluster, &[], &id, &take) })
    };
    assert_eq!(with(&provisional(), None).unwrap_err().message, "not allowed");
    let ours = installed();
    assert!(with(&provisional(), Some(&ours)).is_ok());
    let mut given = provisional();
    given.replace(&needs[0], Source::Given, Secret::new("from-its-operator".into()));
    assert!(with(&given, None).is_ok());
}

/// The headline says what is wrong, not what else could be.
#[test]
fn every_refusal_says_what_it_is() {
    let id = ClusterId::Uid(ID.into());
    let refused = |needs: &[Need], local: &Ledger, cluster: Option<&Ledger>, take: &[(&str, &str)]| {
        let take = take.iter().map(|(name, place)| ((*name).to_owned(), (*place).to_owned())).collect();
        reconcile(&sources(needs, local, cluster, &[], &id, &take)).unwrap_err()
    };
    let ours = installed();
    let brought = Need { name: "client".into(), kind: SecretKind::Text, ..Need::default() };
    let unknown = refused(std::slice::from_ref(&brought), &ours, Some(&ours), &[]);
    assert_eq!(unknown.message, "the hub needs secrets that are known nowhere");
    assert!(unknown.problems[0].fix.as_ref().unwrap().contains("secrets set client"), "{unknown:?}");
    for place in [("a", "nowhere"), ("z", "here")] {
        let error = refused(&needs(), &ours, Some(&ours), &[place]);
        assert_eq!(error.message, "--take names what is not there");
    }
    let differs = refused(&[needs()[0].clone(), brought], &ours, Some(&installed()), &[]);
    assert!(differs.message.contains("differ between the places") && differs.problems.len() == 3, "{differs:?}");
}
