//! Rung 5: a real control plane with real Helm 3 and Helm 4.
//!
//! `scripts/test.sh` starts one and sets KUBECONFIG, HELM3, HELM4 and `IRIS_TEST_REPO`; without them
//! each of these tests says that it was skipped. They run one after another, because the default
//! StorageClass belongs to the whole cluster.

mod adopt;
mod api;
mod at_once;
mod conflicts;
mod crds;
mod damaged;
mod doctor;
mod drift;
mod dump;
mod engines;
mod existing;
mod export;
mod faults;
mod gate;
mod install;
mod killed;
mod killed_secrets;
mod kills;
mod outside;
mod plan;
mod postgresql;
mod processes;
mod race;
mod refusals;
mod rollback;
mod rotate;
mod rotate_engines;
mod scale;
mod seen;
mod shared;
mod smoke;
mod state;
mod status;
mod trouble;
mod unanswered;
mod uninstall;
mod uninstall_stopped;
mod versions;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use crate::common::{Run, TestEnv, repo};
pub(crate) use api::Api;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The control plane, for one test alone.
struct Testbed {
    kubeconfig: PathBuf,
    repo: String,
    helm3: PathBuf,
    helm4: PathBuf,
    api: Api,
    _alone: MutexGuard<'static, ()>,
}

impl Testbed {
    /// The control plane with nothing of ours in it; none where there is none.
    fn take() -> Option<Self> {
        let var = std::env::var_os;
        let all = (var("KUBECONFIG"), var("IRIS_TEST_REPO"), var("HELM3"), var("HELM4"));
        let (Some(kubeconfig), Some(repo), Some(helm3), Some(helm4)) = all else {
            eprintln!("SKIPPED: no control plane; `eval \"$(scripts/testbed.sh env)\"` after `scripts/testbed.sh up`");
            return None;
        };
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let api = Api::new(&PathBuf::from(&kubeconfig));
        let testbed = Self {
            kubeconfig: kubeconfig.into(),
            repo: repo.into_string().unwrap(),
            helm3: helm3.into(),
            helm4: helm4.into(),
            api,
            _alone: alone,
        };
        testbed.reset();
        Some(testbed)
    }

    /// Removes every StorageClass and what hubs share.
    fn reset(&self) {
        self.api.delete_all("/apis/storage.k8s.io/v1/storageclasses");
        self.api.delete_all("/api/v1/namespaces/helm-iris-system/secrets");
    }

    /// Each Helm with a word for it, to be part of a namespace.
    fn helms(&self) -> [(&'static str, PathBuf); 2] {
        [("h3", self.helm3.clone()), ("h4", self.helm4.clone())]
    }

    /// A namespace that no test has used, and that is removed when the hub is dropped.
    fn hub(&self, word: &str, helm: &std::path::Path) -> Hub<'_> {
        self.hub_with(word, helm, "")
    }

    /// As [`Self::hub`], with more lines in the site file.
    fn hub_with(&self, word: &str, helm: &std::path::Path, more: &str) -> Hub<'_> {
        let unique = format!("{:x}", std::process::id());
        let namespace = format!("t-{word}-{unique}");
        let Self { repo, .. } = self;
        let env = TestEnv::with_site(format!(
            "profile: cumulus\nsources:\n  jupyterhub:\n    repo: {repo}\n    sha256: {}\n  dask-gateway:\n    repo: {repo}\n    sha256: {}\n{more}",
            Self::digest("jupyterhub-4.4.0.tgz"),
            Self::digest("dask-gateway-2026.3.0.tgz"),
        ));
        let kubeconfig = self.kubeconfig.clone();
        Hub { testbed: self, env, namespace, helm: helm.to_owned(), kubeconfig, is_guest: false }
    }

    /// The digest of a stand-in chart, as its repository serves it.
    fn digest(archive: &str) -> String {
        let folder = std::env::var_os("IRIS_TEST_CHARTS").map(PathBuf::from).expect("IRIS_TEST_CHARTS");
        helm_iris::fs::sha256_hex(&std::fs::read(folder.join(archive)).unwrap())
    }
}

