//! The same input gives the same bytes: no clock, chance, network, environment or map order.

use std::process::Command;

use crate::common::{TestEnv, Tree, each, installable, needed_settings, shipped_profiles};

const SITE: &str = "\
profile: cumulus
login:
  allowAll: false
  allowedUsers: [zoe, ada]
  adminUsers: [ada]
loadBalancer:
  address: 192.0.2.7
  annotations:
    z.example.org/one: '1'
    a.example.org/two: 'yes'
scheduling:
  workerTolerations:
    - {key: dask, operator: Exists}
values:
  daskhub:
    jupyterhub:
      singleuser:
        extraEnv: {B: '1', A: '2'}
";

#[test]
fn two_empty_homes_give_the_same_files() {
    let profiles = shipped_profiles().into_iter().map(|profile| format!("{profile} daskhub"));
    let charts = installable().into_iter().map(|chart| format!("cumulus {chart}"));
    each(profiles.chain(charts), |case| {
        let (profile, chart) = case.split_once(' ').unwrap();
        let [one, two] = [TestEnv::new(), TestEnv::new()].map(|env| {
            env.ok(&[&["render", chart, "--profile", profile], needed_settings(chart)].concat());
            env
        });
        assert_eq!(one.tree().public(), two.tree().public());
        let (mine, theirs) = (one.secrets(), two.secrets());
        assert_eq!(mine.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (name, value) in &mine {
            assert_ne!(Some(value), theirs.get(name), "a control: the homes do have secrets of their own");
        }
    });
}

#[test]
fn the_same_home_gives_the_same_bytes_also_after_the_bundle_was_deleted() {
    let env = TestEnv::with_site(SITE);
    env.ok(&["render", "daskhub"]);
    let first = env.tree();
    env.ok(&["render", "daskhub"]);
    first.assert_same(&env.tree());
    std::fs::remove_dir_all(env.path("dhub")).unwrap();
    env.ok(&["render", "daskhub"]);
    first.assert_same(&env.tree());
    env.edit("iris.yaml", "192.0.2.7", "192.0.2.8");
    env.ok(&["render", "daskhub"]);
    assert_ne!(first, env.tree(), "a control: other input gives other bytes");
}

/// Unchanged files are not written again: their times stay.
#[test]
fn what_did_not_change_is_not_written() {
    let env = TestEnv::with_site(SITE);
    env.ok(&["render", "daskhub"]);
    let times = || {
        ["dhub/daskhub/values.yaml", "dhub/REVIEW.md", ".helm-iris/dhub.secrets.yaml"]
            .map(|file| std::fs::metadata(env.path(file)).unwrap().modified().unwrap())
    };
    let before = times();
    std::thread::sleep(std::time::Duration::from_millis(15));
    env.ok(&["render", "daskhub"]);
    assert_eq!(before, times());
}

#[test]
fn environment_and_folder_do_not_matter() {
    let usual = TestEnv::with_site(SITE);
    usual.ok(&["render", "daskhub"]);
    let expected = usual.tree().public();

    let vary = |set: &dyn Fn(&mut Command)| {
        let env = TestEnv::with_site(SITE);
        let mut command = env.command(&["render", "daskhub"]);
        set(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        env.tree().public()
    };
    for (name, value) in [
        ("TZ", "Pacific/Kiritimati"),
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "ja_JP.UTF-8"),
        ("HOME", "/nonexistent"),
        ("COLUMNS", "40"),
        ("NO_COLOR", "1"),
        ("HELM_IRIS_LOG", "trace"),
        ("HELM_DEBUG", "true"),
        ("KUBECONFIG", "/nonexistent"),
    ] {
        assert_eq!(vary(&|command| _ = command.env(name, value)), expected, "{name}");
    }
    let changed = vary(&|command| _ = command.env("HELM_NAMESPACE", "other"));
    assert_ne!(changed, expected, "a control: what is meant to matter does");
}

/// The umask decides on modes, never on content, and secrets stay private under any.
#[test]
fn umask_does_not_matter() {
    let render = |umask: &str| {
        let env = TestEnv::with_site(SITE);
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(format!("umask {umask}; exec \"$0\" \"$@\"")).arg(env!("CARGO_BIN_EXE_helm-iris"));
        env.clear(&mut shell);
        let output = shell.args(["render", "daskhub"]).current_dir(env.path("")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        env.assert_secrets_are_private();
        env.tree()
    };
    let mode = |tree: &Tree| tree.files().find(|(path, _)| path.ends_with("REVIEW.md")).unwrap().1.mode;
    let [open, usual, closed] = ["000", "022", "077"].map(render);
    assert_eq!([mode(&open), mode(&usual), mode(&closed)], [0o666, 0o644, 0o600], "a control: the umask was taken");
    assert_eq!(open.public(), usual.public());
    assert_eq!(closed.public(), usual.public());
}

#[test]
fn the_current_folder_does_not_matter() {
    let here = TestEnv::with_site(SITE);
    here.ok(&["render", "daskhub"]);
    let there = TestEnv::new();
    there.write("sites/one/iris.yaml", SITE);
    there.write("elsewhere/x", "");
    let mut command =
        there.command(&["render", "daskhub", "-f", "../sites/one/iris.yaml", "--output-dir", "deep/dhub"]);
    let output = command.current_dir(there.path("elsewhere")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (here, there) = (here.tree(), there.tree());
    let bundle = |tree: &Tree, folder: &str| -> std::collections::BTreeMap<_, _> {
        let inside = |(path, bytes): (String, Vec<u8>)| Some((path.strip_prefix(folder)?.to_owned(), bytes));
        tree.public().into_iter().filter_map(inside).collect()
    };
    let (ours, theirs) = (bundle(&here, "dhub/"), bundle(&there, "elsewhere/deep/dhub/"));
    assert!(ours.len() > 5);
    assert_eq!(ours, theirs);
    assert!(there.has("sites/one/.helm-iris/dhub.secrets.yaml"), "secrets are kept beside the site file");
    assert!(!there.has("elsewhere/.helm-iris"));
}
