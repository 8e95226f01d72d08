//! Ledgers in the cluster that are damaged, gone, or another cluster's: refused with the fix, and nothing
//! is changed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Hub, Testbed};

const INSTALL: &[&str] = &["install", "daskhub", "--yes"];
const ADOPT: &[&str] = &["secrets", "adopt", "daskhub", "--yes"];
const ROTATE: &[&str] = &["secrets", "rotate", "--all", "--yes"];
const TO_FILE: &[&str] = &["secrets", "export", "--to", "file"];
const TO_CLUSTER: &[&str] = &["secrets", "export", "--to", "cluster", "--yes"];

impl Hub<'_> {
    /// Installs, and renders again: the bundle then says which secrets are in use.
    pub(super) fn installed(&self) {
        self.install(&[]);
        self.done(&["render", "daskhub"]);
    }

    fn ledger_path(&self) -> String {
        self.core("secrets/helm-iris-ledger")
    }

    /// Puts this in the place of what the ledger's Secret holds.
    fn put_ledger(&self, data: &Value) {
        let mut secret = self.api().get(&self.ledger_path()).unwrap();
        secret["data"] = data.clone();
        self.api().replace(&self.ledger_path(), &secret);
    }

    /// Verbs that must fail with these words, and leave the cluster as it is.
    fn all_refused(&self, verbs: &[&[&str]], words: &[&str]) {
        let state = self.state();
        for args in verbs {
            self.kept(args, words);
        }
        assert_eq!(self.state(), state);
    }
}

#[test]
fn a_damaged_ledger_is_refused_by_every_verb() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("damaged", &testbed.helm4);
    hub.installed();
    let elsewhere = hub.elsewhere();
    let text = hub.data("helm-iris-ledger")["ledger.yaml"].clone();
    let whole = hub.api().get(&hub.ledger_path()).unwrap()["data"].clone();
    let key = |bytes: &[u8]| json!({"ledger.yaml": STANDARD.encode(bytes)});
    let backup = "restore it from a backup";
    let half = &text[..text.len() / 2];
    let line = &text[..half.rfind("\n  ").unwrap()];
    for (title, data, words) in [
        ("cut anywhere", key(half.as_bytes()), ["is not a ledger", backup]),
        ("cut at a line's end", key(line.as_bytes()), ["is not a ledger", backup]),
        ("without its last line", key(text.replace("complete: true\n", "").as_bytes()), ["is not a ledger", backup]),
        ("empty", key(b""), ["is not a ledger", backup]),
        ("not UTF-8", key(&[text.as_bytes(), b"\xff\xfe"].concat()), ["no text under `ledger.yaml`", backup]),
        ("under another key", json!({"ledger": whole["ledger.yaml"]}), ["no text under `ledger.yaml`", backup]),
        ("without data", Value::Null, ["no text under `ledger.yaml`", backup]),
        (
            "of a newer version",
            key(text.replace("format: 1\n", "format: 9\nmore: true\n").as_bytes()),
            ["newer than 1", "helm plugin update iris"],
        ),
    ] {
        eprintln!("{title}");
        hub.put_ledger(&data);
        hub.all_refused(&[INSTALL, ADOPT, ROTATE, TO_CLUSTER], &words);
        elsewhere.all_refused(&[ADOPT, TO_FILE], &words);
    }
    // The control: the whole one is taken.
    hub.put_ledger(&whole);
    hub.done(ADOPT);
    elsewhere.done(TO_FILE);
    assert_eq!(elsewhere.env.secrets(), hub.env.secrets());
}

#[test]
fn a_store_of_another_cluster_is_refused() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("bound", &testbed.helm3);
    hub.installed();
    let ours = hub.env.read(&hub.plain());
    let line = ours.lines().find(|line| line.starts_with("cluster: ")).unwrap();
    hub.private_file(&hub.plain(), &ours.replace(line, "cluster: 5b2e9c64-0000-4000-8000-000000000000"));
    hub.all_refused(&[INSTALL, ADOPT, ROTATE, TO_CLUSTER], &["a hub in another cluster", "--kube-context"]);
    hub.private_file(&hub.plain(), &ours);
    one_that_is_gone_is_made_again_from_what_is_there(&hub);
    hub.done(TO_CLUSTER);
}

/// This machine knows every secret, so that they stay as they are.
fn one_that_is_gone_is_made_again_from_what_is_there(hub: &Hub<'_>) {
    let (secrets, ledgers) = (hub.env.secrets(), hub.ledgers());
    hub.api().delete(&hub.ledger_path());
    hub.all_refused(&[ROTATE], &["no hub with a ledger is installed", "secrets adopt daskhub"]);
    let told = hub.done(ADOPT);
    assert!(told.contains("They are in the ledger now"), "{told}");
    assert_eq!((hub.env.secrets(), hub.ledgers()), (secrets, ledgers));
}
