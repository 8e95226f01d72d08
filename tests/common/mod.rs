//! What the tests share: an empty environment, transcripts, trees of files, snapshots.

mod archives;
mod certificates;
mod env;
mod tree;
mod upstream;

use std::path::{Path, PathBuf};

pub(crate) use archives::{ChartArchive, archive};
pub(crate) use certificates::Authority;
pub(crate) use env::{Run, TestEnv, forms};
pub(crate) use tree::Tree;
pub(crate) use upstream::{Upstream, upstream};

/// The root of the repository.
pub(crate) fn repo() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A text file.
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file with its folders.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The names of the shipped charts, from the folders: a new chart is a case by itself.
pub(crate) fn shipped_charts() -> Vec<String> {
    entries(&repo().join("charts"))
}

/// Those of them that install something.
pub(crate) fn installable() -> Vec<String> {
    let installs = |chart: &String| repo().join("charts").join(chart).join("values.yaml.tera").exists();
    shipped_charts().into_iter().filter(installs).collect()
}

/// The settings without which a shipped chart is not rendered.
pub(crate) fn needed_settings(chart: &str) -> &'static [&'static str] {
    match chart {
        "external" => &["--set", "database.host=db.example.org"],
        _ => &[],
    }
}

/// The names of the shipped profiles, from the folder: a new profile is a case by itself.
pub(crate) fn shipped_profiles() -> Vec<String> {
    entries(&repo().join("profiles"))
}

/// The sorted names of a folder's entries, those of YAML files without their ending.
pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().trim_end_matches(".yaml").to_owned();
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// Compares with `tests/snapshots/<name>.snap`.
#[track_caller]
pub(crate) fn snapshot(name: &str, text: impl std::fmt::Display) {
    snapshot_in(&repo().join("tests/snapshots"), name, text);
}

/// Compares with `<folder>/<name>.snap`.
#[track_caller]
pub(crate) fn snapshot_in(folder: &Path, name: &str, text: impl std::fmt::Display) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text.to_string()));
}

/// Runs a test for each case and tells all that failed, not only the first.
pub(crate) fn each<T: std::fmt::Display>(cases: impl IntoIterator<Item = T>, test: impl Fn(&T)) {
    let mut failed = Vec::new();
    let mut count = 0;
    for case in cases {
        count += 1;
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&case))).is_err() {
            failed.push(case.to_string());
        }
    }
    assert!(failed.is_empty(), "{} of {count} cases failed: {}", failed.len(), failed.join(", "));
    assert!(count > 0, "there are cases");
}

/// Says that something could not be tried here.
pub(crate) fn skipped(what: &str, why: &str) {
    eprintln!("SKIPPED: {what}: {why}");
}

/// So many cases of a property; a failing one is printed, and belongs into a test of its own.
pub(crate) fn cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config { cases, failure_persistence: None, ..Default::default() }
}

/// Moments of a run that takes 1, by chance and the same every time: one in each of as many equal parts,
/// and a little beyond the end.
pub(crate) fn moments(seed: u64, count: u32) -> Vec<f64> {
    let mut state = seed;
    let mut chance = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX)
    };
    (0..count).map(|part| 1.1 * (f64::from(part) + chance()) / f64::from(count)).collect()
}
