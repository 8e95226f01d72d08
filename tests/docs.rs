//! What README.md, ARCHITECTURE.md and docs/ show is what happens.
//!
//! Fenced blocks say in their first line what they are:
//!
//! ```text
//! ```console                 each `$ …` line is run, in the order of the file, and prints what follows
//! ```console cluster         the same, where KUBECONFIG, HELM4 and IRIS_TEST_REPO are set
//! ```console script          a script of this repository; it must exist and know the flags
//! ```yaml file=iris.yaml     a file that the reader writes
//! ```yaml made=dhub/REVIEW.md   what the program has written there by then
//! ```
//!
//! Each file of documentation has a folder and an empty home of its own. In what is shown, a line
//! `...` stands for any lines, and `[...]` for any text. A command whose output begins with
//! `error:` must fail; `$ echo $?` shows the exit code of the command before.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

/// Documents that tell of other programs and of what is to come, too: their links alone are checked.
const NOT_FOR_OPERATORS: [&str; 1] = ["CHANGELOG.md"];

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

// --- blocks --------------------------------------------------------------------------------------

/// A fenced block.
#[derive(Debug)]
struct Block {
    line: usize,
    info: String,
    text: String,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (index, line) in markdown.lines().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        match &mut open {
            Some(_) if trimmed.trim_end() == "```" => blocks.extend(open.take().map(|(_, block)| block)),
            Some((indent, block)) => {
                block.text.push_str(line.get(*indent..).unwrap_or_default());
                block.text.push('\n');
            }
            None => {
                if let Some(info) = trimmed.strip_prefix("```") {
                    open = Some((indent, Block { line: index + 1, info: info.trim().to_owned(), text: String::new() }));
                }
            }
        }
    }
    assert!(open.is_none(), "a block is never closed: {open:?}");
    blocks
}

/// The text outside fenced blocks.
fn prose(markdown: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// Code in the prose: what stands between single backticks, with its line.
fn inline_code(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(markdown).lines().enumerate() {
        let parts: Vec<&str> = line.split('`').collect();
        found.extend(parts.iter().skip(1).step_by(2).map(|code| (index + 1, (*code).to_owned())));
    }
    found
}

/// The commands of a block with what each prints.
fn steps(block: &Block) -> Vec<(usize, String, String)> {
    let mut steps: Vec<(usize, String, String)> = Vec::new();
    for (index, line) in block.text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push((block.line + 1 + index, command.to_owned(), String::new()));
        } else if let Some((_, command, output)) = steps.last_mut() {
            // A long command goes on in the next line.
            if output.is_empty() && command.ends_with('\\') {
                command.pop();
                command.push_str(line.trim_start());
            } else {
                output.push_str(line);
                output.push('\n');
            }
        } else {
            panic!("line {}: a console block begins with `$ `: {line}", block.line + 1 + index);
        }
    }
    steps
}

/// The words of a command as a shell would pass them on; nothing else that a shell does is allowed.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut quoted = false;
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => words.last_mut().unwrap().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                quoted = true;
            }
            None if c.is_whitespace() => {
                if quoted || !words.last().unwrap().is_empty() {
                    words.push(String::new());
                }
                quoted = false;
            }
            None => {
                assert!(!"|&;<>()*`".contains(c), "more than a command: {command}");
                words.last_mut().unwrap().push(c);
            }
        }
    }
    if !quoted && words.last().unwrap().is_empty() {
        words.pop();
    }
    words
}

// --- comparing -----------------------------------------------------------------------------------

/// Whether text is what was shown: `...` stands for any lines, `[...]` for any text in a line.
fn shown(pattern: &[&str], text: &[&str]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [dots, rest @ ..] if ["...", "# ..."].contains(&dots.trim()) => {
            (0..=text.len()).any(|skip| shown(rest, &text[skip..]))
        }
        [line, rest @ ..] => text.first().is_some_and(|first| line_shown(line, first)) && shown(rest, &text[1..]),
    }
}

