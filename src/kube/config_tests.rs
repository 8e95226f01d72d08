use secrecy::ExposeSecret;

use super::*;
use crate::redact::Secret;

const TWO: &str = r#"
apiVersion: v1
kind: Config
current-context: dev
clusters:
- {name: c1, cluster: {server: "https://one.example.org:6443", tls-server-name: old, insecure-skip-tls-verify: false}}
- {name: c2, cluster: {server: "https://two.example.org:6443", proxy-url: "http://user:pw@proxy:1"}}
users:
- {name: u1, user: {username: anna, password: pass}}
contexts:
- {name: dev, context: {cluster: c1, user: u1}}
- {name: production, context: {cluster: c2, user: nobody}}
"#;

fn run(connection: &Connection) -> Result<Target> {
    futures::executor::block_on(resolve(connection))
}

fn with_file(text: &str) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    crate::fs::write(&path, text.as_bytes(), crate::fs::Access::Shared).unwrap();
    let missing = folder.path().join("missing");
    let list = format!("{}:{}:", missing.display(), path.display());
    (folder, Connection { kubeconfig: Some(list), ..Connection::default() })
}

#[test]
fn the_current_context_unless_another_is_named() {
    let (_folder, mut connection) = with_file(TWO);
    let target = run(&connection).unwrap();
    assert_eq!(target.context.as_deref(), Some("dev"));
    assert_eq!(target.config.cluster_url.host(), Some("one.example.org"));
    assert!(!target.config.default_retry);
    connection.context = Some("production".into());
    connection.proxy.https = Some("http://other:2".into());
    let target = run(&connection).unwrap();
    assert_eq!(target.config.cluster_url.host(), Some("two.example.org"));
    assert_eq!(target.config.proxy_url.unwrap().host(), Some("proxy"));
}

#[test]
fn the_environments_proxy_is_used_as_go_would() {
    let (_folder, mut connection) = with_file(TWO);
    connection.proxy.https = Some("other:2".into());
    assert_eq!(run(&connection).unwrap().config.proxy_url.unwrap().host(), Some("other"));
    connection.proxy.none = Some(".example.org".into());
    assert!(run(&connection).unwrap().config.proxy_url.is_none());
}

#[test]
fn an_unknown_context_gets_a_suggestion() {
    let (_folder, mut connection) = with_file(TWO);
    connection.context = Some("prodution".into());
    let error = run(&connection).err().unwrap();
    assert!(error.message.contains("no context `prodution`"), "{error}");
    assert_eq!(error.hints, ["did you mean `production`?"]);
}

#[test]
fn no_kubeconfig_is_explained() {
    let connection = Connection { home: Some("/nonexistent/home".into()), ..Connection::default() };
    let error = run(&connection).err().unwrap();
    assert_eq!(error.message, "no cluster to talk to");
    assert!(error.causes[0].contains("/nonexistent/home/.kube/config"), "{error}");
}

#[test]
fn a_broken_kubeconfig_is_not_quoted() {
    let (_folder, connection) = with_file("users: [{name: u, user: {token: hunter2hunter2");
    let error = run(&connection).err().unwrap();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn flags_override_the_file() {
    let (_folder, mut connection) = with_file(TWO);
    connection.token = Some(Secret::new("tok".into()));
    connection.as_user = Some("eve".into());
    connection.as_groups = vec!["g1".into(), "g2".into()];
    connection.api_server = Some("https://other.example.org".into());
    let config = run(&connection).unwrap().config;
    assert_eq!(config.cluster_url.host(), Some("other.example.org"));
    assert_eq!(config.tls_server_name, None);
    assert_eq!(config.auth_info.token.as_ref().unwrap().expose_secret(), "tok");
    assert_eq!((config.auth_info.username, config.auth_info.impersonate.as_deref()), (None, Some("eve")));
    assert_eq!(config.auth_info.impersonate_groups.unwrap(), ["g1", "g2"]);
    connection.tls_server_name = Some("name".into());
    connection.insecure_skip_tls_verify = true;
    let config = run(&connection).unwrap().config;
    assert_eq!((config.tls_server_name.as_deref(), config.accept_invalid_certs), (Some("name"), true));
}

#[test]
fn flags_alone_are_enough() {
    let connection = Connection {
        api_server: Some("https://c.example.org".into()),
        token: Some(Secret::new("tok".into())),
        ..Connection::default()
    };
    let target = run(&connection).unwrap();
    assert_eq!((target.context, target.config.cluster_url.host()), (None, Some("c.example.org")));
    assert!(target.config.auth_info.token.is_some());
}
