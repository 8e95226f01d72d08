//! Rung 4: the program as a plugin of real Helm 3 and real Helm 4, and what Helm makes of our files.

mod calls;
mod completion;
mod install;
mod pull;
mod round_trip;
mod template;

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::common::{self, TestEnv};

/// A real helm.
#[derive(Debug, Clone)]
struct Helm {
    name: &'static str,
    program: PathBuf,
}

impl fmt::Display for Helm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The real helms: those of `HELM3` and `HELM4`, else those that `scripts/tools.sh` built. One that
/// is named and not there fails; where none is named and built, it is skipped.
fn helms(test: &str) -> Vec<Helm> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    let mut helms = Vec::new();
    for (name, variable, folder) in [("Helm 3", "HELM3", "helm3"), ("Helm 4", "HELM4", "helm4")] {
        if let Some(program) = std::env::var_os(variable).map(PathBuf::from) {
            assert!(program.is_file(), "{variable} is {}, and there is no such program", program.display());
            helms.push(Helm { name, program });
            continue;
        }
        let program = cache.join("helm-iris/testbed").join(folder).join("helm");
        if program.is_file() {
            helms.push(Helm { name, program });
        } else {
            common::skipped(test, &format!("no {name}: set {variable}, or run scripts/tools.sh helm"));
        }
    }
    helms
}

fn home() -> PathBuf {
    std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default()
}

/// Runs a test with each helm.
fn with_helm(test: &str, run: impl Fn(&Plugged)) {
    let helms = helms(test);
    if !helms.is_empty() {
        common::each(helms, |helm| run(&Plugged::new(helm)));
    }
}

/// Makes a folder as `helm plugin install` takes it, with the program of this build.
pub(crate) fn plugin_folder(folder: &Path) {
    for file in ["plugin.yaml", "plugin.complete", "scripts/install.sh"] {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(common::repo().join(file), path).unwrap();
    }
    std::fs::create_dir(folder.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_helm-iris"), folder.join("bin/helm-iris")).unwrap();
}

/// An empty environment with a helm that has the program installed as a plugin.
struct Plugged {
    env: TestEnv,
    helm: Helm,
}

impl Plugged {
    /// Installs the plugin from a folder, as `helm plugin install` does for people who have one.
    fn new(helm: &Helm) -> Self {
        let plugged = Self::without_plugin(helm);
        let installed = plugged.helm(&["plugin", "install", &plugged.folder().to_string_lossy()]);
        assert_eq!(installed.code, Some(0), "{installed}");
        plugged
    }

    /// The same before the plugin is installed; its folder holds the program of this build.
    fn without_plugin(helm: &Helm) -> Self {
        let plugged = Self { env: TestEnv::new(), helm: helm.clone() };
        plugin_folder(&plugged.folder());
        plugged
    }

    /// The plugin's folder; with a space, since people have such folders.
    fn folder(&self) -> PathBuf {
        self.env.root().join("the plugin")
    }

    /// A command with the empty environment, and the usual programs on its path.
    fn command<S: AsRef<OsStr>>(&self, program: &Path, args: &[S]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.env.path("")).stdin(Stdio::null());
        self.env.clear(&mut command);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("KUBECONFIG", self.env.root().join("kubeconfig"));
        for (name, folder) in [("HELM_DATA_HOME", "data"), ("HELM_CONFIG_HOME", "helm-config")] {
            command.env(name, self.env.root().join(folder));
        }
        command
    }

    /// Runs helm; nothing that it prints may hold a secret.
    fn helm<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        self.no_secret(Ran::of(&mut self.command(&self.helm.program, args)))
    }

    /// Runs helm, which must end well; tells what it printed.
    fn helm_ok<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        let ran = self.helm(args);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.stdout
    }

    /// Runs the program itself, without helm.
    fn direct<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        self.no_secret(Ran::of(&mut self.command(Path::new(env!("CARGO_BIN_EXE_helm-iris")), args)))
    }

    fn no_secret(&self, ran: Ran) -> Ran {
        for (name, value) in self.env.secrets() {
            assert!(!ran.shows(&value), "{}: the output of `{}` holds the secret {name}", self.helm, ran.command);
        }
        ran
    }
}

/// What a command printed and how it ended.
struct Ran {
    command: String,
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { command: format!("{command:?}"), code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Whether a secret is in what was printed, raw or in base64.
    fn shows(&self, secret: &str) -> bool {
        let forms = [secret.to_owned(), STANDARD.encode(secret).trim_end_matches('=').to_owned()];
        forms.iter().any(|form| self.stdout.contains(form) || self.stderr.contains(form))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "{command}\nexit code {code:?}\n──── stdout\n{stdout}──── stderr\n{stderr}")
    }
}
