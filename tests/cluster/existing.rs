//! `secretMode: existing`: the secrets are in Kubernetes Secrets of ours, and nowhere else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Hub, Testbed};
use crate::common::forms;

const EXISTING: &str = "secretMode: existing\n";
const INLINE: &[&str] = &["--set", "secretMode=inline"];
const OURS: [&str; 2] = ["helm-iris-daskhub", "helm-iris-postgresql"];

impl Hub<'_> {
    pub(super) fn secret(&self, name: &str) -> Option<Value> {
        self.api().get(&self.core(&format!("secrets/{name}")))
    }

    /// What a key of a Secret holds.
    pub(super) fn key(&self, secret: &str, key: &str) -> String {
        let secret = self.secret(secret).unwrap_or_else(|| panic!("no Secret {secret}"));
        let text = secret["data"][key].as_str().unwrap_or_else(|| panic!("no key {key}"));
        String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
    }

    /// The pods' template of a workload, e.g. `deployments/hub`.
    pub(super) fn template(&self, workload: &str) -> Value {
        let path = format!("/apis/apps/v1/namespaces/{}/{workload}", self.namespace);
        self.api().get(&path).unwrap_or_else(|| panic!("no {workload}"))["spec"]["template"].clone()
    }

    fn fingerprint(&self, workload: &str) -> String {
        let template = self.template(workload);
        let print = template["metadata"]["annotations"]["helm-iris/fingerprint"].as_str();
        print.unwrap_or_else(|| panic!("{workload} has no fingerprint: {template}")).to_owned()
    }

    /// The names of secrets that helm keeps with the releases.
    fn kept_by_helm(&self) -> Vec<String> {
        let values: String =
            [self.namespace.as_str(), "postgresql"].map(|release| self.helm(&["get", "values", release])).concat();
        let holds = |secret: &String| forms(secret).iter().any(|form| values.contains(form));
        self.env.secrets().into_iter().filter(|(_, secret)| holds(secret)).map(|(name, _)| name).collect()
    }

    /// Brings another value for a secret.
    fn replace(&self, name: &str, value: &str) {
        self.env.write("given", value);
        let run = self.run(&["secrets", "set", name, "--from-file", "given"]);
        assert_eq!(run.code, Some(0), "{run}");
        std::fs::remove_file(self.env.path("given")).unwrap();
    }

    fn gateway(&self) -> String {
        format!("deployments/api-{}-dask-gateway", self.namespace)
    }
}

/// The Secrets are there and hold what the ledger holds; helm keeps no secret but the proxy's.
fn assert_delivered(hub: &Hub<'_>) {
    let secrets = hub.env.secrets();
    for name in OURS {
        let labels = hub.secret(name).expect(name)["metadata"]["labels"].clone();
        assert_eq!(labels, json!({"app.kubernetes.io/managed-by": "helm-iris"}), "{name}");
    }
    for (key, name) in [
        ("hub.config.JupyterHub.cookie_secret", "cookie-secret"),
        ("hub.config.CryptKeeper.keys", "crypt-keeper-keys"),
        ("hub.services.dask-gateway.apiToken", "dask-gateway-token"),
        ("hub.db.password", "database-password"),
    ] {
        assert_eq!(hub.key("helm-iris-daskhub", key), secrets[name], "{key}");
    }
    assert_eq!(hub.key("helm-iris-postgresql", "password"), secrets["database-password"]);
    let values: Value = serde_yaml::from_str(&hub.key("helm-iris-daskhub", "values.yaml")).unwrap();
    let login = &values["hub"]["config"]["SharedPasswordAuthenticator"];
    assert_eq!(login["user_password"], secrets["login-password"]);
    assert_eq!(login["admin_password"], secrets["login-admin-password"]);
    assert_eq!(hub.kept_by_helm(), ["proxy-token"]);
}