fn line_shown(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.trim_end().split("[...]");
    let Some(mut rest) = line.trim_end().strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        if index + 1 == parts.len() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

fn assert_shown(place: &str, pattern: &str, text: &str) {
    let lines = |text: &str| text.trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
    let (wanted, found) = (lines(pattern), lines(text));
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert!(shown(&wanted, &found), "\n{place} shows\n\n{pattern}\nand it was\n\n{text}");
}

// --- running -------------------------------------------------------------------------------------

/// A cluster to run against, as `scripts/testbed.sh env` names it.
struct Testbed {
    kubeconfig: PathBuf,
    helm: PathBuf,
    repo: String,
}

impl Testbed {
    fn given() -> Option<Self> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Some(Self { kubeconfig: set("KUBECONFIG")?.into(), helm: set("HELM4")?.into(), repo: set("IRIS_TEST_REPO")? })
    }

    /// The stand-in charts instead of the upstream ones, which a closed network does not reach.
    fn sources(&self) -> String {
        let line = |name: &str| format!("  {name}: {{repo: \"{}\", sha256: {}}}\n", self.repo, self.digest(name));
        format!("sources:\n{}{}", line("jupyterhub"), line("dask-gateway"))
    }

    /// The digest of the stand-in chart that is served.
    fn digest(&self, name: &str) -> String {
        let folder = env::var("IRIS_TEST_CHARTS").expect("IRIS_TEST_CHARTS is set with IRIS_TEST_REPO");
        let mut archives = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let is_it = |path: &PathBuf| {
            path.file_name().unwrap().to_string_lossy().starts_with(&format!("{name}-2"))
                || path.file_name().unwrap().to_string_lossy().starts_with(&format!("{name}-4"))
        };
        let path = archives.find(is_it).unwrap_or_else(|| panic!("no archive of {name}"));
        helm_iris::fs::sha256_hex(&fs::read(path).unwrap())
    }
}

/// The reader of one document: a folder, an empty home, and what the last command returned.
struct Reader {
    folder: TempDir,
    testbed: Option<Testbed>,
    last: i32,
}

