//! What ARCHITECTURE.md promises of the sources: data flows one way, and each door has one keeper.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Longer files are divided.
const MOST_LINES: usize = 400;

/// The modules that wait for something outside the process; all others are sync.
const ASYNC: [&str; 17] = [
    "applied",
    "apply",
    "commands",
    "crds",
    "doctor",
    "dumps",
    "helm",
    "interrupt",
    "kube",
    "lease",
    "observe",
    "secrets",
    "smoke",
    "status",
    "uninstall",
    "volumes",
    "web",
];

/// Marks of unfinished work; in two halves, so that this file does not hold them.
const UNFINISHED: [(&str, &str); 4] = [("TO", "DO"), ("FIX", "ME"), ("todo", "!("), ("unimple", "mented!(")];

/// One file of `src`, without its tests and comments.
struct Source {
    path: String,
    module: String,
    text: String,
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join("src"), &mut paths);
    paths.sort();
    let sources: Vec<Source> = paths.iter().map(|path| source(path)).collect();
    assert!(sources.len() > 50, "only {} files of src were seen", sources.len());
    sources
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|end| end == "rs") {
            paths.push(path);
        }
    }
}

fn source(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let inside = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    let mut steps = inside.trim_start_matches("src/").split('/');
    let module = steps.next().unwrap().trim_end_matches(".rs").to_owned();
    // `tests.rs` and `…_tests.rs` are named by a `#[cfg(test)] mod`.
    let is_test = inside.ends_with("/tests.rs") || inside.ends_with("_tests.rs");
    let code = if is_test { String::new() } else { without_tests(&text) };
    Source { path: inside, module, text, code }
}

/// The code that is shipped: comments and what stands under `#[cfg(test)]` are left out.
fn without_tests(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            skip_item(&mut lines);
        } else if !line.trim_start().starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// Skips one item: to its `;`, or to the brace that closes it, at the indent at which it begins.
fn skip_item<'t>(lines: &mut impl Iterator<Item = &'t str>) {
    let mut indent = None;
    for line in lines {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let here = line.len() - line.trim_start().len();
        let first = indent.is_none();
        let indent = *indent.get_or_insert(here);
        if first && (line.trim_end().ends_with(';') || line.trim_end().ends_with('}'))
            || here == indent && line.trim() == "}"
        {
            return;
        }
    }
}

/// The modules of the crate in the order of `src/lib.rs`.
fn order() -> BTreeMap<String, usize> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let names = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let order: BTreeMap<String, usize> = names.enumerate().map(|(index, name)| (name.to_owned(), index)).collect();
    assert!(order.len() > 20, "src/lib.rs names its modules by `pub mod`: {order:?}");
    order
}

