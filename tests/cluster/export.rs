//! Moving the ledger to the cluster and from it: nothing is lost on the way.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use age::secrecy::ExposeSecret;
use serde_json::json;

use super::{Hub, Testbed};
use crate::common::{TestEnv, write};

const TO_CLUSTER: [&str; 5] = ["secrets", "export", "--to", "cluster", "--yes"];
const TO_FILE: [&str; 4] = ["secrets", "export", "--to", "file"];

impl Hub<'_> {
    pub(super) fn plain(&self) -> String {
        format!(".helm-iris/{}.secrets.yaml", self.namespace)
    }

    fn age(&self) -> String {
        format!("{}.secrets.age", self.namespace)
    }

    /// Makes an identity for this machine, gives its public key.
    pub(super) fn identity(&self) -> String {
        let key = age::x25519::Identity::generate();
        let path: PathBuf = self.env.root().join("config/helm-iris/age-identity.txt");
        write(&path, key.to_string().expose_secret());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        key.to_public().to_string()
    }

    /// Writes a file of the working folder for its owner alone, from the first byte on.
    pub(super) fn private_file(&self, inside: &str, text: &str) {
        let path = self.env.path(inside);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Runs a verb, which must fail with these words and keep the files.
    pub(super) fn kept(&self, args: &[&str], words: &[&str]) {
        let before = self.env.tree();
        let run = self.run(args);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(!run.to_string().contains("[SECRET:"), "{run}");
        for word in words {
            assert!(run.stderr.contains(word), "no {word:?} in\n{run}");
        }
        before.assert_same(&self.env.tree());
    }

    pub(super) fn done(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!(run.code, Some(0), "{run}");
        // The environment puts this in the place of a secret that it knows.
        assert!(!run.to_string().contains("[SECRET:"), "{run}");
        run.stderr
    }

    /// The same hub from a machine that knows nothing but the site file.
    pub(super) fn elsewhere(&self) -> Self {
        Self {
            testbed: self.testbed,
            env: TestEnv::with_site(self.env.read("iris.yaml")),
            namespace: self.namespace.clone(),
            helm: self.helm.clone(),
            kubeconfig: self.kubeconfig.clone(),
            is_guest: true,
        }
    }
}

#[test]
fn the_cluster_alone_keeps_all_secrets() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let hub = testbed.hub("alone", helm);
    hub.install(&[]);
    let (secrets, state) = (hub.env.secrets(), hub.state());
    assert!(secrets.len() >= 5);
    hub.kept(&TO_CLUSTER[..4], &["nobody can be asked"]);
    let told = hub.done(&TO_CLUSTER);
    assert!(told.contains("Removed") && told.contains("provisional"), "{told}");
    assert!(!hub.env.tree().has(&hub.plain()) && hub.state() == state);
    assert!(hub.done(&TO_CLUSTER).contains("alone already"));
    let run = hub.install(&[]);
    assert!(run.stderr.contains("Nothing to change"), "{run}");
    assert_eq!((hub.env.secrets(), hub.state()), (secrets, state));
}

#[test]
fn a_new_machine_takes_the_ledger_from_the_cluster() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[0];
    let hub = testbed.hub("new", helm);
    let nothing = hub.elsewhere();
    nothing.kept(&TO_FILE, &["no secrets of a hub"]);
    hub.install(&[]);
    let (secrets, state) = (hub.env.secrets(), hub.state());
    let there = hub.elsewhere();
    let told = there.done(&TO_FILE);
    assert!(told.contains("Read the ledger"), "{told}");
    assert_eq!(there.env.read(&there.plain()), hub.env.read(&hub.plain()));
    let sealed = hub.elsewhere();
    let me = sealed.identity();
    sealed.done(&["secrets", "export", "--to", "age", "--recipient", &me]);
    let bytes = sealed.env.read(&sealed.age());
    let run = sealed.install(&[]);
    assert!(run.stderr.contains("Nothing to change"), "{run}");
    assert_eq!(sealed.env.read(&sealed.age()), bytes);
    sealed.done(&TO_FILE);
    assert_eq!((sealed.env.secrets(), hub.state()), (secrets, state));
}

