//! Every database engine installs with Helm 3 and Helm 4: in the right order, with the right Secrets.

use serde_json::Value;

use super::{Hub, Testbed};
use crate::common::Run;

/// Lines of the site file: the stand-in of an upstream chart, as one more of `sources`.
pub(super) fn source(chart: &str, archive: &str) -> String {
    let repo = std::env::var("IRIS_TEST_REPO").unwrap_or_default();
    format!("  {chart}:\n    repo: {repo}\n    sha256: {}\n", Testbed::digest(archive))
}

impl Hub<'_> {
    /// What the hub is told of its database, and the password that it is given.
    fn database(&self) -> (Value, Option<String>) {
        let secret = self.secret("hub").unwrap();
        let password = secret["data"]["hub.db.password"].is_string().then(|| self.key("hub", "hub.db.password"));
        let values: Value = serde_yaml::from_str(&self.key("hub", "values.yaml")).unwrap();
        (values["hub"]["db"].clone(), password)
    }

    /// The names of this namespace's releases.
    fn release_names(&self) -> Vec<String> {
        let list: Value = serde_json::from_str(&self.helm(&["list", "-o", "json"])).unwrap();
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Nothing is done the second time.
    fn is_settled(&self) {
        let run = self.run(&["plan", "daskhub", "--exit-code"]);
        assert_eq!(run.code, Some(0), "{run}");
    }

    /// It keeps its state: no other engine takes its place.
    fn keeps_its_engine(&self, other: &[&str]) {
        let other: Vec<&str> = other.iter().flat_map(|one| ["--set", one]).collect();
        let run = self.run(&[&["plan", "daskhub"], other.as_slice()].concat());
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("keeps its state elsewhere"), "{run}");
    }
}

fn assert_order(run: &Run, first: &str, then: &str) {
    let at = |name: &str| {
        let line = format!("Installing {name}\n");
        run.stderr.find(&line).unwrap_or_else(|| panic!("no {line:?} in\n{run}"))
    };
    assert!(at(first) < at(then), "{run}");
}

#[test]
fn sqlite_is_a_hub_alone() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub_with(&format!("lite-{word}"), &helm, "database: {engine: sqlite, size: 2Gi}\n");
        hub.install(&[]);
        assert_eq!(hub.release_names(), std::slice::from_ref(&hub.namespace));
        let (database, password) = hub.database();
        assert_eq!((database["type"].as_str(), password), (Some("sqlite-pvc"), None));
        let claim = hub.api().get(&hub.core("persistentvolumeclaims/hub-db-dir")).unwrap();
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "2Gi");
        hub.is_settled();
        hub.keeps_its_engine(&["database.engine=postgresql"]);
        let volume = hub.volume_of("hub-db-dir").unwrap();
        hub.uninstall(&[]);
        let volume = hub.api().get(&format!("/api/v1/persistentvolumes/{volume}")).unwrap();
        assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Retain", "the users are in it");
        hub.api().delete(&format!("/api/v1/persistentvolumes/{}", volume["metadata"]["name"].as_str().unwrap()));
    }
}

#[test]
fn our_postgresql_is_the_default_and_comes_before_the_hub_with_one_password() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub_with(&format!("pg-{word}"), &helm, "database: {size: 3Gi}\n");
        let run = hub.install(&[]);
        assert_order(&run, "storage", "postgresql");
        assert_order(&run, "postgresql", &hub.namespace);
        assert_eq!(hub.release_names(), ["postgresql", &hub.namespace]);
        let (database, password) = hub.database();
        assert_eq!(database["url"], "postgresql+psycopg2://jhub@postgresql:5432/jhub");
        assert_eq!((database["type"].as_str(), &database["upgrade"]), (Some("postgres"), &Value::from(true)));
        let password = password.unwrap();
        assert_eq!(password, hub.key("postgresql", "password"));
        assert_eq!(password, hub.env.secrets()["database-password"]);
        let claim = hub.api().get(&hub.core("persistentvolumeclaims/data-postgresql-0")).unwrap();
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "3Gi");
        hub.is_settled();
        hub.keeps_its_engine(&["database.engine=sqlite"]);

        hub.install(&["--set", "secretMode=existing"]);
        assert!(hub.secret("postgresql").is_none(), "it reads ours");
        assert_eq!(password, hub.key("helm-iris-postgresql", "password"));
        assert_eq!(password, hub.key("helm-iris-daskhub", "hub.db.password"));
    }
}

