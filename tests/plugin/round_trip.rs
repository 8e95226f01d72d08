//! What Helm reads from our files is what we checked.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use super::{Plugged, Ran, with_helm};
use crate::common;

/// Words that YAML 1.1, YAML 1.2, JSON, Go or a template might take for something else.
const HOSTILE: [&str; 72] = [
    "",
    " ",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "n",
    "true",
    "True",
    "null",
    "Null",
    "~",
    "0755",
    "0o17",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    "1E+5",
    "+1",
    "-0",
    ".5",
    "5.",
    "1.0",
    ".inf",
    "-.Inf",
    ".nan",
    "NaN",
    "12:30:45",
    "1:30",
    "2026-11-22",
    "2026-11-22T13:00:00Z",
    "9007199254740993",
    "123456789012345678901234567890",
    "<<",
    "=",
    "- a",
    "? b",
    "a: b",
    "a:",
    ": a",
    "#c",
    "a #c",
    "{{ .Values }}",
    "{% raw %}",
    "{a: b}",
    "[a",
    "]",
    "}",
    ",",
    "&anchor",
    "*alias",
    "!!binary aGk=",
    "!tag",
    "%YAML 1.1",
    "@at",
    "`tick`",
    "'",
    "\"",
    "\\",
    "\\n",
    " lead",
    "trail ",
    "a\nb",
    "a\n\n b\n",
    "\n",
    "\ttab",
    "é☃𝄞",
    "---",
    "...",
    "$(id) ${HOME} `id`",
];

/// Prints all values that helm gives to a chart, as JSON in a block that YAML leaves alone.
const ECHO: &str = "values: |\n  {{ .Values | toJson }}\n";

/// What helm reads from values files, in their order.
fn read_by_helm(plugged: &Plugged, files: &[std::path::PathBuf]) -> Value {
    let chart = plugged.env.root().join("echo");
    common::write(&chart.join("Chart.yaml"), "apiVersion: v2\nname: echo\nversion: 0.1.0\n");
    common::write(&chart.join("templates/echo.yaml"), ECHO);
    let mut command = plugged.command(&plugged.helm.program, &["template", "echo"]);
    command.arg(&chart);
    for file in files {
        command.arg("--values").arg(file);
    }
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, Some(0), "{ran}");
    let json = ran.stdout.lines().find_map(|line| line.strip_prefix("  ")).expect("the values");
    serde_json::from_str(json).unwrap()
}

/// What we take the files to say.
fn read_by_us(files: &[std::path::PathBuf]) -> Value {
    let mut all = Value::Object(Map::new());
    for file in files {
        let document = helm_iris::yaml::parse("test", &common::read(file)).expect("our own YAML");
        helm_iris::overlay::merge(&mut all, &document.value);
    }
    all
}

/// Helm's numbers go through float64.
fn in_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(in_floats).collect(),
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| (key, in_floats(value))).collect()),
        other => other,
    }
}

fn files_of(plugged: &Plugged, chart: &str) -> Vec<std::path::PathBuf> {
    let folder = plugged.env.path("dhub").join(chart);
    let files = ["values.yaml", "overrides.yaml", "secrets.yaml"].map(|file| folder.join(file));
    files.into_iter().filter(|file| file.exists()).collect()
}

#[track_caller]
fn assert_read_alike(plugged: &Plugged, chart: &str) -> Value {
    let files = files_of(plugged, chart);
    assert!(files.len() >= 2, "{files:?}");
    let (ours, helms) = (in_floats(read_by_us(&files)), in_floats(read_by_helm(plugged, &files)));
    assert_eq!(ours, helms, "{}: {chart}", plugged.helm);
    ours
}

#[test]
fn the_shipped_profiles() {
    with_helm("what helm reads", |plugged| {
        for profile in common::shipped_profiles() {
            plugged.helm_ok(&["iris", "render", "daskhub", "--profile", &profile]);
            let values = assert_read_alike(plugged, "daskhub");
            assert!(values["jupyterhub"]["hub"]["db"]["url"].is_string(), "there is something to read: {values}");
            assert_read_alike(plugged, "postgresql");
            assert_read_alike(plugged, "storage");
        }
    });
}

/// Why this is tested at all, and that the comparison can fail: Helm reads YAML 1.1.
#[test]
fn helm_reads_otherwise() {
    with_helm("what helm reads of YAML 1.1", |plugged| {
        let file = plugged.env.path("traps.yaml");
        common::write(&file, "a: on\nb: 0755\nc: 1_000\n");
        assert_eq!(read_by_helm(plugged, std::slice::from_ref(&file)), json!({"a": true, "b": 493, "c": 1000}));
        assert!(helm_iris::yaml::parse("test", &common::read(&file)).is_err(), "we refuse such words");
    });
}

/// Strings go through settings and a template into `values.yaml`, and through raw values into
/// `overrides.yaml`, as values, as keys and as items; the site file is JSON, which is YAML, so that
/// nothing is lost before we see it.
fn hostile_site(words: &[String]) -> Value {
    let map: Map<String, Value> =
        words.iter().enumerate().map(|(index, word)| (format!("{word}{index}{word}"), json!(word))).collect();
    json!({
        "storage": {"newClass": {"parameters": map}},
        "values": {"daskhub": {"hostile": {"map": map, "list": words, "nested": [[{"a": words}]], "empty": {"m": {}, "l": []}}}},
    })
}

fn hostile(plugged: &Plugged, words: &[String]) {
    plugged.env.write("iris.yaml", hostile_site(words).to_string());
    plugged.helm_ok(&["iris", "render", "daskhub", "--profile", "cumulus"]);
    let (raw, templated) = (assert_read_alike(plugged, "daskhub"), assert_read_alike(plugged, "storage"));
    assert_eq!(raw["hostile"]["list"], json!(words), "as typed");
    let parameters = &templated["storageClass"]["parameters"];
    for (key, word) in raw["hostile"]["map"].as_object().unwrap() {
        assert_eq!(parameters[key], *word, "{key}");
    }
}

#[test]
fn hostile_words() {
    with_helm("what helm reads of hostile words", |plugged| {
        hostile(plugged, &HOSTILE.map(str::to_owned));
    });
}

/// The same words for each run, since a test that fails once in a while helps nobody.
#[test]
fn random_text() {
    let mut runner = TestRunner::deterministic();
    let text = proptest::collection::vec("\\PC{0,12}|[ -~\\n\\t]{0,12}|[0-9_.:eExXoO+-]{1,8}", 400);
    let words = text.new_tree(&mut runner).unwrap().current();
    with_helm("what helm reads of random text", |plugged| hostile(plugged, &words));
}