impl Reader {
    fn new(testbed: Option<Testbed>) -> Self {
        let folder = TempDir::new().unwrap();
        for part in ["home", "work"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        Self { folder, testbed, last: 0 }
    }

    fn path(&self, inside: &str) -> PathBuf {
        assert!(Path::new(inside).is_relative() && !inside.contains(".."), "{inside}");
        self.folder.path().join("work").join(inside)
    }

    /// The reader follows a document to its end; returns how many commands were run, and how many
    /// could not be.
    fn follow(&mut self, name: &str, markdown: &str) -> (usize, usize) {
        let (mut ran, mut left) = (0, 0);
        for block in blocks(markdown) {
            let info: Vec<&str> = block.info.split_whitespace().collect();
            let place = format!("{name}:{}", block.line);
            match info.as_slice() {
                ["console"] => ran += self.run_all(name, &block),
                ["console", "cluster"] if self.testbed.is_some() => {
                    self.use_the_stand_ins();
                    ran += self.run_all(name, &block);
                }
                ["console", "cluster"] => left += steps(&block).len(),
                ["console", "script"] => {
                    steps(&block).iter().for_each(|(_, command, _)| assert_script(&place, command))
                }
                ["console", ..] => panic!("{place}: unknown kind of console block"),
                [_, told] if told.starts_with("file=") => self.write(&told["file=".len()..], &block.text),
                [_, told] if told.starts_with("made=") => {
                    let text = fs::read_to_string(self.path(&told["made=".len()..]))
                        .unwrap_or_else(|e| panic!("{place}: {e}"));
                    assert_shown(&place, &block.text, &text);
                }
                [] => panic!("{place}: say what the block is, e.g. ```text"),
                [_] => assert_nothing_untried(&place, &block),
                [..] => panic!("{place}: `{}` is no known kind of block", block.info),
            }
        }
        (ran, left)
    }

    fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn use_the_stand_ins(&self) {
        let Some(testbed) = &self.testbed else { return };
        let site = fs::read_to_string(self.path("iris.yaml")).unwrap_or_default();
        if !site.contains("sources:") {
            self.write("iris.yaml", &format!("{site}{}", testbed.sources()));
        }
    }

    fn run_all(&mut self, name: &str, block: &Block) -> usize {
        let steps = steps(block);
        for (line, command, output) in &steps {
            self.run(&format!("{name}:{line}: $ {command}"), command, output);
        }
        steps.len()
    }

    fn run(&mut self, place: &str, command: &str, output: &str) {
        if command == "echo $?" {
            assert_shown(place, output, &self.last.to_string());
            return;
        }
        let words = words(command);
        assert!(
            words.len() > 2 && words[0] == "helm" && words[1] == "iris",
            "{place}\nonly `helm iris` is run in console blocks"
        );
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_helm-iris"));
        program.args(&words[2..]).current_dir(self.path("")).stdin(Stdio::null());
        program.env_clear().env("HOME", self.folder.path().join("home")).env("LANG", "C");
        if let Some(Testbed { kubeconfig, helm, .. }) = &self.testbed {
            program.env("KUBECONFIG", kubeconfig).env("HELM_BIN", helm);
        }
        program.stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = program.spawn().unwrap();
        drop(program);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        self.last = child.wait().unwrap().code().unwrap_or(-1);
        assert_shown(place, output, &text);
        let fails = output.lines().any(|line| line.starts_with("error:"));
        assert_eq!(self.last != 0, fails, "{place}\nended with exit code {}:\n{text}", self.last);
    }
}

/// A script that is shown exists, and its help knows the words that are given to it.
fn assert_script(place: &str, command: &str) {
    let words = words(command);
    let (script, arguments) = words.split_first().unwrap();
    let path = root().join(script);
    assert!(script.starts_with("scripts/") && path.is_file(), "{place}: there is no script {script}");
    let text = fs::read_to_string(&path).unwrap();
    for argument in arguments.iter().filter(|argument| argument.chars().any(char::is_lowercase)) {
        assert!(text.contains(argument.as_str()), "{place}: {script} does not know `{argument}`");
    }
}

/// Other blocks may show what is never run here, but no command of ours that nobody tries.
fn assert_nothing_untried(place: &str, block: &Block) {
    if ["text", "markdown"].contains(&block.info.as_str()) {
        return;
    }
    for line in block.text.lines().map(str::trim_start) {
        let ours = ["helm iris ", "helm-iris ", "$ "].iter().any(|start| line.starts_with(start));
        assert!(!ours, "{place}: put it into a console block, which is run: {line}");
    }
}

#[test]
fn commands_print_what_is_shown() {
    let mut all = 0;
    for (name, markdown) in documents() {
        let (ran, left) = Reader::new(Testbed::given()).follow(&name, &markdown);
        if left > 0 {
            eprintln!("SKIPPED {left} commands of {name}: they need KUBECONFIG, HELM4 and IRIS_TEST_REPO");
        }
        all += ran;
    }
    assert!(all > 5, "only {all} commands were run");
}

#[test]
fn what_is_not_so_is_seen() {
    let follows = |markdown: &str| {
        let markdown = markdown.to_owned();
        std::panic::catch_unwind(move || Reader::new(None).follow("t.md", &markdown)).is_ok()
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

// --- words ---------------------------------------------------------------------------------------

/// The help of a command, or what is wrong with it.
fn help(arguments: &[String]) -> Result<String, String> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_helm-iris"));
    let output = program.args(arguments).arg("--help").env_clear().output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The help of every verb, all in one text.
fn all_help() -> String {
    fn below(verb: &[String], text: &mut String) {
        let help = help(verb).unwrap();
        let commands =
            help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
        let is_verb =
            |line: &&str| line.starts_with("  ") && !line.starts_with("   ") && !line.trim().starts_with("help");
        for line in commands.lines().filter(is_verb) {
            let name = line.split_whitespace().next().unwrap().to_owned();
            below(&[verb, &[name]].concat(), text);
        }
        text.push_str(&help);
    }
    let mut text = String::new();
    below(&[], &mut text);
    assert!(text.contains("--reveal") && text.contains("--extends"), "the help of verbs below verbs was read");
    text
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let ends = |c: char| c.is_alphanumeric() || c == '-';
        !text[..at].ends_with(ends) && !text[at + word.len()..].starts_with(ends)
    })
}

#[test]
fn every_verb_and_flag_exists() {
    let known = all_help();
    let mut tried = 0;
    let mut wrong = Vec::new();
    for (name, markdown) in documents().into_iter().filter(|(name, _)| !NOT_FOR_OPERATORS.contains(&name.as_str())) {
        let shown = blocks(&markdown)
            .into_iter()
            .filter(|block| block.info.starts_with("console") && block.info != "console script");
        let shown = shown.flat_map(|block| steps(&block)).map(|(line, command, _)| (line, command));
        for (line, code) in inline_code(&markdown).into_iter().chain(shown.collect::<Vec<_>>()) {
            if let Some(command) = code.strip_prefix("helm iris ").or_else(|| code.strip_prefix("helm-iris ")) {
                tried += 1;
                let elided = command.trim_end_matches('…').trim_end();
                if let Err(why) = help(&words(elided)) {
                    wrong.push(format!("{name}:{line}: `{code}`: {}", why.lines().next().unwrap_or_default()));
                }
            } else if code.starts_with('-') && code.len() > 1 {
                tried += 1;
                let flag = code.split([' ', '=']).next().unwrap();
                if !has_word(&known, flag) {
                    wrong.push(format!(
                        "{name}:{line}: no verb has the flag `{flag}`; name another program's with the program"
                    ));
                }
            }
        }
    }
    assert!(tried > 20, "only {tried} were seen");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

// --- keys ----------------------------------------------------------------------------------------

/// Every key of the settings as a dotted path; those that hold others, too.
fn setting_keys() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_helm-iris"))
        .args(["profiles", "show", "--schema"])
        .env_clear()
        .output()
        .unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut keys = BTreeSet::new();
    collect(&schema, &schema, "", &mut keys);
    assert!(keys.contains("users.memory.limit"), "{keys:?}");
    keys
}

fn collect(root: &Value, schema: &Value, path: &str, keys: &mut BTreeSet<String>) {
    let schema = resolve(root, schema);
    for (key, part) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        collect(root, part, &at, keys);
        let resolved = resolve(root, part);
        // A map of names, or a list, whose parts have keys: `sources.NAME.repo`.
        for (inner, mark) in [("additionalProperties", "NAME"), ("items", "")] {
            if let Some(inner) = resolved.get(inner).filter(|inner| inner.is_object()) {
                collect(root, inner, format!("{at}.{mark}").trim_end_matches('.'), keys);
            }
        }
        keys.insert(at);
    }
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let choices = schema.get("anyOf").or_else(|| schema.get("allOf")).and_then(Value::as_array);
    let inner = choices.and_then(|all| all.iter().find(|one| one.get("$ref").is_some())).unwrap_or(schema);
    match inner.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap_or(inner),
        None => inner,
    }
}