#[test]
fn bitnami_comes_before_the_hub_with_one_password() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let site = format!("{}database: {{engine: bitnami}}\n", source("postgresql", "postgresql-17.1.0.tgz"));
        let hub = testbed.hub_with(&format!("bn-{word}"), &helm, &site);
        let run = hub.install(&[]);
        assert_order(&run, "bitnami-postgresql", &hub.namespace);
        assert!(run.stderr.contains("Bitnami's image of PostgreSQL gets no updates"), "{run}");
        let (database, password) = hub.database();
        assert_eq!(database["url"], "postgresql+psycopg2://jhub@bitnami-postgresql:5432/jhub");
        assert_eq!(password.unwrap(), hub.key("bitnami-postgresql", "password"));
        assert_eq!(
            hub.env.secrets()["database-superuser-password"],
            hub.key("bitnami-postgresql", "postgres-password")
        );
        hub.is_settled();
        hub.keeps_its_engine(&["database.engine=postgresql"]);

        hub.install(&["--set", "secretMode=existing"]);
        assert!(hub.secret("bitnami-postgresql").is_none(), "it reads ours");
        let ours = hub.key("helm-iris-bitnami", "password");
        assert_eq!(ours, hub.key("helm-iris-daskhub", "hub.db.password"));
    }
}

#[test]
fn external_looks_at_the_server_before_the_hub_comes() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let site = "database: {engine: external, host: 192.0.2.7, port: 6432, tls: {mode: require}}\n";
        let hub = testbed.hub_with(&format!("xt-{word}"), &helm, site);
        let run = hub.install(&[]);
        assert_order(&run, "external-database", &hub.namespace);
        let (database, password) = hub.database();
        assert_eq!(database["url"], "postgresql+psycopg2://jhub@192.0.2.7:6432/jhub?sslmode=require");
        assert_eq!(password.unwrap(), hub.key("external-database", "password"));
        let job = format!("/apis/batch/v1/namespaces/{}/jobs/external-database", hub.namespace);
        assert_eq!(hub.api().get(&job).unwrap()["status"]["succeeded"], 1);
        let policy = format!("/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/hub", hub.namespace);
        let policy = hub.api().get(&policy).unwrap().to_string();
        assert!(policy.contains("192.0.2.7/32") && policy.contains("6432"), "{policy}");
        hub.is_settled();
        let nothing_else = ["database.host=null", "database.port=null", "database.tls.mode=null"];
        hub.keeps_its_engine(&[&["database.engine=sqlite"], &nothing_else[..]].concat());

        // With an admin: the password is a person's, and nothing begins without it.
        let admin = ["--set", "database.adminUser=postgres"];
        let run = hub.run(&[&["install", "daskhub", "--yes"], &admin[..]].concat());
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("database-admin-password"), "{run}");
        hub.env.write("given", "not to be seen");
        let run = hub.run(&["secrets", "set", "database-admin-password", "--from-file", "given"]);
        assert_eq!(run.code, Some(0), "{run}");
        let run = hub.install(&admin);
        assert!(!run.stderr.contains("not to be seen"), "{run}");
        assert_eq!(hub.key("external-database", "admin-password"), "not to be seen");
    }
}

#[test]
fn cloudnative_pg_comes_after_its_operator_and_before_the_hub() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let sources = [("cloudnative-pg", "cloudnative-pg-0.29.0.tgz"), ("cluster", "cluster-0.8.1.tgz")];
        let sources = sources.map(|(chart, archive)| source(chart, archive)).concat();
        let site = format!("{sources}database: {{engine: cloudnative-pg, size: 3Gi}}\n");
        let hub = testbed.hub_with(&format!("cn-{word}"), &helm, &site);
        let run = hub.install(&[]);
        assert_order(&run, "cloudnative-pg", "hub-db");
        assert_order(&run, "hub-db", &hub.namespace);
        assert!(hub.api().get("/apis/apps/v1/namespaces/helm-iris-system/deployments/cloudnative-pg").is_some());
        let (database, password) = hub.database();
        assert_eq!(database["url"], "postgresql+psycopg2://jhub@hub-db-rw:5432/jhub");
        assert_eq!(password.unwrap(), hub.key("hub-db-owner", "password"));
        assert_eq!(hub.key("hub-db-owner", "username"), "jhub");
        assert_eq!(hub.secret("hub-db-owner").unwrap()["type"], "kubernetes.io/basic-auth");
        let cluster = format!("/apis/postgresql.cnpg.io/v1/namespaces/{}/clusters/hub-db", hub.namespace);
        let spec = hub.api().get(&cluster).unwrap()["spec"].clone();
        assert_eq!((&spec["instances"], &spec["storage"]["size"]), (&Value::from(1), &Value::from("3Gi")));
        let expected = serde_json::json!({"database": "jhub", "owner": "jhub", "secret": {"name": "hub-db-owner"}});
        assert_eq!(spec["bootstrap"]["initdb"], expected);
        let job = format!("/apis/batch/v1/namespaces/{}/jobs/hub-db-ready", hub.namespace);
        assert_eq!(hub.api().get(&job).unwrap()["status"]["succeeded"], 1, "the hub waited for it");
        hub.is_settled();
        hub.keeps_its_engine(&["database.engine=postgresql"]);

        let run = hub.install(&["--set", "secretMode=existing"]);
        assert!(hub.env.read(&format!("{}/REVIEW.md", hub.namespace)).contains("kubernetes.io/basic-auth"), "{run}");
        assert_eq!(hub.key("hub-db-owner", "password"), hub.key("helm-iris-daskhub", "hub.db.password"));
    }
}
