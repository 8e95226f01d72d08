//! A hub that was made by hand with plain helm, taken over: its secrets stay what they are.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Hub, Testbed};
use crate::common::Run;

/// As the guide has them: tokens in two places, the rest left to the chart; the database's password
/// in its URL.
pub(super) const BY_HAND: &str = r"jupyterhub:
  proxy:
    secretToken: 8d3f0b53c1d74a6a9d2b7f0c6e5a4938271605f4e3d2c1b0a9f8e7d6c5b4a392
  hub:
    config:
      JupyterHub: {authenticator_class: dummy}
      DummyAuthenticator: {password: everybodys-passphrase}
    services:
      dask-gateway:
        apiToken: 1f6c0de5a1b24c3d8e9f70a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5
    db:
      type: postgres
      url: postgresql+psycopg2://jhub:first%2Fpassword-of-jhub@postgresql:5432/jhub
dask-gateway:
  gateway:
    auth:
      jupyterhub:
        apiToken: 1f6c0de5a1b24c3d8e9f70a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5
";

impl Hub<'_> {
    /// Installs the umbrella of daskhub by plain helm, as a person would.
    pub(super) fn made_by_hand(&self, values: &str) {
        self.made_by_hand_as(&self.namespace, values);
    }

    /// As [`Self::made_by_hand`], under a release name of the person's choice.
    fn made_by_hand_as(&self, release: &str, values: &str) {
        assert_eq!(self.run(&["charts", "pull", "daskhub"]).code, Some(0));
        assert_eq!(self.run(&["render", "daskhub", "--output-dir", "elsewhere"]).code, Some(0));
        std::fs::remove_dir_all(self.env.path(".helm-iris")).unwrap();
        let cached = std::fs::read_dir(self.env.cache()).unwrap().map(|entry| entry.unwrap().path());
        let ours = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("daskhub-");
        let umbrella = cached.into_iter().find(ours).unwrap();
        self.env.write("by-hand.yaml", values);
        let values = self.env.path("by-hand.yaml");
        let args = ["install", release, umbrella.to_str().unwrap(), "--create-namespace", "-f"];
        self.helm(&[&args[..], &[values.to_str().unwrap()]].concat());
        std::fs::remove_file(values).unwrap();
    }

    pub(super) fn data(&self, secret: &str) -> BTreeMap<String, String> {
        let secret = self.api().get(&self.core(&format!("secrets/{secret}"))).unwrap();
        let text = |value: &Value| String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
        secret["data"].as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }

    /// The Secret `hub` without the values, which say more after every upgrade.
    fn hub_secrets(&self) -> BTreeMap<String, String> {
        let mut data = self.data("hub");
        data.remove("values.yaml");
        data
    }

    pub(super) fn adopt(&self, more: &[&str]) -> Run {
        self.run(&[&["secrets", "adopt", "daskhub", "--yes"], more].concat())
    }

    fn put_secret(&self, name: &str, data: &[(&str, &str)]) {
        let data: BTreeMap<_, _> = data.iter().map(|(key, value)| (*key, STANDARD.encode(value))).collect();
        self.api().delete(&self.core(&format!("secrets/{name}")));
        self.api().create(&self.core("secrets"), &json!({"metadata": {"name": name}, "data": data}));
    }
}

