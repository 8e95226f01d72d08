//! The local store of secrets: never readable by others, never replaced because it is damaged.

use std::os::unix::fs::PermissionsExt;

use crate::common::{TestEnv, snapshot};

const STORE: &str = ".helm-iris/dhub.secrets.yaml";

fn rendered() -> TestEnv {
    let env = TestEnv::with_site("profile: cumulus\n");
    env.ok(&["render", "daskhub"]);
    env
}

fn mode(env: &TestEnv, mode: u32) {
    std::fs::set_permissions(env.path(STORE), std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Replaces the store's text, keeping it private.
fn store(env: &TestEnv, text: impl AsRef<[u8]>) {
    env.write(STORE, text);
    mode(env, 0o600);
}

#[test]
fn stores_that_are_not_right_are_refused_and_kept() {
    let mut out = String::new();
    let mut refused = |title: &str, change: &dyn Fn(&TestEnv)| {
        let env = rendered();
        let secrets = env.secrets();
        change(&env);
        for args in [vec!["render", "daskhub"], vec!["secrets", "list", "-n", "dhub"]] {
            let run = env.refused(&args);
            assert_eq!(run.code, Some(1), "{title}");
            for (name, value) in &secrets {
                assert!(!run.to_string().contains(value), "{title}: {name} is shown");
            }
            out += &format!("## {title}\n{run}\n");
        }
    };
    refused("readable by others", &|env| mode(env, 0o644));
    refused("readable by the group", &|env| mode(env, 0o640));
    refused("cut in the middle", &|env| {
        let text = env.read(STORE);
        store(env, &text[..text.len() / 2]);
    });
    refused("empty", &|env| store(env, ""));
    refused("something else", &|env| store(env, "hello: world\n"));
    refused("not YAML", &|env| store(env, "{{{{\n"));
    refused("not text", &|env| store(env, b"format: 1\nx: caf\xe9\n"));
    refused("of a newer format", &|env| {
        let text = env.read(STORE);
        store(env, text.replace("format: 1", "format: 2"));
    });
    refused("an unknown kind", &|env| {
        let text = env.read(STORE);
        store(env, text.replace("kind: hex32", "kind: hex64"));
    });
    refused("a folder", &|env| {
        std::fs::remove_file(env.path(STORE)).unwrap();
        std::fs::create_dir(env.path(STORE)).unwrap();
        mode(env, 0o700);
    });
    snapshot("store__refused", out);
}

/// The fix that is told is the fix.
#[test]
fn the_store_is_taken_again_after_the_fix() {
    let env = rendered();
    let before = env.tree();
    mode(&env, 0o644);
    let run = env.refused(&["render", "daskhub"]);
    assert!(run.stderr.contains("chmod 600"), "{run}");
    mode(&env, 0o600);
    env.ok(&["render", "daskhub"]);
    before.assert_same(&env.tree());
}

#[test]
fn secrets_are_listed_without_values_and_shown_only_when_asked() {
    let env = rendered();
    let list = env.ok(&["secrets", "list", "-n", "dhub"]);
    let show = env.ok(&["secrets", "show", "login-password", "-n", "dhub"]);
    let unknown = env.refused(&["secrets", "show", "login-pasword", "-n", "dhub"]);
    let value = env.secrets()["login-password"].clone();
    // `run` refuses outputs that hold a secret; this one must.
    let args = ["secrets", "show", "login-password", "--reveal", "-n", "dhub"];
    let revealed = env.command(&args).output().unwrap();
    assert_eq!(String::from_utf8(revealed.stdout.clone()).unwrap(), format!("{value}\n"));
    let fingerprints = |text: String| {
        let hidden = |word: &str| word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let line = |line: &str| {
            line.split(' ')
                .map(|word| if hidden(word) { "[FINGERPRINT….]" } else { word })
                .collect::<Vec<_>>()
                .join(" ")
        };
        text.lines().map(|text| line(text) + "\n").collect::<String>()
    };
    snapshot("secrets", fingerprints(format!("{list}\n{show}\n{unknown}\n{}", env.finish(&args, &revealed))));
    let again = env.ok(&["secrets", "list", "-n", "dhub", "-o", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), env.secrets().len());
}

/// Two hubs of one folder have secrets of their own; one hub keeps its secrets whatever is rendered.
#[test]
fn secrets_belong_to_a_hub() {
    let env = rendered();
    let first = env.secrets();
    env.ok(&["render", "daskhub", "-n", "other"]);
    env.ok(&["render", "daskhub", "--profile", "kind"]);
    let store = |name: &str| -> serde_json::Value {
        serde_yaml::from_str(&env.read(&format!(".helm-iris/{name}.secrets.yaml"))).unwrap()
    };
    let (ours, others) = (store("dhub"), store("other"));
    assert_ne!(ours["fingerprintKey"], others["fingerprintKey"]);
    for (name, value) in first {
        assert_eq!(ours["secrets"][&name]["value"], value, "{name} is kept");
        assert_ne!(others["secrets"][&name]["value"], value, "{name} is the other hub's own");
    }
    env.assert_secrets_are_private();
}

/// A store that was deleted is not replaced in silence.
#[test]
fn a_store_that_is_gone_is_told() {
    let env = rendered();
    let before = env.secrets();
    std::fs::remove_dir_all(env.path(".helm-iris")).unwrap();
    let run = env.ok(&["render", "daskhub"]);
    assert!(run.stderr.contains("dhub.secrets.yaml is gone"), "{run}");
    assert_ne!(env.secrets(), before, "a control: these are new ones");
    let again = env.ok(&["render", "daskhub"]);
    assert!(!again.stderr.contains("is gone"), "{again}");
}

/// Many at once in one folder: all agree on the same secrets, and the bundle is whole.
#[test]
fn renders_at_the_same_time_do_not_mix() {
    let env = TestEnv::with_site("profile: cumulus\n");
    let children: Vec<_> = (0..6).map(|_| env.command(&["render", "daskhub", "-q"]).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    env.assert_secrets_are_private();
    assert!(helm_iris::bundle::Bundle::open(&env.path("dhub")).is_ok());
    let together = env.tree();
    env.ok(&["render", "daskhub"]);
    together.assert_same(&env.tree());
}
