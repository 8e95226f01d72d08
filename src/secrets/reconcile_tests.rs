use super::*;
use crate::secrets::SecretKind;

const ID: &str = "uid-1";

fn needs() -> Vec<Need> {
    ["a", "b"]
        .map(|name| Need { name: name.into(), kind: SecretKind::Alnum(16), purpose: format!("purpose {name}") })
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

fn run(local: &Ledger, cluster: Option<&Ledger>, found: &[Found]) -> Result<Reconciled> {
    let needs = needs();
    let id = ClusterId::Uid(ID.into());
    reconcile(&Sources { needs: &needs, local, local_path: "LOCAL", cluster, found, id: &id, namespace: "dhub" })
}

fn found(name: &str, value: &str) -> Found {
    Found { name: name.into(), origin: "Secret hub, key k".into(), value: Secret::new(value.into()) }
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
    assert_eq!(result.ledger.entries["a"].source, "Secret hub, key k");
    assert_eq!(result.ledger.entries["a"].purpose, "purpose a");
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
    assert!(both.problems[0].fix.as_ref().unwrap().contains("move LOCAL away"));
}

#[test]
fn a_value_that_cannot_serve_is_refused() {
    let error = run(&provisional(), None, &[found("a", "short")]).unwrap_err();
    assert!(error.problems[0].message.contains("cannot serve as alnum(16)"), "{error:?}");
    assert!(!format!("{error:?}").contains("\"short\""));
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
    let needs = needs();
    let ledger = installed();
    let id = ClusterId::Address("https://c".into());
    let sources = Sources {
        needs: &needs,
        local: &ledger,
        local_path: "L",
        cluster: Some(&ledger),
        found: &[],
        id: &id,
        namespace: "dhub",
    };
    let result = reconcile(&sources).unwrap();
    assert_eq!(result.ledger, ledger);
}

#[test]
fn what_the_bundle_does_not_need_is_kept() {
    let mut cluster = installed();
    let extra = cluster.entries["a"].clone();
    cluster.entries.insert("z".into(), extra);
    let mut local = provisional();
    local.ensure(&[Need { name: "y".into(), kind: SecretKind::Hex32, purpose: String::new() }]).unwrap();
    let result = run(&local, Some(&cluster), &[]).unwrap();
    assert!(result.ledger.entries.contains_key("z"));
    assert!(!result.ledger.entries.contains_key("y"), "what is only provisional is made anew when it is needed");
}
