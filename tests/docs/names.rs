//! The verbs, flags and keys that the documentation names, against those that there are.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::markdown::{blocks, inline_code, prose, section, steps, words};
use super::{assert_none, documents, root};

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
    // A changelog tells of the past, too.
    for (name, markdown) in documents().into_iter().filter(|(name, _)| name != "CHANGELOG.md") {
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
            let is_path = code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') && !code.contains(".yaml");
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
    let text =
        [section(markdown, "## release.yaml"), section(markdown, "## Databases"), section(markdown, "## Secrets")]
            .concat();
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

#[test]
fn versions_are_those_of_the_program_and_its_charts() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let field = |path: &str, key: &str| {
        let text = read(path);
        let value = text.lines().find_map(|line| line.trim().strip_prefix(key)?.trim().strip_prefix([':', '=']));
        value.unwrap_or_else(|| panic!("{path} has no {key}")).trim().trim_matches('"').to_owned()
    };
    let helm = helm_iris::helm::MINIMUM_VERSION;
    let readme = &documents()["README.md"];
    for said in [
        format!("Rust {} or newer", field("Cargo.toml", "rust-version")),
        format!("Helm {}.{} or newer", helm.major, helm.minor),
        format!("jupyterhub {}", field("charts/jupyterhub/release.yaml", "version")),
        format!("dask-gateway {}", field("charts/dask-gateway/release.yaml", "version")),
    ] {
        assert!(readme.contains(&said), "README.md does not say `{said}`");
    }
}

#[test]
fn exit_codes_are_those_of_the_program() {
    use helm_iris::error;
    let rows = section(&documents()["README.md"], "## Exit codes").to_owned();
    let told: BTreeSet<u8> =
        rows.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    let used = [
        error::EXIT_OK,
        error::EXIT_USER,
        error::EXIT_USAGE,
        error::EXIT_CHANGES,
        error::EXIT_UNVERIFIED,
        error::EXIT_INTERRUPTED,
        error::EXIT_BUG,
    ];
    assert_eq!(told, BTreeSet::from(used));
}