#[test]
fn a_hub_made_by_hand_keeps_its_secrets() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("hand-{word}"), &helm);
        hub.made_by_hand(BY_HAND);
        let before = hub.hub_secrets();
        assert_eq!(before.len(), 4, "proxy, gateway, cookies and keys");

        let run = hub.adopt(&[]);
        assert_eq!(run.code, Some(0), "{run}");
        let state = hub.state();
        assert_eq!(state.revisions[&hub.namespace], 1, "adopting installs nothing");
        let secrets = hub.env.secrets();
        for (name, value) in [
            ("proxy-token", &before["hub.config.ConfigurableHTTPProxy.auth_token"]),
            ("dask-gateway-token", &before["hub.services.dask-gateway.apiToken"]),
            ("cookie-secret", &before["hub.config.JupyterHub.cookie_secret"]),
            ("crypt-keeper-keys", &before["hub.config.CryptKeeper.keys"]),
            ("database-password", &"first/password-of-jhub".to_owned()),
            ("login-password", &"everybodys-passphrase".to_owned()),
        ] {
            assert_eq!(secrets[name], *value, "{name}");
            assert!(!run.to_string().contains(value.as_str()), "{name} is shown");
        }
        let again = hub.adopt(&[]);
        assert!(again.stderr.contains("Nothing to adopt"), "{again}");
        assert_eq!(hub.state().secrets, state.secrets);

        // Not a word of a new or changed secret but the one that such a hub cannot have.
        let plan = hub.run(&["plan", "daskhub"]);
        let said: Vec<&str> = plan.stdout.lines().filter(|line| line.contains("secret")).collect();
        let of_admins = said.iter().filter(|line| line.contains("login-admin-password")).count();
        assert_eq!(of_admins, 1, "{plan}");
        assert!(plan.stdout.contains("new secrets: login-admin-password"), "{plan}");
        assert!(plan.stdout.contains("secrets stay as they are and are pinned"), "{plan}");
        assert!(!plan.stdout.contains("taken over from the cluster"), "{plan}");

        hub.install(&[]);
        let after = hub.hub_secrets();
        for (key, value) in &before {
            assert_eq!(after[key], *value, "{key}: somebody is logged out");
        }
        assert_eq!(hub.data("postgresql")["password"], "first/password-of-jhub");
        hub.env.assert_secrets_are_private();
    }
}

/// Where the hub's own values name a Secret of the operator's, that one is in use and no other.
#[test]
fn the_secret_that_a_hub_is_pointed_at_is_what_is_adopted() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("pointed", &testbed.helm4);
    hub.made_by_hand(&BY_HAND.replace("  hub:\n", "  hub:\n    existingSecret: mine\n"));
    let cookie = "c0".repeat(32);
    hub.put_secret("mine", &[("hub.config.JupyterHub.cookie_secret", &cookie)]);
    assert_eq!(hub.adopt(&[]).code, Some(0));
    assert_eq!(hub.env.secrets()["cookie-secret"], cookie);
    let generated = &hub.hub_secrets()["hub.config.CryptKeeper.keys"];
    assert_eq!(hub.env.secrets()["crypt-keeper-keys"], *generated, "what it does not have is the chart's");
}

/// Databases of others: their Secrets' names and keys, where the hub itself does not know the password.
#[test]
fn passwords_of_databases_are_found_by_their_names() {
    let Some(testbed) = Testbed::take() else { return };
    let at =
        |user: &str, host: &str| BY_HAND.replace("jhub:first%2Fpassword-of-jhub@postgresql", &format!("{user}@{host}"));
    let places = [
        ("postgresql", "password", at("jhub", "postgresql")),
        ("postgresql", "postgresql-password", at("jhub", "postgresql")),
        ("postgresql", "postgres-password", at("postgres", "postgresql")),
        ("jhub-db-postgresql", "password", at("jhub", "jhub-db-postgresql")),
        ("jhub-db-app", "password", at("jhub", "jhub-db-rw")),
    ];
    for (count, (secret, key, values)) in places.into_iter().enumerate() {
        let hub = testbed.hub(&format!("db{count}"), &testbed.helm4);
        hub.made_by_hand(&values);
        hub.put_secret(secret, &[(key, "kept-by-the-database"), ("other", "x")]);
        // Somebody else's, which is none of our business.
        hub.put_secret("wiki-postgresql", &[("password", "of-the-wiki-alone")]);
        let run = hub.adopt(&[]);
        assert_eq!(hub.env.secrets()["database-password"], "kept-by-the-database", "{secret} {key}: {run}");
        assert!(run.stderr.contains(&format!("Secret {secret}, key {key}")), "{run}");
    }
}

