//! Moving the ledger between the file in clear and the encrypted one.

use super::{AGE, LIST, PLAIN, RENDER, filtered, hub, identity, sealed, to_age};
use crate::common::{Tree, snapshot};

const TO_AGE: [&str; 6] = ["secrets", "export", "--to", "age", "-n", "dhub"];
const TO_FILE: [&str; 6] = ["secrets", "export", "--to", "file", "-n", "dhub"];

#[test]
fn there_and_back_again() {
    let hub = hub();
    let (before, copies) = (hub.env.read(PLAIN), hub.private_copies());
    let mut out = String::new();
    let mut tell = |args: &[&str]| out += &format!("{}\n", hub.ok(args));
    tell(&to_age(&[&hub.me]));
    let tree = hub.env.tree();
    let (_, file) = tree.files().find(|(path, _)| *path == AGE).unwrap();
    assert_eq!(file.mode, 0o644);
    assert!(tree.text(AGE).starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && !tree.has(PLAIN));
    let now = hub.private_copies();
    assert!(copies.iter().all(|(name, count)| now[name] == count - 1), "the bundle's remain: {now:?}");
    hub.has_its_secrets();
    tell(&LIST);
    tell(&TO_AGE);
    tree.assert_same(&hub.env.tree());
    tell(&TO_FILE);
    assert!(!hub.env.tree().has(AGE));
    assert_eq!(hub.env.read(PLAIN), before);
    assert_eq!(hub.private_copies(), copies);
    tell(&TO_FILE);
    snapshot("stores__moved", filtered(&out));
}

/// Nothing differs, the store's own file included, while the ledger is unchanged; that it would
/// change is seen in the next test.
#[test]
fn an_encrypted_store_renders_the_same_bundle() {
    let hub = sealed();
    let before = hub.env.tree();
    hub.ok(&RENDER);
    before.assert_same(&hub.env.tree());
    std::fs::remove_dir_all(hub.env.path("dhub")).unwrap();
    hub.ok(&RENDER);
    before.assert_same(&hub.env.tree());
}

/// Secrets that a chart needs for the first time go into the store that is there.
#[test]
fn new_secrets_go_into_the_encrypted_store() {
    let hub = sealed();
    hub.seal_gateway();
    let before = hub.env.read("other.secrets.age");
    hub.env.ok(&["render", "daskhub", "-n", "other"]);
    assert_ne!(hub.env.read("other.secrets.age"), before);
    assert!(!hub.env.tree().has(".helm-iris/other.secrets.yaml"));
    let list = hub.env.ok(&["secrets", "list", "-n", "other"]);
    assert!(list.stdout.contains("cookie-secret"), "{list}");
}

/// Whoever has a clone and an identity has the hub's secrets; each of several people does.
#[test]
fn recipients_are_who_was_named_last() {
    let hub = hub();
    let other_path = hub.env.root().join("home/keys.txt");
    let other = identity(&other_path);
    let mut out = String::new();
    let mut tell = |title: &str, run: crate::common::Run| out += &format!("## {title}\n{run}\n");
    tell("two", hub.ok(&to_age(&[&hub.me, &other, &hub.me])));
    let (mine, theirs) = (hub.ok(&LIST), hub.run_as(&other_path, &LIST));
    assert_eq!(mine.to_string(), theirs.to_string());
    std::fs::remove_dir_all(hub.env.path(".helm-iris")).unwrap();
    std::fs::remove_dir_all(hub.env.path("dhub")).unwrap();
    assert_eq!(hub.run_as(&other_path, &RENDER).code, Some(0), "in a clone");
    hub.has_its_secrets();
    let two = hub.env.read(AGE);
    tell("the same two in another order", hub.ok(&to_age(&[&other, &hub.me])));
    assert_eq!(hub.env.read(AGE), two);
    tell("one is left out", hub.ok(&to_age(&[&hub.me])));
    assert_ne!(hub.env.read(AGE), two);
    let theirs = hub.run_as(&other_path, &LIST);
    assert_eq!(theirs.code, Some(1), "{theirs}");
    tell("who was left out", theirs);
    hub.has_its_secrets();
    snapshot("stores__recipients", filtered(&out));
}

