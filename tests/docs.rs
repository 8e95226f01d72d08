//! What README.md, ARCHITECTURE.md and docs/ show is what happens.
//!
//! Fenced blocks say in their first line what they are:
//!
//! ```text
//! ```console                 each `$ …` line is run, in the order of the file, and prints what follows
//! ```console cluster         the same, on a control plane of its own; only in the tests `cluster::`
//! ```console script          a script of this repository; it must exist and know the flags
//! ```yaml file=iris.yaml     a file that the reader writes
//! ```yaml made=dhub/REVIEW.md   what the program has written there by then
//! ```
//!
//! Each file of documentation has a folder and an empty home of its own; the line
//! `<!-- a new folder -->` begins another. In what is shown, a line `...` stands for any lines, and
//! `[...]` for any text. A command that prints a line with `error:` or `FATAL` in front must fail; `$ echo $?` shows the
//! exit code of the command before.

mod doctor;
mod markdown;
mod names;
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
    use super::{Reader, documents, parts};

    #[test]
    fn commands_on_a_cluster_print_what_is_shown() {
        let mut all = 0;
        for (name, markdown) in documents() {
            for part in parts(&markdown).iter().filter(|part| part.contains("```console cluster")) {
                let Some(mut reader) = Reader::with_a_cluster() else {
                    eprintln!(
                        "SKIPPED: no control plane; `eval \"$(scripts/testbed.sh env)\"` after `scripts/testbed.sh up`"
                    );
                    return;
                };
                let (ran, left) = reader.follow(&name, part);
                assert_eq!(left, 0);
                all += ran;
            }
        }
        assert!(all > 5, "only {all} commands were run");
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
