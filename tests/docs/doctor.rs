//! The table of findings in docs/doctor.md, against the findings that there are and their tests.

use std::collections::BTreeSet;
use std::fs;

use walkdir::WalkDir;

use super::markdown::section;
use super::root;

/// How a finding is made; its id follows.
const MAKERS: [&str; 4] = ["Finding::fatal(", "Finding::warning(", "Finding::info(", "Finding::of_error("];

fn text_below(folder: &str) -> String {
    let files = WalkDir::new(root().join(folder)).into_iter().map(Result::unwrap);
    let rust = files.filter(|entry| entry.path().extension().is_some_and(|end| end == "rs"));
    rust.filter(|entry| entry.file_name() != "tests.rs")
        .map(|entry| fs::read_to_string(entry.path()).unwrap())
        .collect()
}

/// The first literal after each maker: its arguments may begin on the next line.
fn ids_of_code() -> BTreeSet<String> {
    let code = text_below("src/doctor");
    let after = MAKERS
        .iter()
        .chain(&["Self::info("])
        .flat_map(|maker| code.match_indices(maker).map(|(at, maker)| &code[at + maker.len()..]));
    let literal = |rest: &str| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned);
    after.filter_map(literal).collect()
}

fn ids_of_table(markdown: &str) -> BTreeSet<String> {
    let rows = section(markdown, "## Every finding");
    rows.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next().map(str::to_owned)).collect()
}

#[test]
fn every_finding_is_explained_and_tried_on_a_cluster() {
    let code = ids_of_code();
    assert!(code.len() > 30 && code.contains("could-not-look"), "{code:?}");
    let markdown = fs::read_to_string(root().join("docs/doctor.md")).unwrap();
    assert_eq!(ids_of_table(&markdown), code);
    let cluster: String = text_below("tests/cluster/doctor").split_whitespace().collect();
    let tried = |id: &&String| cluster.contains(&format!("(\"{id}\",\""));
    let untried: Vec<_> = code.iter().filter(|id| !tried(id)).collect();
    assert!(untried.is_empty(), "no cluster triggers {untried:?}");
}

#[test]
fn every_area_is_explained() {
    let markdown = fs::read_to_string(root().join("docs/doctor.md")).unwrap();
    let rows = section(&markdown, "## What is looked at");
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        Some((cells.next()?.trim().trim_end_matches('`').to_owned(), cells.next()?.trim() == "yes"))
    };
    let told: Vec<(String, bool)> = rows.lines().filter_map(row).collect();
    let areas = helm_iris::doctor::Area::ALL.map(|area| (area.name().to_owned(), area.is_of_cluster()));
    assert_eq!(told, areas);
}
