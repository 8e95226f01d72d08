//! A reader who follows a document to its end, and compares what happens with what is shown.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use tempfile::TempDir;

use super::markdown::{Block, blocks, steps, words};
use super::root;
use crate::cluster::Api;

/// What a line begins with where a command fails.
const FAILING: [&str; 2] = ["error:", "FATAL"];
const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";

/// A control plane of its own for one reader, by `scripts/testbed.sh`.
struct Testbed {
    state: PathBuf,
    kubeconfig: PathBuf,
    helm: PathBuf,
    repo: String,
    charts: PathBuf,
}

impl Testbed {
    /// Starts one, where the environment says that this is meant and possible.
    fn start(state: PathBuf, has_addresses: bool) -> Option<Self> {
        if ["KUBECONFIG", "HELM4", "IRIS_TEST_REPO"].iter().any(|name| env::var_os(name).is_none()) {
            return None;
        }
        script(&state, "up", has_addresses);
        let settings = script(&state, "env", has_addresses);
        let setting = |name: &str| {
            let line =
                settings.lines().find_map(|line| line.strip_prefix("export ")?.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("testbed.sh env gives no {name}")).to_owned()
        };
        Some(Self {
            kubeconfig: setting("KUBECONFIG").into(),
            helm: setting("HELM4").into(),
            repo: setting("IRIS_TEST_REPO"),
            charts: setting("IRIS_TEST_CHARTS").into(),
            state,
        })
    }

    /// The stand-in charts instead of the upstream ones, which a closed network does not reach.
    fn sources(&self) -> String {
        let source = |name: &str, version: &str| {
            let archive = fs::read(self.charts.join(format!("{name}-{version}.tgz"))).unwrap();
            format!("  {name}: {{repo: \"{}\", sha256: {}}}\n", self.repo, helm_iris::fs::sha256_hex(&archive))
        };
        format!("sources:\n{}{}", source("jupyterhub", "4.4.0"), source("dask-gateway", "2026.3.0"))
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        script(&self.state, "down", true);
    }
}

