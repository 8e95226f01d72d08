//! Opening a bundle that somebody brings: only what was reviewed may be applied.

use helm_iris::bundle::Bundle;
use helm_iris::error::Error;

use crate::common::{TestEnv, each, snapshot};

fn shown(env: &TestEnv, title: &str, error: &Error) -> String {
    let problems: String = error
        .problems
        .iter()
        .map(|problem| {
            format!("  {}: {} {}\n", problem.location(), problem.message, problem.fix.as_deref().unwrap_or(""))
        })
        .collect();
    let hints: String = error.hints.iter().map(|hint| format!("  hint: {hint}\n")).collect();
    env.filter(&format!("## {title}\n{error} [exit code {}]\n{problems}{hints}\n", error.kind.exit_code()))
}

#[test]
fn bundles_that_are_not_what_was_reviewed_are_refused() {
    let manifest = "dhub/bundle.yaml";
    let mut out = String::new();
    let mut refused = |title: &str, change: &dyn Fn(&TestEnv)| {
        let env = TestEnv::new();
        env.ok(&["render", "daskhub", "--profile", "cumulus"]);
        assert!(Bundle::open(&env.path("dhub")).is_ok(), "a control: it is right before {title}");
        change(&env);
        let before = env.tree();
        let error = Bundle::open(&env.path("dhub")).expect_err(title);
        before.assert_same(&env.tree());
        out += &shown(&env, title, &error);
    };
    refused("two files changed, one missing", &|env| {
        env.edit("dhub/daskhub/values.yaml", "upgrade: true", "upgrade: false");
        env.edit("dhub/REVIEW.md", "Nothing has been applied", "All is well");
        std::fs::remove_file(env.path("dhub/storage/overrides.yaml")).unwrap();
    });
    refused("one byte added", &|env| {
        env.write("dhub/daskhub/overrides.yaml", env.read("dhub/daskhub/overrides.yaml") + " ");
    });
    refused("a newer format", &|env| env.edit(manifest, "format: 1", "format: 2"));
    refused("a newer format with keys that we do not know", &|env| {
        env.edit(manifest, "format: 1", "format: 7\nsigned: {by: somebody}");
    });
    refused("a Secret that would take the ledger's place", &|env| {
        env.ok(&["render", "daskhub", "--profile", "cumulus", "--set", "secretMode=existing"]);
        assert!(Bundle::open(&env.path("dhub")).is_ok(), "a control: it is right before that");
        env.edit(manifest, "secret: helm-iris-daskhub", "secret: helm-iris-ledger");
    });
    refused("a key that we do not know", &|env| env.edit(manifest, "format: 1", "format: 1\nsigned: yes"));
    refused("no format", &|env| env.edit(manifest, "format: 1\n", ""));
    refused("an empty manifest", &|env| env.write(manifest, ""));
    refused("a manifest that is not YAML", &|env| env.write(manifest, "{{{{"));
    refused("no manifest", &|env| std::fs::remove_file(env.path(manifest)).unwrap());
    refused("no folder", &|env| std::fs::remove_dir_all(env.path("dhub")).unwrap());
    refused("a file instead of a folder", &|env| {
        std::fs::remove_dir_all(env.path("dhub")).unwrap();
        env.write("dhub", "x");
    });
    refused("a broken manifest of a swap", &|env| env.write("dhub/bundle.next.yaml", "format: ["));
    snapshot("bundle__refused", out);
}

#[test]
fn a_manifest_that_leads_out_of_the_bundle_is_refused() {
    let places = [
        ("a file", "path: .gitignore", "path: BAD"),
        ("a values file", "- daskhub/values.yaml", "- BAD"),
        ("the chart's folder", "chart: storage", "chart: BAD"),
    ];
    let bad = ["../../etc/passwd", "/etc/passwd", "daskhub/../../x", "''", "..", ".", "./x"];
    let cases: Vec<_> = places.iter().flat_map(|place| bad.map(|bad| format!("{}: {bad}", place.0))).collect();
    each(cases, |case| {
        let (place, bad) = case.split_once(": ").unwrap();
        let (_, from, to) = places.iter().find(|(name, ..)| *name == place).unwrap();
        let env = TestEnv::new();
        env.ok(&["render", "daskhub", "--profile", "cumulus"]);
        env.edit("dhub/bundle.yaml", from, &to.replace("BAD", bad));
        let error = Bundle::open(&env.path("dhub")).unwrap_err();
        assert!(error.to_string().contains("names a path outside the bundle"), "{error}");
    });
}

/// A link in the bundle is followed for reading, so its target's bytes count: what is applied is
/// still what was reviewed, or it is refused.
#[test]
fn a_link_to_other_bytes_is_refused() {
    let env = TestEnv::new();
    env.ok(&["render", "daskhub", "--profile", "cumulus"]);
    let file = env.path("dhub/daskhub/values.yaml");
    std::fs::rename(&file, env.path("elsewhere.yaml")).unwrap();
    std::os::unix::fs::symlink(env.path("elsewhere.yaml"), &file).unwrap();
    let same = Bundle::open(&env.path("dhub"));
    assert!(same.is_ok(), "{same:?}");
    env.edit("elsewhere.yaml", "upgrade: true", "upgrade: false");
    assert!(Bundle::open(&env.path("dhub")).is_err());
}

/// `render` writes nothing through a manifest of somebody else's either.
#[test]
fn render_over_a_bundle_that_is_not_right_is_refused() {
    let env = TestEnv::new();
    env.ok(&["render", "daskhub", "--profile", "cumulus"]);
    env.edit("dhub/bundle.yaml", "format: 1", "format: 2");
    let newer = env.refused(&["render", "daskhub", "--profile", "cumulus"]);
    env.edit("dhub/bundle.yaml", "format: 2", "format: 1");
    env.write("victim.txt", "mine");
    env.edit("dhub/bundle.yaml", "path: .gitignore", "path: ../victim.txt");
    let outside = env.refused(&["render", "daskhub", "--profile", "cumulus"]);
    snapshot("bundle__render_over_refused", format!("{newer}\n{outside}"));
}

/// `install --bundle` refuses what is not as it was reviewed before it looks for helm or a cluster.
#[test]
fn a_bundle_that_is_not_right_is_not_installed() {
    let mut out = String::new();
    let mut refused = |title: &str, change: &dyn Fn(&TestEnv)| {
        let env = TestEnv::new();
        env.ok(&["render", "daskhub", "--profile", "cumulus"]);
        change(&env);
        let run = env.refused(&["install", "daskhub", "--bundle", "dhub", "--yes"]);
        assert_eq!(run.code, Some(1), "{run}");
        out += &format!("## {title}\n{run}\n");
    };
    refused("a tampered file", &|env| env.edit("dhub/daskhub/values.yaml", "upgrade: true", "upgrade: false"));
    refused("a newer format", &|env| env.edit("dhub/bundle.yaml", "format: 1", "format: 2"));
    refused("a path outside", &|env| env.edit("dhub/bundle.yaml", "path: .gitignore", "path: ../../etc/passwd"));
    refused("a writing that was interrupted", &|env| {
        std::fs::rename(env.path("dhub/bundle.yaml"), env.path("dhub/bundle.next.yaml")).unwrap();
        env.edit("dhub/daskhub/values.yaml", "upgrade: true", "upgrade: false");
    });
    refused("no bundle", &|env| std::fs::remove_dir_all(env.path("dhub")).unwrap());
    snapshot("bundle__not_installed", out);
}