/// Keys in the first column of tables, and dotted paths that begin as a known one does.
fn named_keys(markdown: &str, known: &BTreeSet<String>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(markdown).lines().enumerate() {
        let first_cell = line.strip_prefix("| `").and_then(|row| row.find(" | ")).map_or(0, |end| end + "| `".len());
        let mut at = 0;
        for (number, part) in line.split('`').enumerate() {
            let code = part.trim_end_matches(':');
            let is_path = code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') && !code.ends_with(".yaml");
            let known_top = code.contains('.') && known.contains(code.split('.').next().unwrap());
            if number % 2 == 1 && is_path && (at < first_cell || known_top) {
                found.push((index + 1, code.to_owned()));
            }
            at += part.len() + 1;
        }
    }
    found
}

/// The keys that stand where a reader looks for them, against those that there are.
fn compare(name: &str, markdown: &str, known: &BTreeSet<String>, exempt: &[&str]) -> Vec<String> {
    let named = named_keys(markdown, known);
    let unknown = named.iter().filter(|(_, key)| !known.contains(key));
    let mut wrong: Vec<String> = unknown.map(|(line, key)| format!("{name}:{line}: there is no key `{key}`")).collect();
    let told: BTreeSet<&str> = named.iter().map(|(_, key)| key.as_str()).collect();
    let holds_others = |key: &String| known.iter().any(|other| other.starts_with(&format!("{key}.")));
    let untold = known.iter().filter(|key| !holds_others(key) && !told.contains(key.as_str()));
    let untold = untold.filter(|key| !exempt.contains(&key.as_str()));
    wrong.extend(untold.map(|key| format!("{name}: the key `{key}` is not explained")));
    wrong
}

