//! What README.md, ARCHITECTURE.md and docs/ show is what happens.
//!
//! Fenced blocks say in their first line what they are:
//!
//! ```text
//! ```console                 each `$ …` line is run, in the order of the file, and prints what follows
//! ```console cluster         the same, on a control plane of its own; only in the tests `cluster::`
//!                            There, the few commands of kubectl stand for what somebody else does, and one that
//!                            ends with `Killed` is killed while helm works on the hub.
//! ```console script          a script of this repository; it must exist and know the flags
//! ```yaml file=iris.yaml     a file that the reader writes
//! ```yaml made=dhub/REVIEW.md   what the program has written there by then
//! ```
//!
//! Each file of documentation has a folder and an empty home of its own; the line
//! `<!-- a new folder -->` begins another, and `<!-- a cloud without addresses -->` in it makes its cloud one. In what is shown, a line `...` stands for any lines, and
//! `[...]` for any text. A command that prints a line with `error:` or `FATAL` in front, or a
//! hub that needs attention, must fail; `$ echo $?` shows the
//! exit code of the command before.

mod doctor;
mod markdown;
mod names;
mod plan;
mod reader;
mod reliability;
mod threats;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use markdown::{anchors, links, parts};
use reader::Reader;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All documents that people read, by their path in the repository.
fn documents() -> BTreeMap<String, String> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in [root(), root().join("docs")] {
        paths.extend(fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    let ends = |path: &PathBuf| path.extension().is_some_and(|end| end == "md");
    let documents: BTreeMap<String, String> = paths
        .into_iter()
        .filter(ends)
        .map(|path| (path.strip_prefix(root()).unwrap().display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect();
    for wanted in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/charts.md", "docs/site-file.md"] {
        assert!(documents.contains_key(wanted), "{wanted} is missing");
    }
    documents
}

#[test]
fn commands_print_what_is_shown() {
    let mut all = 0;
    for (name, markdown) in documents() {
        let mut left = 0;
        for part in parts(&markdown) {
            let (ran, needs_a_cluster) = Reader::new().follow(&name, &part);
            all += ran;
            left += needs_a_cluster;
        }
        if left > 0 {
            eprintln!("{left} commands of {name} need a cluster: the tests `cluster::` run them");
        }
    }
    assert!(all > 20, "only {all} commands were run");
}

mod cluster {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::{Reader, documents, parts};

    /// Readers at a time; each has a control plane.
    const READERS: usize = 2;

    #[test]
    fn commands_on_a_cluster_print_what_is_shown() {
        let all: Vec<(String, String)> = documents()
            .into_iter()
            .flat_map(|(name, markdown)| {
                parts(&markdown).into_iter().map(move |part| (name.clone(), part)).collect::<Vec<_>>()
            })
            .filter(|(_, part)| part.contains("```console cluster"))
            .collect();
        assert!(all.len() > 5, "only {} parts were found", all.len());
        let next = AtomicUsize::new(0);
        let read = || {
            while let Some((name, part)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                let Some(mut reader) = Reader::with_a_cluster(!part.contains("<!-- a cloud without addresses -->"))
                else {
                    eprintln!(
                        "SKIPPED: no control plane; `eval \"$(scripts/testbed.sh env)\"` after `scripts/testbed.sh up`"
                    );
                    return;
                };
                let (ran, left) = reader.follow(name, part);
                assert!(ran > 0 && left == 0, "{name}: {ran} commands were run, and {left} were not");
            }
        };
        thread::scope(|scope| (0..READERS).for_each(|_| drop(scope.spawn(read))));
    }
}

#[test]
fn what_is_not_so_is_seen() {
    let follows = |markdown: &str| {
        let markdown = markdown.to_owned();
        std::panic::catch_unwind(move || Reader::new().follow("t.md", &markdown)).is_ok()
    };
    assert!(follows("```console\n$ helm iris charts list -o json\n...\n    \"name\": \"daskhub\",\n...\n```\n"));
    for wrong in [
        "```console\n$ helm iris charts list\n```\n",
        "```console\n$ helm iris charts list\n...\nnothing of the kind\n...\n```\n",
        "```console\n$ helm iris charts show nothing\n...\n```\n",
        "```console\n$ ls\n```\n",
        "```sh\nhelm iris charts list\n```\n",
        "```console script\n$ scripts/nothing.sh\n```\n",
        "```console script\n$ scripts/tools.sh --nothing\n```\n",
        "```yaml made=nothing\n```\n",
        "```\nwhat is it?\n```\n",
    ] {
        assert!(!follows(wrong), "{wrong}");
    }
}

#[test]
fn links_lead_somewhere() {
    let documents = documents();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, markdown) in &documents {
        let folder = Path::new(name).parent().unwrap();
        for (line, target) in links(markdown) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = if path.is_empty() { PathBuf::from(name) } else { folder.join(path) };
            let exists = root().join(&path).exists();
            let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
            if !exists || !anchor.is_empty() && !anchors(&text).contains(anchor) {
                wrong.push(format!("{name}:{line}: {target} leads nowhere"));
            }
        }
    }
    assert!(seen > 10, "only {seen} links were seen");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}