#[test]
fn differences_are_shown_and_decided() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("differ", &testbed.helm4);
    hub.made_by_hand(BY_HAND);
    hub.put_secret("postgresql", &[("password", "what-the-database-says")]);
    let before = hub.state().secrets;
    let run = hub.adopt(&[]);
    assert_eq!(run.code, Some(1), "{run}");
    for word in
        ["database-password", "fingerprints differ", "hub:values.yaml:hub.db.url", "postgresql:password", "--take"]
    {
        assert!(run.stderr.contains(word), "no {word} in\n{run}");
    }
    assert!(!run.stderr.contains("what-the-database-says") && !run.stderr.contains("password-of-jhub"), "{run}");
    assert_eq!(hub.state().secrets, before);
    assert!(!hub.env.path(".helm-iris/").join(format!("{}.secrets.yaml", hub.namespace)).exists());
    // So does an installation.
    hub.refused(&[], &["fingerprints differ", "--take"]);
    let run = hub.adopt(&["--take", "database-password=postgresql:password"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(hub.env.secrets()["database-password"], "what-the-database-says");
    // Decided once: the hub's own is known as an old one from now on, and goes with the installation.
    hub.api().delete(&hub.core("secrets/postgresql"));
    let run = hub.install(&[]);
    assert!(!run.stderr.contains("fingerprints differ"), "{run}");
    assert_eq!(hub.data("postgresql")["password"], "what-the-database-says");
    let wrong = hub.adopt(&["--take", "database-password=nowhere"]);
    assert!(wrong.stderr.contains("has no such secret"), "{wrong}");
}

#[test]
fn where_there_is_nothing_nothing_is_made() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("empty", &testbed.helm4);
    let before = hub.env.tree();
    let run = hub.adopt(&[]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("there is nothing to adopt"), "{run}");
    before.assert_same(&hub.env.tree());
}

/// The hub's state in a database that the bundle does not know: users and tokens would be gone.
#[test]
fn a_hub_is_not_parted_from_its_state() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("sqlite", &testbed.helm4);
    let db = BY_HAND.find("    db:").unwrap();
    let end = BY_HAND.find("dask-gateway:\n  gateway").unwrap();
    hub.made_by_hand(&format!("{}{}", &BY_HAND[..db], &BY_HAND[end..]));
    assert_eq!(hub.adopt(&[]).code, Some(0));
    let state = hub.state().revisions;
    hub.refused(&[], &["would lose it", "it is in sqlite-pvc", "helm uninstall"]);
    assert_eq!(hub.state().revisions, state);
}

/// A hub under other names: its secrets are not guessed to be missing.
#[test]
fn a_hub_whose_secrets_are_elsewhere_is_not_given_new_ones() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("named", &testbed.helm4);
    hub.made_by_hand(&BY_HAND.replace("jupyterhub:\n  proxy", "jupyterhub:\n  fullnameOverride: other\n  proxy"));
    let before = hub.data("other-hub");
    let run = hub.adopt(&[]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("its secrets were not found: cookie-secret"), "{run}");
    hub.refused(&[], &["its secrets were not found"]);
    assert_eq!(hub.data("other-hub"), before);
}

/// A release of another name: Helm would let nobody else touch its objects, so the plan stops; after the
/// way that it tells, the hub is ours with the secrets that it had.
#[test]
fn a_hub_of_another_release_is_not_called_new() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("other-{word}"), &helm);
        hub.made_by_hand_as("mine", BY_HAND);
        let (before, state) = (hub.hub_secrets(), hub.state());
        let uninstall = format!("helm uninstall mine -n {}", hub.namespace);
        let words = ["belongs to the Helm release `mine`", "secrets adopt daskhub", &uninstall];
        hub.refused(&[], &words);
        let plan = hub.run(&["plan", "daskhub"]);
        assert!(
            plan.code == Some(1) && plan.stdout.is_empty() && words.iter().all(|word| plan.stderr.contains(word)),
            "{plan}"
        );
        assert_eq!(hub.state().revisions, state.revisions);

        let adopted = hub.adopt(&[]);
        assert!(adopted.code == Some(0) && adopted.stderr.contains("release `mine`"), "{adopted}");
        hub.refused(&[], &words);
        hub.helm(&["uninstall", "mine"]);
        hub.install(&[]);
        let after = hub.hub_secrets();
        for (key, value) in &before {
            assert_eq!(after[key], *value, "{key}: somebody is logged out");
        }
    }
}
