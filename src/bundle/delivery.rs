//! What the Kubernetes Secrets hold that carry secrets past the values, and their fingerprints.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::manifest::{Delivered, Manifest, ReleaseEntry};
use crate::overlay;
use crate::redact::Secret;
use crate::secrets::Ledger;
use crate::secrets::delivered::Content;
use crate::yaml::literal_document;

/// What the Secret of a release holds, as far as the ledger knows the secrets; none where it has no
/// such Secret.
pub(super) fn content(manifest: &Manifest, release: &ReleaseEntry, ledger: &Ledger) -> Option<Content> {
    release.delivery.as_ref()?;
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut documents: BTreeMap<&str, Value> = BTreeMap::new();
    for (secret, to) in manifest.secrets.iter().flat_map(|secret| secret.delivered.iter().map(move |to| (secret, to))) {
        let Some(entry) = ledger.entries.get(&secret.name) else { continue };
        let value = if to.previous { entry.previous.as_ref() } else { Some(&entry.value) };
        if let Some(value) = value.filter(|_| to.chart == release.chart) {
            put(to, value, &mut texts, &mut documents);
        }
    }
    let documents = documents.into_iter().map(|(key, value)| (key, literal_document(&value)));
    let all = documents.chain(texts).map(|(key, text)| (key.to_owned(), Secret::new(text)));
    Some(all.collect())
}

fn put<'m>(
    to: &'m Delivered,
    value: &Secret,
    texts: &mut BTreeMap<&'m str, String>,
    documents: &mut BTreeMap<&'m str, Value>,
) {
    if let Some(path) = &to.path {
        let document = documents.entry(&to.key).or_insert_with(|| Value::Object(Map::new()));
        if let Some(path) = overlay::parse_path(path) {
            overlay::set(document, &path, Value::String(value.expose().to_owned()));
        }
        return;
    }
    let text = texts.entry(&to.key).or_default();
    if !text.is_empty() {
        text.push_str(to.separator.as_deref().unwrap_or_default());
    }
    text.push_str(value.expose());
}

/// The fingerprint of a content: another one restarts the pods that read it. It tells nothing, as
/// the ledger's key is in it.
pub(super) fn fingerprint(content: &Content, ledger: &Ledger) -> String {
    let lengths = |(key, value): (&String, &Secret)| format!("{key}\0{}\0{}", value.expose().len(), value.expose());
    ledger.fingerprint(&Secret::new(content.iter().map(lengths).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::manifest::{Delivery, SecretEntry};
    use crate::bundle::tests::{manifest, release};
    use crate::secrets::{Need, SecretKind, Source};

    fn to(chart: &str, key: &str) -> Delivered {
        Delivered { chart: chart.into(), key: key.into(), path: None, separator: None, previous: false }
    }

    fn secret(name: &str, delivered: Vec<Delivered>) -> SecretEntry {
        SecretEntry { name: name.into(), kind: SecretKind::Alnum(16), delivered, ..SecretEntry::default() }
    }

    fn at(path: &str, to: Delivered) -> Delivered {
        Delivered { path: Some(path.to_owned()), ..to }
    }

    fn world() -> (Manifest, Ledger, Need) {
        let previous = Delivered { previous: true, separator: Some(";".into()), ..to("hub", "keys") };
        let secrets = vec![
            secret("database", vec![to("hub", "hub.db.password"), to("database", "password")]),
            secret("keys", vec![to("hub", "keys"), previous]),
            secret("login", vec![at("hub.config.user", to("hub", "values.yaml"))]),
            secret("admin", vec![at("hub.config.admin", to("hub", "values.yaml"))]),
        ];
        let delivery = Delivery { secret: "helm-iris-hub".into(), fingerprints: vec![] };
        let manifest = manifest(vec![ReleaseEntry { delivery: Some(delivery), ..release("hub") }], secrets);
        let mut ledger = Ledger::create().unwrap();
        let needs: Vec<Need> = manifest.secrets.iter().map(SecretEntry::need).collect();
        for need in &needs {
            ledger.replace(need, Source::Given, Secret::new(format!("value of {}", need.name)));
        }
        (manifest, ledger, needs[1].clone())
    }

    #[test]
    fn each_chart_gets_its_own_keys_texts_documents_and_lists() {
        let (manifest, mut ledger, keys) = world();
        let exposed = |ledger: &Ledger| -> BTreeMap<String, String> {
            let content = content(&manifest, &manifest.releases[0], ledger).unwrap();
            content.into_iter().map(|(key, value)| (key, value.expose().to_owned())).collect()
        };
        let before = exposed(&ledger);
        assert_eq!(before["hub.db.password"], "value of database");
        assert_eq!(before["keys"], "value of keys");
        let document: Value = serde_yaml::from_str(&before["values.yaml"]).unwrap();
        let wanted = serde_json::json!({"hub": {"config": {"user": "value of login", "admin": "value of admin"}}});
        assert_eq!(document, wanted);
        assert_eq!(before.len(), 3, "the database's own key is in another Secret");
        assert!(keys.keeps_previous);
        ledger.replace(&keys, Source::Generated, Secret::new("another".into()));
        assert_eq!(exposed(&ledger)["keys"], "another;value of keys");
        let inline = ReleaseEntry { delivery: None, ..manifest.releases[0].clone() };
        assert_eq!(content(&manifest, &inline, &ledger), None);
    }

    #[test]
    fn a_fingerprint_changes_with_the_content_and_with_nothing_else() {
        let (manifest, mut ledger, keys) = world();
        let print = |ledger: &Ledger| fingerprint(&content(&manifest, &manifest.releases[0], ledger).unwrap(), ledger);
        let first = print(&ledger);
        assert_eq!(first, print(&ledger.clone()));
        assert_eq!(first.len(), 16);
        ledger.replace(&keys, Source::Generated, Secret::new("another".into()));
        assert_ne!(first, print(&ledger));
        let pair = |one: &str, two: &str| Content::from([(one.into(), Secret::new(two.into()))]);
        assert_ne!(fingerprint(&pair("a", "bc"), &ledger), fingerprint(&pair("ab", "c"), &ledger));
    }
}