fn script(state: &Path, verb: &str, has_addresses: bool) -> String {
    let mut program = Command::new(root().join("scripts/testbed.sh"));
    program.arg(verb).env("IRIS_TESTBED", state).env("NO_LB", if has_addresses { "" } else { "1" });
    let output = program.output().unwrap();
    assert!(output.status.success(), "testbed.sh {verb}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The reader of one document: a folder, an empty home, and what the last command returned.
pub(super) struct Reader {
    // Dropped first: it needs the folder to end what runs there.
    testbed: Option<Testbed>,
    folder: TempDir,
    last: i32,
}

impl Reader {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for part in ["home", "work"] {
            fs::create_dir(folder.path().join(part)).unwrap();
        }
        Self { testbed: None, folder, last: 0 }
    }

    pub(super) fn with_a_cluster(has_addresses: bool) -> Option<Self> {
        let mut reader = Self::new();
        reader.testbed = Some(Testbed::start(reader.folder.path().join("testbed"), has_addresses)?);
        Some(reader)
    }

    fn path(&self, inside: &str) -> PathBuf {
        assert!(Path::new(inside).is_relative() && !inside.contains(".."), "{inside}");
        self.folder.path().join("work").join(inside)
    }

    /// The reader follows a document to its end; returns how many commands were run, and how many
    /// could not be.
    pub(super) fn follow(&mut self, name: &str, markdown: &str) -> (usize, usize) {
        let (mut ran, mut left) = (0, 0);
        for block in blocks(markdown) {
            let info: Vec<&str> = block.info.split_whitespace().collect();
            let place = format!("{name}:{}", block.line);
            match info.as_slice() {
                ["console"] => ran += self.run_all(name, &block, ""),
                ["console", told] if told.starts_with("input=") => {
                    ran += self.run_all(name, &block, &told["input=".len()..]);
                }
                ["console", "cluster"] if self.testbed.is_some() => {
                    self.use_the_stand_ins();
                    ran += self.run_all(name, &block, "");
                }
                ["console", "cluster"] => left += steps(&block).len(),
                ["console", "script"] => {
                    for (_, command, _) in steps(&block) {
                        assert_script(&place, &command);
                    }
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
        if !site.lines().any(|line| line.starts_with("sources:")) {
            self.write("iris.yaml", &format!("{site}{}", testbed.sources()));
        }
    }

    fn run_all(&mut self, name: &str, block: &Block, input: &str) -> usize {
        let steps = steps(block);
        for (line, command, output) in &steps {
            self.run(&format!("{name}:{line}: $ {command}"), command, output, input);
        }
        steps.len()
    }

    fn run(&mut self, place: &str, command: &str, output: &str, input: &str) {
        if command == "echo $?" {
            assert_shown(place, output, &self.last.to_string());
            return;
        }
        let words = words(command);
        if words[0] == "kubectl" {
            assert_shown(place, output, &self.somebody_else(&words));
            return;
        }
        assert!(
            words.len() > 2 && words[0] == "helm" && words[1] == "iris",
            "{place}\nonly `helm iris` is run in console blocks"
        );
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_helm-iris"));
        program.args(&words[2..]).current_dir(self.path("")).stdin(Stdio::piped());
        program.env_clear().env("HOME", self.folder.path().join("home")).env("LANG", "C");
        if let Some(Testbed { kubeconfig, helm, .. }) = &self.testbed {
            program.env("KUBECONFIG", kubeconfig).env("HELM_BIN", helm);
        }
        program.stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut child = program.spawn().unwrap();
        drop(program);
        // Most commands read nothing, and may be done before this is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let is_killed = output.lines().last() == Some("Killed");
        if is_killed {
            self.wait_for_helm_at_work(place);
            child.kill().unwrap();
        }
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        self.last = child.wait().unwrap().code().unwrap_or(-1);
        if is_killed {
            text.push_str("Killed");
        }
        assert_shown(place, output, &text);
        let fails = is_killed
            || output.lines().any(|line| FAILING.iter().any(|word| line.starts_with(word)))
            || output.lines().next().is_some_and(|line| line.starts_with("Hub ") && line.ends_with("needs attention"));
        assert_eq!(self.last != 0, fails, "{place}\nended with exit code {}:\n{text}", self.last);
    }
}

impl Reader {
    /// Waits until helm has begun a revision of the hub, and is not done with it.
    fn wait_for_helm_at_work(&self, place: &str) {
        let testbed = self.testbed.as_ref().expect("only in blocks for a cluster");
        let api = Api::new(&testbed.kubeconfig);
        let pending = "/api/v1/namespaces/dhub/secrets?labelSelector=owner%3Dhelm,name%3Ddhub,status%3Dpending-install";
        let start = Instant::now();
        while api.list(pending).is_empty() {
            assert!(start.elapsed() < Duration::from_mins(2), "{place}: helm was never seen at work on the hub");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The few things that a document lets somebody do with kubectl, done as kubectl does them.
    fn somebody_else(&self, words: &[String]) -> String {
        let testbed = self.testbed.as_ref().expect("only in blocks for a cluster");
        let api = Api::new(&testbed.kubeconfig);
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        match words.as_slice() {
            ["scale", "deployment", name, replicas, "-n", namespace] => {
                let replicas: u32 = replicas.strip_prefix("--replicas=").unwrap().parse().unwrap();
                let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale");
                api.patch(&path, "kubectl", &serde_json::json!({"spec": {"replicas": replicas}}));
                format!("deployment.apps/{name} scaled")
            }
            ["delete", "service", name, "-n", namespace] => {
                api.delete(&format!("/api/v1/namespaces/{namespace}/services/{name}"));
                format!("service \"{name}\" deleted")
            }
            ["apply", "-f", file] => {
                let text = fs::read_to_string(self.path(file)).unwrap();
                let class: serde_json::Value = serde_yaml::from_str(&text).unwrap();
                api.create(CLASSES, &class);
                format!("storageclass.storage.k8s.io/{} created", class["metadata"]["name"].as_str().unwrap())
            }
            ["annotate", "storageclass", name, annotation, "--overwrite"] => {
                let (key, value) = annotation.split_once('=').unwrap();
                let body = serde_json::json!({"metadata": {"annotations": {key: value}}});
                api.patch(&format!("{CLASSES}/{name}"), "kubectl-annotate", &body);
                format!("storageclass.storage.k8s.io/{name} annotated")
            }
            other => panic!("nobody does {other:?} here"),
        }
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
