//! The table of who can read which secret: each line is held by tests that there are.

use std::fs;

use walkdir::WalkDir;

use super::markdown::section;
use super::{assert_none, root};

/// The names in the last column of each line of the table.
fn lines(markdown: &str) -> Vec<(String, Vec<String>)> {
    let table = section(markdown, "## Who can read what");
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.filter(|row| !row.starts_with("|---"))
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let names = cells.last().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect();
            (cells[0].to_owned(), names)
        })
        .collect()
}

/// Every test of the project, in one text.
pub(super) fn tests() -> String {
    let files = ["src", "tests"].iter().flat_map(|folder| WalkDir::new(root().join(folder)));
    let rust = files.map(Result::unwrap).filter(|entry| entry.path().extension().is_some_and(|end| end == "rs"));
    rust.map(|entry| fs::read_to_string(entry.path()).unwrap()).collect()
}

#[test]
fn every_line_of_the_table_is_held_by_tests() {
    let lines = lines(&fs::read_to_string(root().join("docs/secrets.md")).unwrap());
    assert!(lines.len() >= 12, "{} lines", lines.len());
    let tests = tests();
    let mut wrong = Vec::new();
    for (who, names) in lines {
        if names.is_empty() {
            wrong.push(format!("`{who}`: no test"));
        }
        let missing = |name: &&String| {
            // Right after the attribute, perhaps with a comment in between.
            let at = tests.find(&format!("fn {name}("));
            at.is_none_or(|at| !tests[..at].rsplit("fn ").next().unwrap_or_default().contains("#[test]"))
        };
        wrong.extend(names.iter().filter(missing).map(|name| format!("`{who}`: there is no test {name}")));
    }
    assert_none(&wrong);
}
