//! What a person changed in a bundle is kept in `overrides.yaml` or refused, never lost.

use crate::common::{TestEnv, snapshot};

const SITE: &str =
    "profile: cumulus\nvalues:\n  daskhub:\n    jupyterhub:\n      singleuser:\n        extraEnv: {A: '1'}\n";
const VALUES: &str = "dhub/daskhub/values.yaml";
const OVERRIDES: &str = "dhub/daskhub/overrides.yaml";

fn rendered() -> TestEnv {
    let env = TestEnv::with_site(SITE);
    env.ok(&["render", "daskhub"]);
    env
}

/// What Helm will see at a pointer: values, then overrides.
fn effective(env: &TestEnv, pointer: &str) -> serde_json::Value {
    let mut merged = serde_json::Value::Null;
    for file in [VALUES, OVERRIDES] {
        let value: serde_json::Value = serde_yaml::from_str(&env.read(file)).unwrap();
        merged = if merged.is_null() { value } else { merge(merged, value) };
    }
    merged.pointer(pointer).cloned().unwrap_or_default()
}

fn merge(base: serde_json::Value, over: serde_json::Value) -> serde_json::Value {
    match (base, over) {
        (serde_json::Value::Object(mut base), serde_json::Value::Object(over)) => {
            for (key, value) in over {
                let old = base.remove(&key).unwrap_or_default();
                base.insert(key, merge(old, value));
            }
            base.into()
        }
        (_, over) => over,
    }
}

#[test]
fn an_edit_of_values_is_kept_by_the_next_render_and_the_one_after() {
    let env = rendered();
    let before = env.read(VALUES);
    env.edit(VALUES, "startTimeout: 600", "startTimeout: 1234");
    env.edit(VALUES, "    upgrade: true", "    upgrade: true\n      debug: true");
    let run = env.ok(&["render", "daskhub"]);
    assert_eq!(env.read(VALUES), before, "values.yaml is what the profile makes, with its comments");
    let overrides = env.read(OVERRIDES);
    snapshot("edits__values", format!("{run}──── {OVERRIDES}\n{overrides}"));
    let kept = env.tree();
    env.ok(&["render", "daskhub"]);
    kept.assert_same(&env.tree());
    assert_eq!(effective(&env, "/jupyterhub/singleuser/startTimeout"), 1234);
    assert_eq!(effective(&env, "/jupyterhub/hub/db/debug"), true);
    assert_eq!(effective(&env, "/jupyterhub/singleuser/extraEnv/A"), "1", "the site file's own value");
}

#[test]
fn an_edit_of_overrides_is_kept_by_the_next_render_and_the_one_after() {
    let env = rendered();
    env.edit(OVERRIDES, "A: \"1\"", "A: \"2\"\n      B: \"3\"");
    env.ok(&["render", "daskhub"]);
    let kept = env.tree();
    env.ok(&["render", "daskhub"]);
    kept.assert_same(&env.tree());
    assert_eq!(effective(&env, "/jupyterhub/singleuser/extraEnv/A"), "2");
    assert_eq!(effective(&env, "/jupyterhub/singleuser/extraEnv/B"), "3");
}

/// An edit that was kept is still there when the site file changes something else.
#[test]
fn a_kept_edit_survives_a_changed_site_file() {
    let env = rendered();
    env.edit(VALUES, "startTimeout: 600", "startTimeout: 1234");
    env.ok(&["render", "daskhub"]);
    env.edit("iris.yaml", "profile: cumulus\n", "profile: cumulus\nusers:\n  homeSize: 77Gi\n");
    env.ok(&["render", "daskhub"]);
    assert_eq!(effective(&env, "/jupyterhub/singleuser/startTimeout"), 1234);
    assert_eq!(effective(&env, "/jupyterhub/singleuser/storage/capacity"), "77Gi");
}

/// Both files at once, and an edit on top of a kept edit.
#[test]
fn edits_add_up() {
    let env = rendered();
    env.edit(VALUES, "startTimeout: 600", "startTimeout: 1234");
    env.edit(OVERRIDES, "A: \"1\"", "A: \"2\"");
    env.ok(&["render", "daskhub"]);
    env.edit(OVERRIDES, "1234", "5678");
    env.ok(&["render", "daskhub"]);
    env.ok(&["render", "daskhub"]);
    assert_eq!(effective(&env, "/jupyterhub/singleuser/startTimeout"), 5678);
    assert_eq!(effective(&env, "/jupyterhub/singleuser/extraEnv/A"), "2");
}

/// Taking an edit out of `overrides.yaml` takes it back.
#[test]
fn a_kept_edit_can_be_taken_back() {
    let env = rendered();
    let before = env.tree();
    env.edit(VALUES, "startTimeout: 600", "startTimeout: 1234");
    env.ok(&["render", "daskhub"]);
    env.edit(OVERRIDES, "    startTimeout: 1234\n", "");
    env.ok(&["render", "daskhub"]);
    assert_eq!(effective(&env, "/jupyterhub/singleuser/startTimeout"), 600);
    before.assert_same(&env.tree());
}

