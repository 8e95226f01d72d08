//! New values for secrets in use: by a plan, in an order that locks nobody out, and finished by the
//! same command after a kill at any point.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Hub, Testbed};
use crate::common::Run;

/// A secret that somebody else gave out.
const BROUGHT: &str =
    "values: {daskhub: {jupyterhub: {hub: {config: {Own: {secret_of_theirs: {secret: client-secret}}}}}}}\n";

impl Hub<'_> {
    pub(super) fn rotate(&self, more: &[&str]) -> Run {
        let run = self.run(&[&["secrets", "rotate", "--yes"], more].concat());
        for value in self.env.secrets().values() {
            assert!(!run.stdout.contains(value) && !run.stderr.contains(value), "{run}");
        }
        run
    }

    pub(super) fn rotated(&self, more: &[&str]) -> Run {
        let run = self.rotate(more);
        assert_eq!(run.code, Some(0), "{run}");
        run
    }

    /// What Helm has of a release, as JSON.
    fn values_of(&self, release: &str) -> Value {
        serde_json::from_str(&self.helm(&["get", "values", release, "-o", "json"])).unwrap()
    }

    /// The bundle names the secrets that hold, as a render would, and is what is installed.
    fn assert_bundle_is_true(&self) {
        let list: Value = serde_json::from_str(&self.run(&["secrets", "list", "-o", "json"]).stdout).unwrap();
        let bundle: Value = serde_yaml::from_str(&self.env.read(&format!("{}/bundle.yaml", self.namespace))).unwrap();
        let named = |list: &Value| {
            let pair = |one: &Value| (one["name"].to_string(), one["fingerprint"].to_string());
            list.as_array().unwrap().iter().map(pair).collect::<BTreeMap<_, _>>()
        };
        assert_eq!(named(&bundle["secrets"]), named(&list));
        let plan = self.run(&["plan", "daskhub", "--bundle", &self.namespace, "--exit-code"]);
        assert_eq!(plan.code, Some(0), "{plan}");
        let installed = self.run(&["install", "daskhub", "--bundle", &self.namespace, "--yes"]);
        assert!(installed.code == Some(0) && installed.stderr.contains("Nothing to change"), "{installed}");
        let before = self.env.tree();
        assert_eq!(self.run(&["render", "daskhub"]).code, Some(0));
        before.assert_same(&self.env.tree());
    }

    /// Every place that knows the database's password says the same.
    fn assert_one_password(&self) -> String {
        let engine = self.values_of("postgresql")["auth"]["password"].as_str().unwrap().to_owned();
        let hub = self.values_of(&self.namespace)["jupyterhub"]["hub"]["db"]["password"].clone();
        assert_eq!(hub, *engine);
        assert_eq!(self.env.secrets()["database-password"], engine);
        engine
    }
}

#[test]
fn one_secret_gets_a_new_value_and_the_others_stay() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("rot-{word}"), &helm);
        hub.install(&[]);
        let before = hub.env.secrets();
        let run = hub.rotated(&["login-password"]);
        for words in
            ["login-password is replaced: everybody needs the new password", "older revision", "kubectl delete secret"]
        {
            assert!(run.stderr.contains(words), "no {words:?} in\n{run}");
        }
        let command = "-l 'owner=helm,status!=deployed,name in (";
        assert_eq!(run.stderr.replace("\n    ", " ").matches(command).count(), 2, "in the plan, and at the end: {run}");
        let after = hub.env.secrets();
        let changed: Vec<&String> =
            after.iter().filter(|(name, value)| before[*name] != **value).map(|(name, _)| name).collect();
        assert_eq!(changed, ["login-password"]);
        let state = hub.state();
        assert_eq!((state.revisions[&hub.namespace], state.revisions["postgresql"]), (2, 1));
        let in_use = hub.values_of(&hub.namespace);
        let in_use = &in_use["jupyterhub"]["hub"]["config"]["SharedPasswordAuthenticator"]["user_password"];
        assert_eq!(in_use, &after["login-password"]);
        hub.env.assert_secrets_are_private();
        hub.assert_bundle_is_true();
        // The control of both: an installation finds nothing to do.
        let again = hub.install(&[]);
        assert!(again.stderr.contains("Nothing to change"), "{again}");

        // A key for what is encrypted: the old one still opens it.
        hub.rotated(&["crypt-keeper-keys", "--prune-history"]);
        let keys = hub.env.secrets()["crypt-keeper-keys"].clone();
        assert_eq!(keys.split(';').nth(1), Some(before["crypt-keeper-keys"].as_str()));
        let history = hub.helm(&["history", &hub.namespace, "-o", "json"]);
        assert_eq!(serde_json::from_str::<Value>(&history).unwrap().as_array().unwrap().len(), 1, "{history}");
    }
}

#[test]
fn the_databases_password_changes_in_the_hub_first() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("rot-db", &testbed.helm4);
    hub.install(&[]);
    let old = hub.assert_one_password();
    let run = hub.rotated(&["database-password"]);
    let (first, second) = (format!("Upgrading {}", hub.namespace), "Upgrading postgresql".to_owned());
    assert!(run.stderr.find(&first).unwrap() < run.stderr.find(&second).unwrap(), "{run}");
    assert_ne!(hub.assert_one_password(), old);
    assert_eq!(hub.values_of(&hub.namespace)["jupyterhub"]["custom"]["databasePasswordBefore"], *old);
    let again = hub.install(&[]);
    assert!(again.stderr.contains("Nothing to change"), "{again}");
}