/// One hub of a test: a folder, a namespace, a helm.
struct Hub<'t> {
    testbed: &'t Testbed,
    env: TestEnv,
    namespace: String,
    helm: PathBuf,
    kubeconfig: PathBuf,
    /// Another folder of a hub that somebody else cleans up.
    is_guest: bool,
}

impl Hub<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut all: Vec<OsString> = args.iter().map(OsString::from).collect();
        all.extend(["-n".into(), OsString::from(&self.namespace)]);
        let mut command = self.env.command(&all);
        command.env("KUBECONFIG", &self.kubeconfig).env("HELM_BIN", &self.helm);
        command
    }

    /// Runs a verb on this hub.
    fn run(&self, args: &[&str]) -> Run {
        let output = self.command(args).output().unwrap();
        self.env.finish(args, &output)
    }

    /// Installs without asking; must end well.
    fn install(&self, more: &[&str]) -> Run {
        let run = self.run(&[&["install", "daskhub", "--yes"], more].concat());
        assert_eq!(run.code, Some(0), "{run}");
        run
    }

    /// Installs without asking; must fail with exit code 1 and these words.
    fn refused(&self, more: &[&str], words: &[&str]) -> Run {
        let run = self.run(&[&["install", "daskhub", "--yes"], more].concat());
        assert_eq!(run.code, Some(1), "{run}");
        for word in words {
            assert!(run.stderr.contains(word), "no {word:?} in\n{run}");
        }
        run
    }

    /// Runs the real helm on this hub's namespace; must end well.
    fn helm(&self, args: &[&str]) -> String {
        let mut command = Command::new(&self.helm);
        self.env.clear(&mut command);
        command.args(args).args(["-n", &self.namespace]).env("KUBECONFIG", &self.kubeconfig);
        let output = command.output().unwrap();
        assert!(output.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn api(&self) -> &Api {
        &self.testbed.api
    }

    /// A path of the API in this hub's namespace, e.g. `secrets/hub`.
    fn core(&self, inside: &str) -> String {
        format!("/api/v1/namespaces/{}/{inside}", self.namespace)
    }
}

impl Drop for Hub<'_> {
    fn drop(&mut self) {
        if self.is_guest {
            return;
        }
        // Cluster-wide objects carry the release's name, so helm must take them away.
        for release in [self.namespace.as_str(), "postgresql"] {
            let mut command = Command::new(&self.testbed.helm4);
            self.env.clear(&mut command);
            command.args(["uninstall", release, "-n", &self.namespace, "--ignore-not-found"]);
            let _ = command.env("KUBECONFIG", &self.testbed.kubeconfig).output();
        }
        self.api().delete(&format!("/api/v1/namespaces/{}", self.namespace));
    }
}

/// How often a test repeats itself, and its seed: the short form, or what `scripts/soak.sh` asks for by
/// `IRIS_SOAK` and `IRIS_SOAK_SEED` when it runs this very test.
fn soak(short: usize, seed: u64) -> (usize, u64) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let count = number("IRIS_SOAK").and_then(|count| usize::try_from(count).ok()).unwrap_or(short);
    (count, number("IRIS_SOAK_SEED").unwrap_or(seed))
}

/// Adds lines of Markdown to the report that `scripts/soak.sh` asks for by `IRIS_SOAK_REPORT`, a file.
fn report(lines: &[String]) {
    use std::io::Write;
    let Some(path) = std::env::var_os("IRIS_SOAK_REPORT") else { return };
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    writeln!(file, "{}", lines.join("\n")).unwrap();
}

/// A script of the repository.
fn script(name: &str) -> PathBuf {
    repo().join("scripts").join(name)
}