/// One section of a document, from its heading to the next one of its level.
fn section<'m>(markdown: &'m str, heading: &str) -> &'m str {
    let start = markdown.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")) + 1;
    let level = heading.split(' ').next().unwrap();
    let rest = &markdown[start + heading.len()..];
    &rest[..rest.find(&format!("\n{level} ")).unwrap_or(rest.len())]
}

#[test]
fn the_site_file_explains_every_key() {
    let known = setting_keys();
    let markdown = &documents()["docs/site-file.md"];
    // These two are for profiles alone.
    assert_none(&compare("docs/site-file.md", markdown, &known, &["description", "extends"]));
}

#[test]
fn the_defaults_are_those_of_daskhub() {
    let text = fs::read_to_string(root().join("charts/daskhub/release.yaml")).unwrap();
    let release: Value = serde_yaml::from_str(&text).unwrap();
    let unset = serde_json::to_value(helm_iris::settings::Settings::default()).unwrap();
    let mut seen = 0;
    for row in prose(&documents()["docs/site-file.md"]).lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [key, _, shown] = cells.as_slice() else { continue };
        let (key, shown) = (key.trim_matches('`'), shown.trim_matches('`'));
        if shown.is_empty() {
            continue;
        }
        seen += 1;
        let pointer = format!("/{}", key.replace('.', "/"));
        let default = release["defaults"].pointer(&pointer).or_else(|| unset.pointer(&pointer)).cloned();
        let shown: Value = serde_yaml::from_str(shown).unwrap();
        assert_eq!(default.unwrap_or_default(), shown, "the default of {key}");
    }
    assert!(seen > 30, "only {seen} defaults were seen");
}

#[test]
fn settings_named_elsewhere_exist() {
    let known = setting_keys();
    for (name, markdown) in documents() {
        let named = named_keys(&markdown, &known).into_iter();
        let settings = named.filter(|(_, key)| key.contains('.') && known.contains(key.split('.').next().unwrap()));
        // A template may name more, see below.
        let wrong =
            settings.filter(|(_, key)| !known.contains(key) && name != "docs/charts.md" && !name.starts_with("ARCH"));
        assert_none(
            &wrong.map(|(line, key)| format!("{name}:{line}: there is no setting `{key}`")).collect::<Vec<_>>(),
        );
    }
}

#[test]
fn charts_explains_every_key_of_a_release_and_of_the_context() {
    let markdown = &documents()["docs/charts.md"];
    let mut release = BTreeSet::new();
    let schema = helm_iris::schema::of::<helm_iris::chart::release::ReleaseSpec>();
    collect(&schema, &schema, "", &mut release);
    let text = [section(markdown, "## release.yaml"), section(markdown, "## Secrets")].concat();
    // Any setting can be a default.
    assert_none(&compare("docs/charts.md", &text, &release, &[]));

    let mut context = BTreeSet::new();
    let schema = helm_iris::schema::of::<helm_iris::context::Context>();
    collect(&schema, &schema, "", &mut context);
    let names = named_keys(section(markdown, "## values.yaml.tera"), &context);
    let told = |key: &str| names.iter().any(|(_, name)| key == name || key.starts_with(&format!("{name}.")));
    let known = |key: &str| context.contains(key);
    assert_none(
        &names.iter().filter(|(_, key)| !known(key)).map(|(_, key)| format!("no context `{key}`")).collect::<Vec<_>>(),
    );
    assert_none(&context.iter().filter(|key| key.contains('.') && !told(key)).cloned().collect::<Vec<_>>());
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

// --- links ---------------------------------------------------------------------------------------

/// The targets of `[text](target)`, with their lines.
fn links(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(markdown).lines().enumerate() {
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            found.extend(rest.find(')').map(|end| (index + 1, rest[..end].to_owned())));
        }
    }
    found
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = prose(markdown);
    let headings = headings
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_owned());
    headings
        .map(|heading| {
            let kept = heading.to_lowercase();
            kept.chars()
                .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_')
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
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
