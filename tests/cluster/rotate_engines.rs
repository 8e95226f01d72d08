//! A new password of the database, by the engine that checks it.

use serde_json::Value;

use super::engines::source;
use super::{Hub, Testbed};
use crate::common::Run;

const EXTERNAL: &str = "database: {engine: external, host: db.example.org";

impl Hub<'_> {
    fn password(&self) -> String {
        self.env.secrets()["database-password"].clone()
    }

    /// The hub, which takes either password, came before its database.
    fn goes_first(&self, run: &Run, engine: &str) {
        let at =
            |name: &str| run.stderr.find(&format!("Upgrading {name}\n")).unwrap_or_else(|| panic!("no {name}: {run}"));
        assert!(at(&self.namespace) < at(engine), "{run}");
    }

    fn is_done(&self) {
        let again = self.install(&[]);
        assert!(again.stderr.contains("Nothing to change"), "{again}");
    }
}

/// With the secrets in the values, and in Secrets of ours; with the name of the one that the engine reads then.
fn in_each_mode(word: &str, site: &str, read: [&str; 2], test: impl Fn(&Hub, &str)) {
    let Some(testbed) = Testbed::take() else { return };
    for (mode, read) in ["inline", "existing"].into_iter().zip(read) {
        testbed.reset();
        test(
            &testbed.hub_with(&format!("{word}-{mode}"), &testbed.helm4, &format!("{site}secretMode: {mode}\n")),
            read,
        );
    }
}

#[test]
fn bitnamis_pod_restarts_with_the_new_one() {
    let site = format!("{}database: {{engine: bitnami}}\n", source("postgresql", "postgresql-17.1.0.tgz"));
    in_each_mode("rb", &site, ["bitnami-postgresql", "helm-iris-bitnami"], |hub, read| {
        hub.install(&[]);
        let pod = || hub.template("statefulsets/bitnami-postgresql");
        let (before, old) = (pod(), hub.password());
        hub.rotated(&["login-password"]);
        assert_eq!(pod(), before, "a control: it restarts for its own alone");
        let run = hub.rotated(&["database-password", "database-superuser-password"]);
        hub.goes_first(&run, "bitnami-postgresql");
        assert!(run.stderr.contains("database-superuser-password is replaced: the database restarts"), "{run}");
        assert_ne!(pod(), before);
        assert_ne!(hub.password(), old);
        assert_eq!(hub.key(read, "password"), hub.password());
        assert_eq!(hub.key(read, "postgres-password"), hub.env.secrets()["database-superuser-password"]);
        hub.is_done();
    });
}

#[test]
fn an_admin_gives_it_to_the_server_of_somebody_else() {
    let site = format!("{EXTERNAL}, adminUser: boss}}\n");
    in_each_mode("rx", &site, ["external-database", "helm-iris-external"], |hub, read| {
        hub.env.write("given", "of the admin alone");
        hub.done(&["secrets", "set", "database-admin-password", "--from-file", "given"]);
        hub.install(&[]);
        let job = || {
            let path = format!("/apis/batch/v1/namespaces/{}/jobs/external-database", hub.namespace);
            hub.api().get(&path).unwrap()["metadata"]["uid"].clone()
        };
        let (before, old) = (job(), hub.password());
        let run = hub.rotated(&["database-password"]);
        hub.goes_first(&run, "external-database");
        assert_ne!(job(), before, "it is run anew, with the new one");
        assert_ne!(hub.password(), old);
        assert_eq!(hub.key(read, "password"), hub.password());
        hub.is_done();
    });
}

#[test]
fn without_an_admin_the_way_is_told_and_nothing_is_changed() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub_with("rx-not", &testbed.helm4, &format!("{EXTERNAL}}}\n"));
    hub.install(&[]);
    let (tree, state, old) = (hub.env.tree(), hub.state(), hub.password());
    let run = hub.rotate(&["database-password"]);
    assert_eq!(run.code, Some(1), "{run}");
    for words in
        ["not ours alone to replace", "in psql, as a superuser of db.example.org: \\password jhub", "secrets set"]
    {
        assert!(run.stderr.contains(words), "no {words:?} in\n{run}");
    }
    tree.assert_same(&hub.env.tree());
    assert_eq!(hub.state(), state);

    let run = hub.rotated(&["--all"]);
    assert!(run.stderr.contains("not replaced, because somebody else checks it: database-password"), "{run}");
    assert_eq!(hub.password(), old);
    assert_ne!(hub.state(), state, "a control: the others are replaced");

    // As it tells.
    hub.env.write("given", "another1that2is3long4enough5");
    hub.done(&["secrets", "set", "database-password", "--from-file", "given"]);
    let run = hub.install(&[]);
    hub.goes_first(&run, "external-database");
    let values: Value = serde_json::from_str(&hub.helm(&["get", "values", &hub.namespace, "-o", "json"])).unwrap();
    assert_eq!(values["jupyterhub"]["custom"]["databasePasswordBefore"], *old);
    assert_eq!(hub.key("external-database", "password"), "another1that2is3long4enough5");
    hub.is_done();
}
