//! An empty environment in which the program runs, and the transcript of a run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Once;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::{Tree, write};

/// A folder to work in, an empty home, no configuration, no cache, nothing on the path.
pub(crate) struct TestEnv {
    root: TempDir,
}

impl TestEnv {
    /// An empty one.
    pub(crate) fn new() -> Self {
        // Files that the program writes have modes as the umask allows; the same for all tests.
        static UMASK: Once = Once::new();
        UMASK.call_once(|| {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        });
        let root = tempfile::Builder::new().prefix("helm-iris-test-").tempdir().unwrap();
        for folder in ["work", "home", "bin", "tmp"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root }
    }

    /// One with a site file.
    pub(crate) fn with_site(site: impl AsRef<[u8]>) -> Self {
        let env = Self::new();
        env.write("iris.yaml", site);
        env
    }

    /// The folder that holds everything.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// A path in the folder in which the program runs.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root().join("work").join(inside)
    }

    /// Where the program keeps chart archives.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root().join("cache/helm-iris")
    }

    /// Writes a file of the working folder.
    pub(crate) fn write(&self, inside: &str, content: impl AsRef<[u8]>) {
        write(&self.path(inside), content);
    }

    /// Reads a file of the working folder.
    pub(crate) fn read(&self, inside: &str) -> String {
        super::read(&self.path(inside))
    }

    /// Replaces a part of a file, which must be there.
    pub(crate) fn edit(&self, inside: &str, from: &str, to: &str) {
        let text = self.read(inside);
        assert!(text.contains(from), "{inside} does not hold {from:?}:\n{text}");
        self.write(inside, text.replacen(from, to, 1));
    }

    /// All files of the working folder.
    pub(crate) fn tree(&self) -> Tree {
        Tree::of(&self.path(""))
    }

    /// The program, ready to run with nothing of the caller's environment.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_helm-iris"));
        command.args(args).current_dir(self.path("")).stdin(Stdio::null());
        self.clear(&mut command);
        command
    }

    /// Gives a command the empty environment.
    pub(crate) fn clear(&self, command: &mut Command) {
        let root = self.root();
        command
            .env_clear()
            .env("HOME", root.join("home"))
            .env("PATH", root.join("bin"))
            .env("TMPDIR", root.join("tmp"))
            .env("HELM_CACHE_HOME", root.join("cache"))
            .env("XDG_CONFIG_HOME", root.join("config"))
            .env("LANG", "C")
            .env("COLUMNS", "80");
    }

    /// Runs the program; nothing that it prints may hold a secret.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        let run = self.finish(args, &self.command(args).output().unwrap());
        for (name, value) in self.secrets() {
            for form in forms(&value) {
                assert!(!run.raw.contains(&form), "the output holds the secret {name}");
            }
        }
        run
    }

    /// Runs the program, which must end well.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(0), "{run}");
        run
    }

    /// Runs the program, which must fail and leave every file as it was.
    pub(crate) fn refused<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        let before = self.tree();
        let run = self.run(args);
        assert_ne!(run.code, Some(0), "{run}");
        before.assert_same(&self.tree());
        run
    }

    /// Makes a transcript of an output.
    pub(crate) fn finish<S: AsRef<OsStr>>(&self, args: &[S], output: &Output) -> Run {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program prints UTF-8");
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let args: Vec<_> = args.iter().map(|arg| quoted(&arg.as_ref().to_string_lossy())).collect();
        Run {
            raw: format!("{stdout}{stderr}"),
            command: self.filter(&args.join(" ")),
            stdout: self.filter(&stdout),
            stderr: self.filter(&stderr),
            code: output.status.code(),
        }
    }

    /// The secrets of all local stores by name.
    pub(crate) fn secrets(&self) -> BTreeMap<String, String> {
        let mut secrets = BTreeMap::new();
        let tree = self.tree();
        for (_, file) in tree.files().filter(|(path, _)| path.ends_with(".secrets.yaml")) {
            let Ok(store) = serde_yaml::from_slice::<serde_json::Value>(&file.bytes) else { continue };
            for (name, entry) in store["secrets"].as_object().into_iter().flatten() {
                if let Some(value) = entry["value"].as_str().filter(|value| value.len() >= 8) {
                    secrets.insert(name.clone(), value.to_owned());
                }
            }
        }
        secrets
    }

    /// Puts names in the place of what differs from run to run: folders, secrets, digests.
    pub(crate) fn filter(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in self.secrets() {
            text = text.replace(&value, &format!("[SECRET:{name}]"));
        }
        let root = self.root().to_string_lossy();
        for (folder, name) in [("work", "[WORK]"), ("home", "[HOME]"), ("cache", "[CACHE]"), ("config", "[CONFIG]")] {
            text = text.replace(&format!("{root}/{folder}"), name);
        }
        without_times(&without_digests(&text.replace(&*root, "[ROOT]")))
    }

    /// Every secret is in files of mode 0600 and nowhere else; and it is there, or this would
    /// prove nothing.
    pub(crate) fn assert_secrets_are_private(&self) {
        let secrets = self.secrets();
        assert!(!secrets.is_empty(), "there are secrets to look for");
        let tree = self.tree();
        for (name, value) in secrets {
            let mut private = 0;
            for (path, file) in tree.files() {
                let text = String::from_utf8_lossy(&file.bytes);
                if forms(&value).iter().any(|form| text.contains(form)) {
                    assert_eq!(file.mode, 0o600, "{path} holds the secret {name}");
                    private += 1;
                }
            }
            assert!(private >= 2, "{name} is in the store and in a secrets.yaml");
        }
    }
}

/// A value as it might leak: raw, base64, URL-encoded.
pub(crate) fn forms(value: &str) -> Vec<String> {
    let encoded = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    vec![value.to_owned(), STANDARD.encode(value), value.bytes().map(encoded).collect()]
}

fn quoted(arg: &str) -> String {
    let plain = !arg.is_empty() && arg.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c));
    if plain { arg.to_owned() } else { format!("'{}'", arg.replace('\'', "'\\''")) }
}

/// SHA-256 digests change with every word of a comment; that they are right is tested by itself.
fn without_digests(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_hexdigit() && !c.is_ascii_uppercase() {
            run.push(c);
            continue;
        }
        match run.len() {
            64 => out.push_str("[SHA256]"),
            16 if out.ends_with('.') && c == '.' => out.push_str("[DIGEST]"),
            _ => out.push_str(&run),
        }
        run.clear();
        out.push(c);
    }
    out.pop();
    out
}

/// Times as `2026-11-22T18:30:56Z`, which only the ledger and its lists show.
fn without_times(text: &str) -> String {
    fn hidden(word: &str) -> &str {
        if word.len() == 20 && word.parse::<jiff::Timestamp>().is_ok() { "[TIME]" } else { word }
    }
    text.split_inclusive([' ', '\n'])
        .map(|word| {
            let end = word.trim_end_matches([' ', '\n']);
            format!("{}{}", hidden(end), &word[end.len()..])
        })
        .collect()
}

/// What a run printed and how it ended, filtered.
pub(crate) struct Run {
    raw: String,
    /// The arguments.
    pub(crate) command: String,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ helm-iris {}", self.command)?;
        match self.code {
            Some(code) => writeln!(f, "[exit code {code}]")?,
            None => writeln!(f, "[ended by a signal]")?,
        }
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "──── {name}\n{text}")?;
            }
        }
        Ok(())
    }
}