#[test]
fn edits_that_cannot_be_kept_are_refused_and_nothing_is_lost() {
    let mut out = String::new();
    let mut refused = |title: &str, change: &dyn Fn(&TestEnv)| {
        let env = rendered();
        change(&env);
        let run = env.refused(&["render", "daskhub"]);
        out += &format!("## {title}\n{run}\n");
    };
    refused("the base has changed as well", &|env| {
        env.edit(VALUES, "startTimeout: 600", "startTimeout: 1234");
        env.edit("iris.yaml", "profile: cumulus", "profile: cumulus\nusers: {homeSize: 77Gi}");
    });
    refused("overrides edited, and the site file's values have changed", &|env| {
        env.edit(OVERRIDES, "A: \"1\"", "A: \"2\"");
        env.edit("iris.yaml", "A: '1'", "A: '9'");
    });
    refused("a key was taken out of values.yaml", &|env| env.edit(VALUES, "    startTimeout: 600\n", ""));
    refused("the edit is not YAML", &|env| env.edit(VALUES, "startTimeout: 600", "startTimeout: [600"));
    refused("the edit is a YAML 1.1 trap", &|env| env.edit(VALUES, "startTimeout: 600", "startTimeout: 0600"));
    refused("the edit sets a secret", &|env| {
        env.edit(VALUES, "      upgrade: true", "      upgrade: true\n      password: hunter2-hunter2");
    });
    refused("the edit leaves a placeholder", &|env| {
        env.edit(VALUES, "defaultUrl: \"/lab\"", "defaultUrl: \"<your url>\"");
    });
    refused("the edit is not UTF-8", &|env| {
        env.write(VALUES, [env.read(VALUES).as_bytes(), b"# caf\xe9\n".as_slice()].concat());
    });
    refused("the file became a folder", &|env| {
        std::fs::remove_file(env.path(VALUES)).unwrap();
        env.write("dhub/daskhub/values.yaml/notes.txt", "mine");
    });
    snapshot("edits__refused", out);
}

/// A comment is an edit too: it would be lost by writing the file anew.
#[test]
fn an_edited_comment_is_not_lost() {
    for (file, from) in [(VALUES, "# Stops servers; files stay."), ("dhub/REVIEW.md", "# Review")] {
        let env = rendered();
        env.edit(file, from, &format!("{from} CHECKED BY ADA"));
        let run = env.run(&["render", "daskhub"]);
        let tree = env.tree();
        let somewhere = tree.files().any(|(_, file)| String::from_utf8_lossy(&file.bytes).contains("CHECKED BY ADA"));
        assert!(somewhere, "{file}: the words are gone\n{run}");
    }
}

/// Files that are not ours stay, also in the folders of charts, and through a change of charts.
#[test]
fn foreign_files_stay() {
    let env = rendered();
    let mine = ["dhub/notes.md", "dhub/daskhub/mine.yaml", "dhub/storage/sub/x", "dhub/other/y", "dhub/.git/HEAD"];
    for file in mine {
        env.write(file, format!("mine {file}"));
    }
    env.ok(&["render", "daskhub"]);
    env.edit("iris.yaml", "profile: cumulus", "profile: kind\nstorage: {className: fast}");
    env.ok(&["render", "daskhub"]);
    let tree = env.tree();
    for file in mine {
        assert_eq!(tree.text(file), format!("mine {file}"));
    }
    assert!(!tree.has("dhub/storage/values.yaml"), "a control: our own file of a chart that is no longer used goes");
}

/// A chart that is no longer used takes no edit with it.
#[test]
fn an_edited_file_of_a_chart_that_is_no_longer_used_stays() {
    let env = rendered();
    env.edit("dhub/storage/values.yaml", "name: \"standard\"", "name: \"mine\"");
    env.edit("iris.yaml", "profile: cumulus", "profile: cumulus\nstorage: {className: fast}");
    let run = env.run(&["render", "daskhub"]);
    let tree = env.tree();
    let somewhere = tree.files().any(|(_, file)| String::from_utf8_lossy(&file.bytes).contains("\"mine\""));
    assert!(somewhere, "the edit is gone\n{run}");
}

/// What happened to an edit is said, and words that values cannot hold are kept beside the file.
#[test]
fn what_becomes_of_an_edit_is_said() {
    let env = rendered();
    env.edit(VALUES, "# Stops servers; files stay.", "# Stops servers. CHECKED BY ADA");
    env.edit("dhub/REVIEW.md", "# Review", "# Reviewed by ADA:");
    env.edit("dhub/.gitignore", "secrets.yaml", "secrets.yaml\nmine");
    let first = env.ok(&["render", "daskhub"]);
    let second = env.ok(&["render", "daskhub"]);
    env.edit(VALUES, "# Stops servers; files stay.", "# Stops servers. CHECKED BY BOB");
    let third = env.ok(&["render", "daskhub"]);
    let warnings = |title: &str, run: crate::common::Run| {
        let lines: String = run
            .stderr
            .lines()
            .filter(|line| line.contains("by hand"))
            .fold(String::new(), |all, line| all + line + "\n");
        format!("## {title}\n{lines}")
    };
    snapshot(
        "edits__said",
        warnings("edited", first)
            + &warnings("again", second)
            + &warnings("edited again", third)
            + "## files\n"
            + &env.tree().listing(),
    );
    assert!(env.read("dhub/daskhub/values.yaml.edited").contains("CHECKED BY ADA"));
    assert!(env.read("dhub/daskhub/values.yaml.edited-2").contains("CHECKED BY BOB"));
}
