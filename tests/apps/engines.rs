//! `JupyterHub` starts on what each engine of its database prepares, and again on what it made of that itself; the
//! database of every engine on each `PostgreSQL` that there is.

use std::path::Path;
use std::process::Command;

use super::{Fault, Running, can_be_had};
use crate::common::{Authority, TestEnv};
use crate::database::installed;

const USER: &str = "/hub/api/users/helm-iris-test";
/// The name of a database server that somebody else runs.
const HOST: &str = "db.example.org";

/// A hub, running, with its database.
struct Hub {
    running: Running,
    env: TestEnv,
}

impl Hub {
    /// With these lines in its site file; or what was said of its failure, and what the hub logged.
    fn start(site: &str, fault: &Fault) -> Option<Result<Self, String>> {
        let env = TestEnv::with_site(format!("profile: kind\n{site}"));
        if site.contains("adminUser") {
            env.write("given", "not to be seen");
            env.ok(&["secrets", "set", "database-admin-password", "--from-file", "given", "-n", "jhub"]);
        }
        env.ok(&["render", "jupyterhub"]);
        let running = Running::try_up(env.root().join("apps"), &env.path("jhub"), fault)?;
        Some(running.map(|running| Self { running, env }))
    }

    /// What it is told about a user stays in its database.
    fn keeps_its_state(&self) {
        let token = &self.env.secrets()["test-token"];
        let ask = |method: &str| self.running.ask(method, USER, token);
        let is =
            |answer: &str, status: &str| assert!(answer.starts_with(status), "{answer}\n{}", self.running.log("hub"));
        is(&ask("GET"), "HTTP/1.1 404");
        is(&ask("POST"), "HTTP/1.1 201");
        self.running.restart();
        is(&ask("GET"), "HTTP/1.1 200");
    }
}

/// A hub with these lines in its site file works on each `PostgreSQL`.
fn works(site: &str) {
    for bin in postgres() {
        works_with(site, &Fault { postgres: Some(&bin), ..Fault::default() });
    }
}

fn works_with(site: &str, fault: &Fault) {
    let Some(hub) = Hub::start(site, fault) else { return };
    hub.unwrap_or_else(|said| panic!("{:?}: {said}", fault.postgres)).keeps_its_state();
}

/// It does not start, and these words say why.
fn fails(site: &str, fault: &Fault, words: &[&str]) {
    let Some(hub) = Hub::start(site, fault) else { return };
    let Err(said) = hub else { panic!("a control: it works, with {site}") };
    assert!(words.iter().all(|word| said.contains(word)), "no {words:?} in\n{said}");
}

fn postgres() -> Vec<std::path::PathBuf> {
    if can_be_had() { installed() } else { Vec::new() }
}

#[test]
fn on_our_own() {
    works("database: {user: the_hub, name: of_the_hub}\n");
}

#[test]
fn on_that_of_bitnamis_chart() {
    works("database: {engine: bitnami, user: the_hub, name: of_the_hub}\n");
}

#[test]
fn on_that_of_the_operator() {
    works("database: {engine: cloudnative-pg, user: the_hub, name: of_the_hub}\n");
}

#[test]
fn on_one_that_somebody_else_runs() {
    works(&format!("database: {{engine: external, host: {HOST}, port: 6432, user: the_hub, adminUser: boss}}\n"));
}

#[test]
fn on_a_file() {
    works_with("database: {engine: sqlite}\n", &Fault::default());
}

/// Over TLS alone; with an authority that is not the server's, neither the job nor the hub goes on.
#[test]
fn on_one_that_proves_who_it_is() {
    for bin in postgres().iter().filter(|bin| speaks_tls(bin)) {
        let folder = tempfile::tempdir().unwrap();
        let [right, other] = ["right", "other"].map(|name| Authority::new(folder.path().join(name)));
        let certificate = right.certify(&[HOST]);
        let fault = Fault { postgres: Some(bin), certificate: Some(&certificate), ..Fault::default() };
        let site = |tls: &str| format!("database: {{engine: external, host: {HOST}, port: 6432, tls: {tls}}}\n");
        let known = |authority: &Authority| site(&format!("{{mode: verify-full, ca: {:?}}}", authority.pem()));
        works_with(&known(&right), &fault);
        works_with(&site("{mode: require}"), &fault);

        fails(&known(&other), &fault, &["prepare: no connection", "certificate verify failed"]);
        let hub_alone = format!(
            "{}values: {{jupyterhub: {{hub: {{extraFiles: {{database-ca: {{stringData: {:?}}}}}}}}}}}\n",
            known(&right),
            other.pem()
        );
        fails(&hub_alone, &fault, &["the hub ended", "certificate verify failed"]);
        fails(&site("{mode: disable}"), &fault, &["prepare: jhub cannot log in", "no encryption"]);
        let of_another = right.certify(&["another.example.org"]);
        let fault = Fault { certificate: Some(&of_another), ..fault };
        fails(&known(&right), &fault, &["prepare: no connection", "does not match host name"]);
    }
}

/// The controls of all of these: what is wrong in our values is seen.
#[test]
fn a_wrong_value_is_seen() {
    let hub = |lines: &str| format!("values: {{jupyterhub: {{hub: {{db: {{{lines}}}}}}}}}\n");
    let url =
        |user: &str, host: &str, name: &str| hub(&format!("url: 'postgresql+psycopg2://{user}@{host}:5432/{name}'"));
    let right = Fault::default();
    fails(&url("other", "postgresql", "jhub"), &right, &["the hub ended", "user \"other\""]);
    fails(&url("jhub", "other", "jhub"), &right, &["the hub ended", "Connection refused"]);
    fails(&url("jhub", "postgresql", "other"), &right, &["the hub ended", "database \"other\""]);
    let older = Fault { older_hub: true, ..Fault::default() };
    fails(&hub("upgrade: false"), &older, &["the hub ended", "Found database schema version"]);
}

/// Not all builds do.
fn speaks_tls(bin: &Path) -> bool {
    let found = Command::new("grep").args(["-q", "SSL_CTX_new"]).arg(bin.join("postgres")).status().unwrap().success();
    if !found {
        eprintln!("SKIPPED: {} speaks no TLS", bin.display());
    }
    found
}