/// Killed after the new file was written and before the old one went.
#[test]
fn a_killed_move_is_finished_by_the_same_command() {
    for to in [TO_AGE, TO_FILE] {
        let hub = hub();
        let plain = hub.env.read(PLAIN);
        hub.ok(&to_age(&[&hub.me]));
        hub.env.write(PLAIN, &plain);
        super::mode(&hub.env.path(PLAIN), 0o600);
        for args in [&RENDER[..], &LIST, &["secrets", "export", "--to", "cluster", "--yes", "-n", "dhub"]] {
            let run = hub.refused(args);
            assert!(run.stderr.contains("two local stores") && run.stderr.contains("export --to age"), "{run}");
        }
        let run = hub.ok(&to);
        assert!(run.stderr.contains("Removed"), "{run}");
        assert_ne!(hub.env.tree().has(AGE), hub.env.tree().has(PLAIN));
        hub.has_its_secrets();
        hub.ok(&RENDER);
    }
}

/// Killed for good at any moment: the ledger is always there, and the same command finishes.
#[test]
fn a_move_survives_kills_at_any_moment() {
    let hub = hub();
    let plain = hub.env.read(PLAIN);
    let to_age = to_age(&[&hub.me]);
    let (mut before, mut after) = (0, 0);
    // Up to twice what it takes here and now.
    let start = std::time::Instant::now();
    hub.ok(&to_age);
    hub.ok(&TO_FILE);
    let both = start.elapsed();
    for step in 0..40 {
        for args in [&to_age[..], &TO_FILE] {
            let from = hub.env.tree().has(AGE);
            let mut child = hub.env.command(args).stderr(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(both / 40 * step);
            child.kill().unwrap();
            child.wait().unwrap();
            let tree = hub.env.tree();
            assert!(tree.has(AGE) || tree.has(PLAIN), "{}", tree.listing());
            *if tree.has(AGE) == from { &mut before } else { &mut after } += 1;
            hub.ok(args);
            assert_eq!(hub.revealed("login-password"), hub.secrets["login-password"]);
        }
        assert_eq!(hub.env.read(PLAIN), plain);
    }
    assert!(before > 0 && after > 0, "a control: {before} were killed before it was done, {after} after");
}

#[test]
fn two_stores_that_differ_are_both_kept() {
    let hub = sealed();
    let age = hub.env.read(AGE);
    std::fs::remove_file(hub.env.path(AGE)).unwrap();
    let run = hub.ok(&RENDER);
    assert!(run.stderr.contains("is gone"), "a control: it makes new ones {run}");
    hub.env.write(AGE, age);
    let mut out = String::new();
    for args in [&TO_AGE[..], &TO_FILE, &to_age(&[&hub.me]), &RENDER] {
        out += &format!("{}\n", hub.refused(args));
    }
    snapshot("stores__differ", filtered(&out));
}

/// What a killed write of the encrypted file left goes away; what belongs to others stays.
#[test]
fn leftovers_are_cleared_away() {
    let hub = sealed();
    let old = std::time::SystemTime::now() - std::time::Duration::from_mins(2);
    for name in [".dhub.secrets.age.Ab12Cd.tmp", ".notes.Ab12Cd.tmp"] {
        hub.env.write(name, "-----BEGIN");
        std::fs::File::options().write(true).open(hub.env.path(name)).unwrap().set_modified(old).unwrap();
    }
    hub.ok(&RENDER);
    let tree = Tree::of(&hub.env.path(""));
    assert!(!tree.has(".dhub.secrets.age.Ab12Cd.tmp") && tree.has(".notes.Ab12Cd.tmp"), "{}", tree.listing());
}
