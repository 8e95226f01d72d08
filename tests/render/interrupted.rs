//! Stopped anywhere, run again: the same command finishes the work and loses nothing.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use helm_iris::bundle::Bundle;

use crate::common::TestEnv;

const OLD: &str = "profile: cumulus\n";
const NEW: &str = "profile: cumulus\nusers: {homeSize: 77Gi, startTimeout: 1234}\nstorage: {className: fast}\n";

/// The files of the bundle as each site file makes them, in the home of `env`.
fn bundle_of(env: &TestEnv, site: &str) -> BTreeMap<String, Vec<u8>> {
    env.write("iris.yaml", site);
    env.ok(&["render", "daskhub"]);
    env.tree().files().map(|(path, file)| (path.to_owned(), file.bytes.clone())).collect()
}

/// The old bundle, the manifest of the new one beside it, and so many of the new files in place.
fn interrupted(env: &TestEnv, old: &BTreeMap<String, Vec<u8>>, new: &BTreeMap<String, Vec<u8>>, done: usize) -> usize {
    std::fs::remove_dir_all(env.path("dhub")).unwrap();
    for (path, bytes) in old.iter().filter(|(path, _)| path.starts_with("dhub/")) {
        env.write(path, bytes);
    }
    env.write("dhub/bundle.next.yaml", &new["dhub/bundle.yaml"]);
    let files: Vec<_> =
        new.iter().filter(|(path, _)| path.starts_with("dhub/") && !path.ends_with("bundle.yaml")).collect();
    for (path, bytes) in files.iter().take(done) {
        env.write(path, bytes);
    }
    files.len()
}

#[test]
fn a_swap_that_stopped_anywhere_is_finished_by_the_next_render() {
    let env = TestEnv::new();
    let (old, new) = (bundle_of(&env, OLD), bundle_of(&env, NEW));
    let differing = new.iter().filter(|(path, bytes)| old.get(*path) != Some(bytes)).count();
    assert!(differing > 3, "a control: the bundles differ");
    let steps = interrupted(&env, &old, &new, 0);
    for done in 0..=steps {
        for (site, wanted) in [(NEW, &new), (OLD, &old)] {
            interrupted(&env, &old, &new, done);
            env.write("iris.yaml", site);
            env.ok(&["render", "daskhub"]);
            let tree = env.tree();
            let found: BTreeMap<_, _> =
                tree.files().map(|(path, file)| (path.to_owned(), file.bytes.clone())).collect();
            let paths = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
            assert_eq!(paths(&found), paths(wanted), "after {done} of {steps} files, to {site}");
            assert!(found == *wanted, "after {done} of {steps} files, to {site}");
        }
    }
}

/// A half-written bundle is never taken for a bundle; one that lacks only the last rename is.
#[test]
fn a_bundle_that_was_being_written_is_not_applied() {
    let env = TestEnv::new();
    let (old, new) = (bundle_of(&env, OLD), bundle_of(&env, NEW));
    let steps = interrupted(&env, &old, &new, 0);
    let error = Bundle::open(&env.path("dhub")).unwrap_err();
    assert!(error.to_string().contains("was being written when something stopped it"), "{error}");
    assert!(error.hints[0].contains("helm iris render"), "{error:?}");
    interrupted(&env, &old, &new, steps);
    let bundle = Bundle::open(&env.path("dhub")).unwrap();
    assert_eq!(bundle.digest(), helm_iris::fs::sha256_hex(&new["dhub/bundle.yaml"]));
    assert!(!env.tree().has("dhub/bundle.next.yaml"));
    assert!(old.contains_key("dhub/storage/values.yaml") && !new.contains_key("dhub/storage/values.yaml"), "a control");
    assert!(!env.tree().has("dhub/storage/values.yaml"), "what the new bundle lacks is gone");
}

/// An edit that was there when the swap stopped is kept by the run that finishes it.
#[test]
fn an_edit_survives_an_interrupted_swap() {
    let env = TestEnv::new();
    let (old, new) = (bundle_of(&env, OLD), bundle_of(&env, NEW));
    interrupted(&env, &old, &new, 2);
    env.edit("dhub/daskhub/values.yaml", "every: 600", "every: 601");
    env.write("iris.yaml", OLD);
    let run = env.run(&["render", "daskhub"]);
    let files = format!("{}{}", env.read("dhub/daskhub/values.yaml"), env.read("dhub/daskhub/overrides.yaml"));
    assert!(files.contains("every: 601"), "{run}");
}

/// Really killed, at many moments: the next run makes what an undisturbed one makes.
#[test]
fn a_killed_render_is_finished_by_the_next() {
    let env = TestEnv::new();
    let (old, new) = (bundle_of(&env, OLD), bundle_of(&env, NEW));
    let start = Instant::now();
    env.ok(&["render", "daskhub"]);
    let whole = start.elapsed();
    let mut killed = 0;
    for step in 0..16 {
        for (path, bytes) in &old {
            env.write(path, bytes);
        }
        env.write("iris.yaml", NEW);
        let mut child = env.command(&["render", "daskhub"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * step / 13);
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().code().is_none());
        env.ok(&["render", "daskhub"]);
        let tree = env.tree();
        assert!(!tree.has("dhub/bundle.next.yaml"), "the swap is finished");
        for (path, bytes) in &new {
            assert_eq!(tree.text(path).as_bytes(), bytes, "{path}, killed after {:?}", whole * step / 13);
        }
    }
    // What a kill leaves lying is a temporary file: ignored by git, and private if it holds a secret.
    env.assert_secrets_are_private();
    assert!(killed > 3, "a control: {killed} were killed before their end; one takes {whole:?}");
    assert!(whole < Duration::from_secs(5));
}

/// A temporary file of a write that was killed may hold secrets: the next run clears it away.
#[test]
fn what_a_killed_write_left_is_cleared_away() {
    let env = TestEnv::new();
    bundle_of(&env, OLD);
    let left = ["dhub/daskhub/.secrets.yaml.Ab12Cd.tmp", ".helm-iris/.dhub.secrets.yaml.Ab12Cd.tmp"];
    for path in left {
        env.write(path, "secret");
        let file = std::fs::File::open(env.path(path)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_mins(2)).unwrap();
    }
    env.ok(&["render", "daskhub"]);
    assert!(left.iter().all(|path| !env.tree().has(path)));
}