#[test]
fn secrets_are_delivered_once_and_the_pods_read_them() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let mut hub = testbed.hub_with(&format!("ex-{word}"), &helm, EXISTING);
        let first = hub.install(&[]);
        assert!(first.stderr.contains("Secret helm-iris-daskhub, for"), "{first}");
        assert_delivered(&hub);
        let text = hub.template("deployments/hub").to_string();
        assert!(text.contains(r#""secretName":"helm-iris-daskhub""#), "{text}");
        let text = hub.template(&hub.gateway()).to_string();
        assert!(text.contains(r#"{"name":"helm-iris-daskhub","key":"hub.services.dask-gateway.apiToken"}"#), "{text}");
        assert_eq!(hub.fingerprint("deployments/hub"), hub.fingerprint(&hub.gateway()));

        // The chart has made secrets of its own for its Secret; nobody reads those.
        assert_ne!(hub.key("hub", "hub.config.JupyterHub.cookie_secret"), hub.env.secrets()["cookie-secret"]);
        let state = hub.state();
        hub.helm = "/nowhere/helm".into();
        let second = hub.install(&[]);
        assert_eq!(hub.state(), state, "{second}");
        assert!(second.stderr.contains("Nothing to change"), "{second}");
        hub.helm = helm;

        // Back into the values, from a chart that has made others.
        let secrets = hub.env.secrets();
        let back = hub.install(INLINE);
        assert_eq!(hub.env.secrets(), secrets, "{back}");
        assert_eq!(hub.key("hub", "hub.config.JupyterHub.cookie_secret"), secrets["cookie-secret"]);
        assert!(OURS.iter().all(|name| hub.secret(name).is_none()), "{back}");
    }
}

#[test]
fn there_and_back_keeps_every_secret() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub_with(&format!("back-{word}"), &helm, EXISTING);
        hub.install(INLINE);
        let (secrets, state) = (hub.env.secrets(), hub.state());
        assert_eq!(hub.kept_by_helm().len(), secrets.len(), "the control: inline, helm keeps them all");

        let there = hub.install(&[]);
        assert_eq!(hub.env.secrets(), secrets, "{there}");
        assert_delivered(&hub);

        let back = hub.install(INLINE);
        assert_eq!(hub.env.secrets(), secrets, "{back}");
        assert!(back.stderr.contains("Secret helm-iris-daskhub: removed"), "{back}");
        // Each bundle that was applied is kept, for a rollback.
        let counts = |name: &&String| !name.starts_with("helm-iris-bundle-");
        let names = |state: &super::state::State| state.secrets.keys().filter(counts).cloned().collect::<Vec<_>>();
        assert_eq!(names(&hub.state()), names(&state), "nothing is left over");
        assert_eq!(hub.kept_by_helm().len(), secrets.len());
        let settled = hub.state();
        hub.install(INLINE);
        assert_eq!(hub.state(), settled);
    }
}

#[test]
fn a_secret_of_somebody_else_stays_as_it_is() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let hub = testbed.hub_with("foreign", helm, EXISTING);
    testbed.api.create("/api/v1/namespaces", &json!({"metadata": {"name": hub.namespace}}));
    let theirs = json!({"metadata": {"name": "helm-iris-daskhub"}, "stringData": {"a": "theirs"}});
    testbed.api.create(&hub.core("secrets"), &theirs);
    hub.refused(
        &[],
        &["helm-iris-daskhub", "that helm iris did not make", "kubectl delete secret", "secretMode: inline"],
    );
    hub.assert_nothing_installed();
    assert!(hub.secret("helm-iris-ledger").is_none() && hub.secret("helm-iris-postgresql").is_none());
    hub.install(INLINE);
    assert_eq!(hub.key("helm-iris-daskhub", "a"), "theirs");
}

/// Values alone do not change then, so the fingerprint has to restart the pods; and only those.
#[test]
fn a_replaced_secret_is_written_and_restarts_what_reads_it() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub_with(&format!("rep-{word}"), &helm, EXISTING);
        hub.install(&[]);
        let prints = |hub: &Hub<'_>| {
            [
                hub.fingerprint("deployments/hub"),
                hub.fingerprint(&hub.gateway()),
                hub.fingerprint("statefulsets/postgresql"),
            ]
        };
        let before = prints(&hub);
        hub.replace("login-password", "another-login-password");
        let run = hub.install(&[]);
        assert!(run.stderr.contains("Secret helm-iris-daskhub: its content"), "{run}");
        assert!(!run.stderr.contains("Secret helm-iris-postgresql"), "{run}");
        assert_delivered(&hub);
        assert!(hub.key("helm-iris-daskhub", "values.yaml").contains("another-login-password"));
        let after = prints(&hub);
        assert!(before[0] != after[0] && before[1] != after[1] && before[2] == after[2], "{before:?} {after:?}");
        assert_eq!((hub.revision("postgresql"), hub.revision(&hub.namespace)), (1, 2), "{run}");

        // One that is gone comes back as it was, and nothing restarts.
        let state = hub.state();
        testbed.api.delete(&hub.core("secrets/helm-iris-daskhub"));
        let again = hub.install(&[]);
        assert!(again.stderr.contains("Secret helm-iris-daskhub, for"), "{again}");
        assert_eq!(hub.state(), state);
    }
}

/// A hub whose secrets are in its chart's own Secret keeps them on the way into ours.
#[test]
fn secrets_of_a_hub_without_a_ledger_are_taken_over_into_ours() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[0];
    let hub = testbed.hub_with("taken", helm, EXISTING);
    hub.install(INLINE);
    let secrets = hub.env.secrets();
    testbed.api.delete(&hub.core("secrets/helm-iris-ledger"));
    std::fs::remove_dir_all(hub.env.path(".helm-iris")).unwrap();
    std::fs::remove_dir_all(hub.env.path(&hub.namespace)).unwrap();
    let run = hub.install(&[]);
    assert!(run.stderr.contains("taken over from the cluster"), "{run}");
    for name in ["cookie-secret", "crypt-keeper-keys", "dask-gateway-token", "database-password", "proxy-token"] {
        assert_eq!(hub.env.secrets()[name], secrets[name], "{name}");
    }
    assert_delivered(&hub);
}
