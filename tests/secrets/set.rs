//! Secrets that people bring: checked, kept, named in the site file, and written nowhere else.

use crate::common::{TestEnv, forms, snapshot};

const SITE: &str = "profile: cumulus
values:
  daskhub:
    jupyterhub:
      hub:
        config:
          GitHubOAuthenticator:
            client_id: the-client-id
            client_secret: {secret: github-client-secret}
";
const CLIENT_SECRET: &str = "ghs_16C7e42F292c6912E7#%!";

fn set(env: &TestEnv, name: &str, value: &str) -> crate::common::Run {
    env.run_with_input(&["secrets", "set", name, "-n", "dhub"], value.as_bytes())
}

#[test]
fn what_a_person_brings_is_in_secrets_yaml_alone() {
    let env = TestEnv::with_site(SITE);
    let run = set(&env, "github-client-secret", &format!("{CLIENT_SECRET}\n"));
    assert_eq!(run.code, Some(0), "{run}");
    let render = env.ok(&["render", "daskhub"]);
    assert!(!render.stderr.contains("github"), "{render}");
    assert_eq!(env.secrets()["github-client-secret"], CLIENT_SECRET, "without the line's end");
    env.assert_secrets_are_private();
    let values: serde_json::Value = serde_yaml::from_str(&env.read("dhub/daskhub/secrets.yaml")).unwrap();
    let at = "/jupyterhub/hub/config/GitHubOAuthenticator/client_secret";
    assert_eq!(values.pointer(at).unwrap(), CLIENT_SECRET);
    let overrides = env.read("dhub/daskhub/overrides.yaml");
    assert!(overrides.contains("the-client-id") && !overrides.contains("client_secret"), "{overrides}");
    let (bundle, review) = (env.read("dhub/bundle.yaml"), env.read("dhub/REVIEW.md"));
    assert!(bundle.contains("daskhub:jupyterhub.hub.config.GitHubOAuthenticator.client_secret"), "{bundle}");
    assert!(review.contains("github-client-secret"), "{review}");
    let before = env.tree();
    env.ok(&["render", "daskhub"]);
    before.assert_same(&env.tree());
}

#[test]
fn keys_come_from_files_and_keep_their_lines() {
    let env = TestEnv::with_site(
        "profile: cumulus\nvalues:\n  daskhub: {jupyterhub: {proxy: {https: {manual: {key: {secret: tls-key}}}}}}\n",
    );
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHplanted\n-----END PRIVATE KEY-----\n";
    env.write("key.pem", pem);
    env.ok(&["secrets", "set", "tls-key", "--from-file", "key.pem", "-n", "dhub"]);
    std::fs::remove_file(env.path("key.pem")).unwrap();
    env.ok(&["render", "daskhub"]);
    let values: serde_json::Value = serde_yaml::from_str(&env.read("dhub/daskhub/secrets.yaml")).unwrap();
    assert_eq!(values.pointer("/jupyterhub/proxy/https/manual/key").unwrap(), pem);
    // A text of several lines is written in several forms; one line of it is enough to find it.
    let tree = env.tree();
    let holding = tree.files().filter(|(_, file)| String::from_utf8_lossy(&file.bytes).contains("BCIEIHplanted"));
    let modes: Vec<u32> = holding.map(|(_, file)| file.mode).collect();
    assert_eq!(modes, [0o600, 0o600], "the store and secrets.yaml");
}