#[test]
fn what_the_cluster_lacks_is_kept_here() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let hub = testbed.hub("lacks", helm);
    hub.done(&["render", "daskhub"]);
    hub.kept(&TO_CLUSTER, &["provisional", "helm iris install"]);
    hub.install(&[]);
    let ours = hub.env.read(&hub.plain());
    let value = hub.env.secrets()["login-password"].clone();
    let private = |text: &str| hub.private_file(&hub.plain(), text);
    private(&ours.replace(&value, "AnotherPassword1"));
    hub.kept(&TO_CLUSTER, &["does not have all secrets", "login-password"]);
    let line = ours.lines().find(|line| line.starts_with("cluster: ")).unwrap();
    private(&ours.replace(line, "cluster: 5b2e9c64-0000-4000-8000-000000000000"));
    hub.kept(&TO_CLUSTER, &["a hub in another cluster", "--kube-context"]);
    private(&ours);
    // The ledger is gone from the cluster: it is made again before this copy goes.
    let ledger = hub.core("secrets/helm-iris-ledger");
    let data = hub.api().get(&ledger).unwrap()["data"].clone();
    hub.api().delete(&ledger);
    hub.done(&TO_CLUSTER);
    assert_eq!(hub.api().get(&ledger).unwrap()["data"], data);
    assert!(!hub.env.tree().has(&hub.plain()));
}

#[test]
fn no_ledger_is_made_for_a_namespace_that_is_not_there() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let hub = testbed.hub("nowhere", helm);
    hub.done(&["render", "daskhub"]);
    let text = hub.env.read(&hub.plain()).replace("provisional: true", "provisional: false");
    hub.private_file(&hub.plain(), &text);
    hub.kept(&TO_CLUSTER, &["no namespace", "helm iris install"]);
    hub.api().create("/api/v1/namespaces", &json!({"metadata": {"name": hub.namespace}}));
    hub.done(&TO_CLUSTER);
    assert!(hub.api().get(&hub.core("secrets/helm-iris-ledger")).is_some());
}

/// An encrypted store is installed from, and takes part in everything that the plain one does.
#[test]
fn a_hub_is_installed_from_an_encrypted_store() {
    let Some(testbed) = Testbed::take() else { return };
    let (_, helm) = &testbed.helms()[1];
    let hub = testbed.hub("sealed", helm);
    hub.done(&["render", "daskhub"]);
    let (secrets, me) = (hub.env.secrets(), hub.identity());
    hub.done(&["secrets", "export", "--to", "age", "--recipient", &me]);
    let bytes = hub.env.read(&hub.age());
    // As a clone of it, where nobody has agreed to the recipients: `--yes` does, and they are named.
    std::fs::remove_dir_all(hub.env.path(".helm-iris")).unwrap();
    let first = hub.install(&[]);
    assert!(first.stderr.contains("is encrypted to 1 recipient: age1"), "{first}");
    let bound = hub.env.read(&hub.age());
    assert_ne!(bound, bytes, "it is bound to the cluster now");
    hub.install(&[]);
    assert_eq!(hub.env.read(&hub.age()), bound);
    // Somebody renders with secrets of his own, and encrypts them: nothing of the hub's goes there.
    let other = hub.elsewhere();
    other.done(&["render", "daskhub"]);
    let them = other.identity();
    other.done(&["secrets", "export", "--to", "age", "--recipient", &them]);
    let theirs = other.env.read(&other.age());
    let refused = other.refused(&[], &["not made from this hub's ledger", "--recipient"]);
    assert_eq!(other.env.read(&other.age()), theirs, "{refused}");
    std::fs::remove_file(other.env.path(&other.age())).unwrap();
    other.done(&["secrets", "export", "--to", "age", "--recipient", &them]);
    other.install(&[]);
    other.done(&TO_FILE);
    assert_eq!(other.env.secrets(), secrets);
}
