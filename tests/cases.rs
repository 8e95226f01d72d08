//! `tests/cases/<case>/`: a command line and the files it meets, with the whole transcript.
//!
//! `cmd` holds one command line per line, `in/` the working folder. A command that fails must leave
//! every file as it was. `out.snap` is what a person sees.

use std::fmt::Write as _;
use std::path::Path;

use walkdir::WalkDir;

use crate::common::{TestEnv, each, entries, read, repo, snapshot_in};

#[test]
fn cases() {
    let folder = repo().join("tests/cases");
    each(entries(&folder), |case| run(&folder.join(case)));
}

fn run(case: &Path) {
    let env = TestEnv::new();
    fill(&env, &case.join("in"));
    let mut out = String::new();
    for line in read(&case.join("cmd")).lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let args = words(line);
        let before = env.tree();
        let run = env.run(&args);
        let after = env.tree();
        let _ = write!(out, "{run}");
        if run.code == Some(0) {
            for (path, file) in after.files().filter(|(path, _)| !before.has(path)) {
                let _ = writeln!(out, "──── new file {path} ({:04o})", file.mode);
            }
        } else {
            before.assert_same(&after);
            let _ = writeln!(out, "──── no file was touched");
        }
        out.push('\n');
    }
    assert!(!out.is_empty(), "{} runs something", case.display());
    snapshot_in(case, "out", out);
}

/// Copies the files of a case into the working folder.
fn fill(env: &TestEnv, from: &Path) {
    for entry in WalkDir::new(from).min_depth(1).into_iter().filter_map(Result::ok) {
        let inside = entry.path().strip_prefix(from).unwrap().to_string_lossy().into_owned();
        if entry.file_type().is_file() {
            env.write(&inside, std::fs::read(entry.path()).unwrap());
        } else {
            std::fs::create_dir_all(env.path(&inside)).unwrap();
        }
    }
}

/// Splits a line as a shell would, as far as single quotes go.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn words_are_split_like_a_shell_does() {
    assert_eq!(words("render  --set 'a b=c' '' x'y'z"), ["render", "--set", "a b=c", "", "xyz"]);
}