/// Where the charts read Secrets of ours, the order is the same, and the pods restart.
#[test]
fn secrets_past_the_values_are_rotated_too() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub_with("rot-ex", &testbed.helm4, "secretMode: existing\n");
    hub.install(&[]);
    let old = hub.env.secrets()["database-password"].clone();
    let run = hub.rotated(&["database-password", "cookie-secret"]);
    let (first, second) = (format!("Upgrading {}", hub.namespace), "Upgrading postgresql");
    assert!(run.stderr.find(&first).unwrap() < run.stderr.find(second).unwrap(), "{run}");
    let new = hub.env.secrets()["database-password"].clone();
    let read = hub.data("helm-iris-daskhub");
    assert_eq!((&read["hub.db.password"], &read["hub.db.password-before"]), (&new, &old));
    assert_eq!(hub.data("helm-iris-postgresql")["password"], new);
    assert_eq!(read["hub.config.JupyterHub.cookie_secret"], hub.env.secrets()["cookie-secret"]);
    let helms = hub.helm(&["get", "values", &hub.namespace]);
    assert!(!helms.contains(&new) && !helms.contains(&old));
    let again = hub.install(&[]);
    assert!(again.stderr.contains("Nothing to change"), "{again}");
}

#[test]
fn all_of_them() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub_with("rot-all", &testbed.helm3, BROUGHT);
    hub.refused(&[], &["needs secrets that are known nowhere", "secrets set client-secret"]);
    hub.private_file("given", "ghs_16C7e42F292c6912E7");
    hub.done(&["secrets", "set", "client-secret", "--from-file", "given"]);
    hub.install(&[]);
    let before = hub.env.secrets();
    let run = hub.rotated(&["--all"]);
    for words in ["everybody is logged out", "somebody else gives them out: client-secret", "secrets set NAME"] {
        assert!(run.stderr.contains(words), "no {words:?} in\n{run}");
    }
    let after = hub.env.secrets();
    let kept: Vec<&String> =
        before.iter().filter(|(name, value)| after[*name] == **value).map(|(name, _)| name).collect();
    assert!(before.len() >= 8 && kept == ["client-secret"], "{kept:?} {run}");
    hub.assert_one_password();
    assert!(hub.install(&[]).stderr.contains("Nothing to change"));
}

#[test]
fn what_cannot_be_rotated_is_told() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("rot-not", &testbed.helm4);
    assert_eq!(hub.run(&["charts", "pull", "daskhub"]).code, Some(0));
    assert_eq!(hub.run(&["render", "daskhub"]).code, Some(0));
    let tree = hub.env.tree();
    let told = |more: &[&str], words: &[&str]| {
        let run = hub.rotate(more);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(words.iter().all(|word| run.stderr.contains(word)), "{run}");
    };
    told(&["login-password"], &["no hub with a ledger is installed", "helm iris install daskhub"]);
    told(&["login-pasword"], &["no secret `login-pasword`", "did you mean `login-password`?"]);
    tree.assert_same(&hub.env.tree());
    hub.install(&[]);
    assert_eq!(hub.run(&["render", "daskhub", "--set", "users.idleTimeout=7200"]).code, Some(0));
    let tree = hub.env.tree();
    told(&["login-password"], &["the hub is not as its bundle says", "helm iris install daskhub --bundle"]);
    tree.assert_same(&hub.env.tree());
}

/// Killed at many points; then the same command again, which finishes and makes nothing new. At no point
/// does the database have a password that the hub does not.
#[test]
fn killed_at_any_point_the_same_command_finishes() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("rot-kill", &testbed.helm4);
    hub.install(&[]);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for step in 0..14_u64 {
        let before = hub.assert_one_password();
        let mut command = hub.command(&["secrets", "rotate", "database-password", "--yes"]);
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(60 + step * 230));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(hub.wait_until(false, Duration::from_secs(30)), "helm goes on by itself");
        if hub.frees_what_is_pending() {
            // As the message tells: roll back, then the same work again, which loses nothing.
            let ours = hub.env.secrets()["database-password"].clone();
            hub.install(&[]);
            assert_eq!(hub.assert_one_password(), ours, "step {step}");
            *seen.entry("pending").or_default() += 1;
            continue;
        }
        let (ours, engine) =
            (hub.env.secrets()["database-password"].clone(), hub.values_of("postgresql")["auth"]["password"].clone());
        let in_hub = hub.values_of(&hub.namespace)["jupyterhub"].clone();
        let known = [&in_hub["hub"]["db"]["password"], &in_hub["custom"]["databasePasswordBefore"]];
        assert!(known.contains(&&engine), "step {step}: the hub is locked out");
        let phase = if ours == before {
            "before"
        } else if engine == *before {
            "between"
        } else {
            "after"
        };
        *seen.entry(phase).or_default() += 1;
        let run = hub.rotated(&["database-password"]);
        let after = hub.assert_one_password();
        if phase == "between" {
            assert_eq!(after, ours, "step {step}: one that was begun is finished, not replaced: {run}");
            assert!(run.stderr.contains("was begun earlier"), "{run}");
        }
        assert_ne!(after, before);
    }
    eprintln!("kills by phase: {seen:?}");
    assert!(seen.get("between").copied().unwrap_or_default() >= 2, "{seen:?}");
}

impl Hub<'_> {
    /// A helm that was stopped in its first moment leaves its release pending; `helm rollback` frees it.
    fn frees_what_is_pending(&self) -> bool {
        let mut freed = false;
        for release in [self.namespace.as_str(), "postgresql"] {
            let status: Value = serde_json::from_str(&self.helm(&["status", release, "-o", "json"])).unwrap();
            if status["info"]["status"].as_str().is_some_and(|status| status.starts_with("pending-")) {
                self.helm(&["rollback", release]);
                freed = true;
            }
        }
        freed
    }
}