#[test]
fn what_cannot_serve_is_refused_without_showing_it() {
    let env = TestEnv::with_site("profile: cumulus\n");
    env.ok(&["render", "daskhub"]);
    let token = env.secrets()["dask-gateway-token"].clone();
    let before = env.tree();
    let mut out = String::new();
    for (name, value) in [
        ("cookie-secret", "abcdef0123"),
        ("cookie-secret", "no hex at all, but long enough to pass for one, so that is told"),
        ("login-password", "<your password>"),
        ("login-password", "password1"),
        ("login-password", "p@ss/word:with?these"),
        ("login-admin-password", "twenty-characters-xx"),
        ("proxy-token", &token),
        ("my-client-secret", "two\nlines and more"),
        ("my-client-secret", ""),
        ("my-client-secret", "\n"),
        ("login-passwort", "long-enough-and-fine"),
        ("Not_a_Name", "long-enough-and-fine"),
    ] {
        let run = set(&env, name, value);
        assert_ne!(run.code, Some(0), "{name} {value}: {run}");
        for form in forms(value).iter().filter(|form| form.len() > 4) {
            assert!(!run.to_string().contains(form), "{name}: {run}");
        }
        before.assert_same(&env.tree());
        out += &format!("{run}\n");
    }
    let run = env.run_with_input(&["secrets", "set", "my-key", "-n", "dhub"], b"caf\xe9 latin one");
    out += &format!("{run}\n");
    let run = env.run_with_input(&["secrets", "set", "my-key", "-n", "dhub"], &vec![b'a'; 70_000]);
    out += &format!("{run}\n{}", env.refused(&["secrets", "set", "my-key"]));
    before.assert_same(&env.tree());
    snapshot("secrets_set__refused", out);
}

#[test]
fn a_secret_of_a_chart_can_be_brought_too() {
    let env = TestEnv::with_site("profile: cumulus\n");
    let mut out = set(&env, "login-password", "correct-horse-battery").to_string();
    env.ok(&["render", "daskhub"]);
    assert!(env.read("dhub/daskhub/secrets.yaml").contains("user_password: \"correct-horse-battery\""));
    out += &set(&env, "login-password", "correct-horse-battery").to_string();
    out += &set(&env, "login-password", "another-staple-battery").to_string();
    env.ok(&["render", "daskhub"]);
    assert_eq!(env.secrets()["login-password"], "another-staple-battery");
    let hidden = out.split("fingerprint ").map(|part| part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    snapshot("secrets_set__of_a_chart", hidden.collect::<Vec<_>>().join("fingerprint […]"));
}

#[test]
fn what_nobody_brought_is_told_where_it_is_named() {
    let env = TestEnv::with_site(SITE);
    let run = env.ok(&["render", "daskhub"]);
    for word in ["iris.yaml:9:", "`github-client-secret` is not known", "secrets set github-client-secret -n dhub"] {
        assert!(run.stderr.contains(word), "no {word} in\n{run}");
    }
    assert!(!env.read("dhub/daskhub/secrets.yaml").contains("client_secret:"));
}

#[test]
fn places_where_no_secret_can_stand_are_refused() {
    let site = "profile: cumulus
values:
  daskhub:
    jupyterhub:
      proxy: {secretToken: {secret: mine}}
      hub:
        extraEnv:
          - {name: A, value: {secret: mine}}
        config: {CryptKeeper: {secret: mine}, JupyterHub: {admin_access: {secret: No_Name}}}
        annotations:
          dotted.key/x: {secret: mine}
";
    let env = TestEnv::with_site(site);
    snapshot("secrets_set__places", env.refused(&["render", "daskhub"]));
}

/// A slip would go to the chart as a map, in silence; a chart's own maps with a key `secret` may.
#[test]
fn what_is_nearly_a_reference_is_told() {
    let own = "          Own:
            id: {secret: 73914}
            tls: {secret: my-tls, hosts: []}
            features: {secret: true}
            login: {secret: login-password, more: x}
";
    let site = SITE.replace("{secret: github-client-secret}", "{secret: github-client-secret, extra: 1}") + own;
    let env = TestEnv::with_site(site);
    let refused = env.refused(&["render", "daskhub"]);
    assert!(!refused.stderr.contains("73914"), "it may be the secret itself: {refused}");
    snapshot("secrets_set__nearly", refused);
    env.edit("iris.yaml", ", extra: 1", "");
    env.edit("iris.yaml", "{secret: 73914}", "id");
    let run = env.ok(&["render", "daskhub"]);
    assert!(run.stderr.contains("`jupyterhub.hub.config.Own.login` has `secret` and other keys (more)"), "{run}");
    assert!(!run.stderr.contains("my-tls") && !run.stderr.contains("features"), "{run}");
    assert!(env.read("dhub/daskhub/overrides.yaml").contains("my-tls"));
}