/// The modules that code names by `crate::…`, also in `use crate::{…}`.
fn named(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => names.extend(top_names(list)),
            None => names.push(word(rest)),
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first name of each part of `a::b, c::{d, e}, f}`.
fn top_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut start = true;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && !c.is_whitespace() => {
                names.push(word(&list[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

/// What a file imports from a module below its own.
fn against_the_flow(source: &Source, order: &BTreeMap<String, usize>) -> Vec<String> {
    let Some(own) = order.get(&source.module) else {
        return Vec::new();
    };
    let names = named(&source.code);
    names
        .into_iter()
        .filter(|name| order.get(name).is_some_and(|index| index > own))
        .map(|name| format!("{}: crate::{name} stands below {} in src/lib.rs", source.path, source.module))
        .collect()
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// The files outside `home` whose code holds one of the words.
fn outside(home: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at_home = false;
    for source in sources() {
        let lines = source.code.lines().filter(|line| words.iter().any(|word| holds(line, word)));
        for line in lines {
            if home.contains(&source.module.as_str()) {
                at_home = true;
            } else {
                found.push(format!("{}: {}", source.path, line.trim()));
            }
        }
    }
    assert!(
        at_home || home.is_empty(),
        "{words:?} was found nowhere in {home:?}: is the test still looking for the right words?"
    );
    found
}

/// Whether a line holds a word that no longer word ends in.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[test]
fn modules_import_only_from_modules_above_them() {
    let order = order();
    let mut seen = 0;
    let mut found = Vec::new();
    for source in sources() {
        seen += named(&source.code).len();
        found.extend(against_the_flow(&source, &order));
    }
    assert!(seen > 200, "only {seen} imports were seen");
    assert_none(&found);
}

#[test]
fn an_import_against_the_flow_is_seen() {
    let order = order();
    let source = |code: &str| Source {
        path: "src/render.rs".to_owned(),
        module: "render".to_owned(),
        text: String::new(),
        code: without_tests(code),
    };
    for code in ["use crate::ui::Ui;", "use crate::{yaml, commands::render};", "fn f() { crate::start::main(); }"] {
        assert_eq!(against_the_flow(&source(code), &order).len(), 1, "{code}");
    }
    for code in [
        "use crate::{context::{Context, ui}, yaml};",
        "// crate::ui",
        "#[cfg(test)]\nmod tests {\n    use crate::ui::Ui;\n}\nuse crate::yaml::parse;",
        "#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\n",
    ] {
        assert_none(&against_the_flow(&source(code), &order));
    }
}

/// `super` of a top-level module is the crate: it would lead round the order.
#[test]
fn nobody_leaves_a_module_by_super() {
    let mut found = Vec::new();
    for source in sources() {
        let top = source.path == format!("src/{}.rs", source.module)
            || source.path == format!("src/{}/mod.rs", source.module);
        let leaves = source.code.contains("super::super::") || top && holds(&source.code, "super::");
        if leaves && source.module != "lib" {
            found.push(format!("{}: write crate:: instead of super::", source.path));
        }
    }
    assert_none(&found);
}

#[test]
fn every_module_has_a_place_in_the_order_and_in_the_picture() {
    let order = order();
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let listed: Vec<&str> = rows.into_iter().filter(|name| order.contains_key(*name)).collect();
    let mut wanted: Vec<&String> = order.keys().collect();
    wanted.sort_by_key(|name| order[*name]);
    assert_eq!(listed, wanted, "ARCHITECTURE.md lists the modules in the order of src/lib.rs");
    for source in sources() {
        let known = order.contains_key(&source.module) || ["lib", "main"].contains(&source.module.as_str());
        assert!(known, "{} belongs to no module of src/lib.rs", source.path);
    }
}

#[test]
fn no_file_is_too_long() {
    let long = |source: &Source| source.text.lines().count() > MOST_LINES;
    let found: Vec<String> = sources().iter().filter(|source| long(source)).map(|source| source.path.clone()).collect();
    assert_none(&found);
}

#[test]
fn only_the_printer_prints() {
    assert_none(&outside(&[], &["println!", "eprintln!", "print!", "eprint!", "dbg!"]));
    assert_none(&outside(&["ui"], &["stdout().lock()", "stderr().lock()"]));
}

#[test]
fn only_the_door_to_helm_starts_programs() {
    assert_none(&outside(&["helm"], &["Command::new("]));
}

#[test]
fn only_the_door_to_kubernetes_makes_a_client() {
    assert_none(&outside(&["kube"], &["Client::try_default", "Client::try_from", "Client::new", "ClientBuilder::"]));
}

#[test]
fn only_the_door_to_files_writes_them() {
    let words = [
        "OpenOptions::new",
        "File::create",
        "use std::fs",
        "std::fs::write",
        "std::fs::create_dir",
        "std::fs::remove_",
        "std::fs::rename",
        "std::fs::set_permissions",
    ];
    assert_none(&outside(&["fs"], &words));
}

#[test]
fn only_the_command_line_reads_the_environment() {
    assert_none(&outside(&["cli", "start"], &["env::var(", "env::var_os(", "env::vars", "env::args"]));
}

#[test]
fn the_computing_stages_are_sync() {
    assert_none(&outside(&ASYNC, &["async fn", "async move", "async {", ".await"]));
}

#[test]
fn nothing_is_left_for_later() {
    let mut found = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            if UNFINISHED.iter().any(|(one, two)| line.contains(&format!("{one}{two}"))) {
                found.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&found);
}
