//! Rungs 1 to 3 of the tests: the binary's whole transcripts in an empty environment, the stages
//! of the library, and contracts with the real schemas of the upstream charts. One binary, because
//! linking is slow.
//!
//! Snapshots are in `tests/snapshots` and `tests/cases/*/`. After a change that is meant:
//! `INSTA_UPDATE=always cargo test --test it`, then read every line that differs.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]
#![expect(clippy::disallowed_methods, reason = "tests start the program, read its files and its environment")]
#![allow(clippy::nonminimal_bool, clippy::similar_names, reason = "what reads best in a test")]
#![expect(clippy::print_stderr, reason = "what was skipped is said")]

mod apps;
mod architecture;
mod bad_input;
mod cases;
mod cluster;
mod common;
mod contracts;
mod database;
mod docs;
mod plugin;
mod pure;
mod reference;
mod render;
mod secrets;
mod stores;

use std::collections::BTreeSet;
use std::path::Path;

use walkdir::WalkDir;

/// Folders of `tests/` that hold no module of this binary.
const NOT_OURS: [&str; 4] = ["cases", "charts", "snapshots", "testbed"];

/// A file that no `mod` names is never compiled, and its tests never run.
#[test]
fn no_test_file_is_forgotten() {
    let tests = common::repo().join("tests");
    let mut sources = BTreeSet::new();
    let mut named = BTreeSet::from([tests.join("main.rs")]);
    let walk = WalkDir::new(&tests).into_iter().filter_entry(|entry| {
        let inside = entry.path().strip_prefix(&tests).unwrap();
        !NOT_OURS.iter().any(|folder| inside == Path::new(folder) && entry.file_type().is_dir())
    });
    for entry in walk.map(Result::unwrap).filter(|entry| entry.path().extension().is_some_and(|end| end == "rs")) {
        let path = entry.path();
        sources.insert(path.to_owned());
        let stem = path.file_stem().unwrap();
        let folder = path.parent().unwrap();
        let below = if stem == "main" || stem == "mod" { folder.to_owned() } else { folder.join(stem) };
        for line in common::read(path).lines() {
            let name = line.trim().trim_start_matches("pub(crate) ").strip_prefix("mod ");
            if let Some(name) = name.and_then(|rest| rest.strip_suffix(';')) {
                named.insert(below.join(format!("{name}.rs")));
                named.insert(below.join(name).join("mod.rs"));
            }
        }
    }
    let forgotten: Vec<_> = sources.difference(&named).collect();
    assert!(forgotten.is_empty(), "no `mod` names {forgotten:?}");
    assert!(sources.len() > 10, "the test sees the sources: {sources:?}");
}

/// A case folder that is misspelt, or a snapshot whose test has gone, would be dead weight.
#[test]
fn no_snapshot_is_left_over() {
    for entry in WalkDir::new(common::repo().join("tests")).into_iter().map(Result::unwrap) {
        let path = entry.path();
        assert!(path.extension().is_none_or(|end| end != "new"), "{} was never accepted", path.display());
        if path.extension().is_some_and(|end| end == "snap") {
            let text = common::read(path);
            let source = text.lines().find_map(|line| line.strip_prefix("source: ")).unwrap();
            assert!(common::repo().join(source).exists(), "{}: its test {source} is gone", path.display());
        }
    }
}
