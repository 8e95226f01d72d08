//! Values that hold YAML: each arrives unchanged, and changes nothing else in the document.

use std::path::Path;

use helm_iris::load::{Request, load};
use helm_iris::workflow::prepare;
use helm_iris::yaml::inline;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{TestEnv, write};

/// What has broken templates of others: YAML syntax, YAML 1.1 words and numbers, breaks, quotes.
fn hostile() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "y",
        "n",
        "yes",
        "No",
        "on",
        "OFF",
        "~",
        "null",
        "true",
        "0755",
        "0o17",
        "0x1F",
        "1_000",
        "12:30:45",
        "1e3",
        ".inf",
        "<<",
        "=",
        "*alias",
        "&anchor",
        "!!str x",
        "!tag",
        "? key",
        "- item",
        "a: b",
        "a:",
        ":",
        "#",
        "# comment",
        " # c",
        "{{ x }}",
        "{% if %}",
        "{# x #}",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        "\"",
        "\\",
        "\\n",
        "|",
        ">",
        "|-",
        "%YAML 1.1",
        "---",
        "...",
        "\n---\n",
        "\n",
        "\r\n",
        "\t",
        " ",
        "",
        "a\nb: c",
        "a\n  - b",
        "x: |\n  y",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{feff}",
        "\u{0}",
        "\u{7}",
        "\u{1b}[2J",
        "\u{7f}",
        "\u{a0}",
        "\u{fffe}",
        "\u{1f600}",
        "e\u{301}",
        "@at",
        "`tick`",
        "$HOME",
        "$(id)",
        "'; rm -rf /'",
        "\" + x + \"",
        "2026.10",
        "9007199254740993",
        "-",
        "--",
    ]);
    let joined = prop::collection::vec(known.clone(), 1..4).prop_map(|parts| parts.concat());
    prop_oneof![known.prop_map(str::to_owned), joined, any::<String>(), "[ -~\n\t]{0,40}"].prop_filter(
        "a placeholder is refused for another reason",
        |text| {
            let text = text.trim().to_lowercase();
            let word = ["changeme", "change-me", "replace-me", "replaceme"].contains(&&*text);
            !(word || text.starts_with('<') && text.ends_with('>'))
        },
    )
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..9_007_199_254_740_991).prop_map(Value::from),
        hostile().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(hostile(), inner, 1..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The values of a release as Helm would read them: rendered and written by the program's stages,
/// read by another parser and merged here.
fn through_the_program(folder: &Path, site: &str, chart: &str) -> Value {
    write(&folder.join("iris.yaml"), site);
    let request = Request {
        chart: chart.to_owned(),
        site_file: Some(folder.join("iris.yaml")),
        profile: None,
        set: Vec::new(),
        namespace: None,
        allow_default_namespace: false,
        output: Some(folder.join("out")),
        cache: folder.join("cache"),
        config_folder: None,
        identity: helm_iris::secrets::IdentityFile::new(folder.join("no-identity")),
    };
    let loaded = load(&request).unwrap_or_else(|error| panic!("{error} {:#?}\n{site}", error.problems));
    let ledger = loaded.ledger().unwrap();
    let validated = prepare(&loaded, &ledger).unwrap_or_else(|error| panic!("{error} {:#?}\n{site}", error.problems));
    validated.write(&loaded, &ledger).unwrap();
    let mut values = Value::Null;
    for file in ["values", "overrides"] {
        let text = crate::common::read(&folder.join(format!("out/{chart}/{file}.yaml")));
        let read: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let ours = helm_iris::yaml::parse(file, &text).unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
        assert_eq!(ours.value, read, "both parsers read the same\n{text}");
        values = if values.is_null() { read } else { merged(values, read) };
    }
    std::fs::remove_dir_all(folder.join("out")).unwrap();
    values
}

fn merged(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let old = base.remove(&key).unwrap_or_default();
                base.insert(key, merged(old, value));
            }
            base.into()
        }
        (_, over) => over,
    }
}

/// Takes a part out of values, leaving null in its place.
fn take(values: &mut Value, pointer: &str) -> Value {
    values.pointer_mut(pointer).map(Value::take).unwrap_or_default()
}

/// A name with which JupyterHub starts: without `/`, and without blanks around it.
fn user(name: &str) -> String {
    format!("u{}u", name.replace('/', ""))
}

