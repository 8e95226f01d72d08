//! docs/reliability.md names every test of scripts/soak.sh, and has the places for its figures.

use std::fs;

use super::threats::tests;
use super::{assert_none, root};

#[test]
fn every_long_test_is_explained_and_its_figures_have_a_place() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let (document, script, tests) = (read("docs/reliability.md"), read("scripts/soak.sh"), tests());
    let usage = script.split("usage: scripts/soak.sh [").nth(1).unwrap().split(']').next().unwrap();
    let parts: Vec<&str> = usage.split('|').filter(|part| *part != "all").collect();
    assert_eq!(parts, ["kills", "faults", "races", "scale"]);
    let mut wrong = Vec::new();
    for part in parts {
        let (begin, end) = (format!("<!-- figures of {part} -->"), format!("<!-- end of {part} -->"));
        let place = document.find(&begin).zip(document.find(&end)).filter(|(begin, end)| begin < end);
        if place.is_none() || [&begin, &end].iter().any(|mark| document.matches(*mark).count() != 1) {
            wrong.push(format!("there is no place for the figures of {part}"));
        }
    }
    // Each as the script runs it: its module and its name.
    let is_name = |word: &&str| word.contains("::") && word.chars().all(|c| c.is_alphanumeric() || "_:".contains(c));
    let named: Vec<&str> = script.split([' ', '"']).filter(is_name).collect();
    assert_eq!(named.len(), 5, "{named:?}");
    for name in named.iter().filter_map(|name| name.rsplit("::").next()) {
        if !tests.contains(&format!("#[test]\nfn {name}(")) {
            wrong.push(format!("scripts/soak.sh: there is no test {name}"));
        }
        if !document.contains(&format!("`{name}`")) {
            wrong.push(format!("docs/reliability.md does not name {name}"));
        }
    }
    assert_none(&wrong);
}