proptest! {
    #![proptest_config(crate::common::cases(24))]

    #[test]
    fn settings_arrive_unchanged(
        url in hostile(),
        annotations in prop::collection::btree_map(hostile(), hostile(), 1..4),
        labels in prop::collection::btree_map(hostile(), hostile(), 1..3),
        users in prop::collection::vec(hostile().prop_map(|name| user(&name)), 1..4),
        taint in hostile(),
    ) {
        let env = TestEnv::new();
        let plain = "profile: generic\nusers: {defaultUrl: x}\nloadBalancer: {annotations: {x: x}}\nscheduling: {userNodeSelector: {x: x}, workerTolerations: [{key: x, value: x}]}\nlogin: {adminUsers: [x]}\n";
        let site = format!(
            "profile: generic\nusers: {{defaultUrl: {}}}\nloadBalancer: {{annotations: {}}}\nscheduling: {{userNodeSelector: {}, workerTolerations: [{{key: {2}, value: {2}}}]}}\nlogin: {{adminUsers: {}}}\n",
            inline(&json!(url)), inline(&json!(annotations)), inline(&json!(labels)), inline(&json!(users)),
        ).replace(&format!("{{key: {0}, value: {0}}}", inline(&json!(labels))), &format!("{{key: {0}, value: {0}}}", inline(&json!(taint))));
        let mut expected = through_the_program(env.root(), plain, "daskhub");
        let mut found = through_the_program(env.root(), &site, "daskhub");
        let hub = "/jupyterhub";
        for (pointer, wanted) in [
            (format!("{hub}/singleuser/defaultUrl"), json!(url)),
            (format!("{hub}/proxy/service/annotations"), json!(annotations)),
            (format!("{hub}/singleuser/nodeSelector"), json!(labels)),
            (format!("{hub}/hub/config/Authenticator/admin_users"), json!(users)),
            ("/dask-gateway/gateway/backend/worker/extraPodConfig/tolerations/0/key".to_owned(), json!(taint)),
            ("/dask-gateway/gateway/backend/worker/extraPodConfig/tolerations/0/value".to_owned(), json!(taint)),
            ("/dask-gateway/gateway/backend/scheduler/extraPodConfig/tolerations/0/key".to_owned(), json!(taint)),
            ("/dask-gateway/gateway/backend/scheduler/extraPodConfig/tolerations/0/value".to_owned(), json!(taint)),
        ] {
            prop_assert_eq!(take(&mut found, &pointer), wanted, "{}", pointer);
            prop_assert_ne!(take(&mut expected, &pointer), Value::Null, "a control: {} is there", pointer);
        }
        prop_assert_eq!(found, expected, "nothing else has changed");
    }

    #[test]
    fn raw_values_arrive_unchanged(raw in prop::collection::btree_map(hostile(), any_value(), 1..4)) {
        let env = TestEnv::new();
        let site = format!("profile: generic\nvalues: {{dask-gateway: {{gateway: {{extraConfig: {}}}}}}}\n", inline(&json!(raw)));
        let mut expected = through_the_program(env.root(), "profile: generic\n", "dask-gateway");
        let mut found = through_the_program(env.root(), &site, "dask-gateway");
        let mut extra = take(&mut found, "/gateway/extraConfig");
        let own = take(&mut expected, "/gateway/extraConfig");
        for (key, value) in &raw {
            prop_assert_eq!(&extra[key], value, "{:?}", key);
            extra.as_object_mut().unwrap().remove(key);
        }
        prop_assert_eq!(extra, own, "what the chart has there itself");
        prop_assert_eq!(found, expected, "nothing else has changed");
    }
}

/// `--set` is one value: a line break does not smuggle in another key.
#[test]
fn a_set_option_is_one_value() {
    let env = TestEnv::new();
    for option in
        ["users.homeSize=20Gi\nvalue2: x", "users.homeSize=20Gi\n---\nx: y", "users.homeSize=20Gi\nvalue: 30Gi"]
    {
        let run = env.refused(&["render", "daskhub", "--profile", "cumulus", "--set", option]);
        assert!(run.stderr.contains("--set"), "{run}");
    }
    env.ok(&["render", "daskhub", "--profile", "cumulus", "--set", "users.defaultUrl=\"/a\\nb: c\""]);
    assert!(env.read("dhub/daskhub/values.yaml").contains("defaultUrl: \"/a\\nb: c\""));
}
