//! Rung 6: real PostgreSQL, JupyterHub and Dask Gateway on loopback, set up from what we render.
//!
//! `scripts/test.sh` installs them and sets `IRIS_TEST_APPS`; without it each of these tests says that it was
//! skipped. Two at a time: each starts six programs.

mod alone;
mod breaks;
mod cleaning;
mod engines;
mod https;
mod login;
mod sizes;
mod working;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::common::{Run, TestEnv, repo};

/// How many may run at the same time.
static PLACES: (Mutex<usize>, Condvar) = (Mutex::new(2), Condvar::new());

/// A place among those that run at the same time.
struct Place;

impl Place {
    fn take() -> Self {
        let mut free = PLACES.0.lock().unwrap();
        while *free == 0 {
            free = PLACES.1.wait(free).unwrap();
        }
        *free -= 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *PLACES.0.lock().unwrap() += 1;
        PLACES.1.notify_one();
    }
}

/// What is wrong with the applications of a test, or not as usual.
#[derive(Default)]
pub(crate) struct Fault<'f> {
    /// Lines of a site file; the applications get what it renders, and the test that of the right one.
    site: &'f str,
    /// Python at the end of the hub's configuration.
    hub: &'f str,
    /// Python at the end of the gateway's.
    gateway: &'f str,
    /// Something that is replaced in the rendered secrets of the chart.
    secrets: Option<fn(&str) -> String>,
    /// A gateway of 2024.1.0.
    older_gateway: bool,
    /// A database that an older JupyterHub made.
    older_hub: bool,
    /// The folder of the programs of another PostgreSQL.
    postgres: Option<&'f Path>,
    /// What the database proves itself with; then it speaks TLS alone.
    certificate: Option<&'f Path>,
}

/// The applications, running.
pub(crate) struct Running {
    state: PathBuf,
    /// Where users would go.
    pub(crate) url: String,
    _place: Place,
}

impl Running {
    /// Starts them as a bundle says, with their state in a folder that is not there yet; none where they cannot
    /// be had, which is said.
    pub(crate) fn up(state: PathBuf, bundle: &Path, fault: &Fault) -> Option<Self> {
        Some(Self::try_up(state, bundle, fault)?.unwrap_or_else(|said| panic!("{said}")))
    }

    /// Starts them, if that can be done; else what was said of it.
    pub(crate) fn try_up(state: PathBuf, bundle: &Path, fault: &Fault) -> Option<Result<Self, String>> {
        if !can_be_had() {
            return None;
        }
        let mut running = Self { state, url: String::new(), _place: Place::take() };
        let mut command = running.script(&["up", &bundle.to_string_lossy()]);
        command.env("IRIS_APPS_HUB_FAULT", fault.hub).env("IRIS_APPS_GATEWAY_FAULT", fault.gateway);
        if fault.older_gateway {
            command.env("IRIS_APPS_OLDER_GATEWAY", "1");
        }
        if fault.older_hub {
            command.env("IRIS_APPS_OLDER_HUB", "1");
        }
        if let Some(programs) = fault.postgres {
            command.env("IRIS_APPS_POSTGRES", programs);
        }
        if let Some(folder) = fault.certificate {
            command.env("IRIS_APPS_CERTIFICATE", folder);
        }
        let output = command.output().unwrap();
        if !output.status.success() {
            let logs = ["prepare", "hub"].map(|part| running.log(part)).concat();
            return Some(Err(format!("{}\n{logs}", String::from_utf8_lossy(&output.stderr))));
        }
        let said = String::from_utf8(succeed(&mut running.script(&["env"])).stdout).unwrap();
        said.trim().strip_prefix("export IRIS_APPS_URL=").unwrap().clone_into(&mut running.url);
        Some(Ok(running))
    }

    /// Ends the hub and starts it again, on the database that it has; what it logged before is `hub-first`.
    fn restart(&self) {
        succeed(&mut self.script(&["restart"]));
    }

    /// What one of them logged.
    fn log(&self, part: &str) -> String {
        std::fs::read_to_string(self.state.join("log").join(format!("{part}.log"))).unwrap_or_default()
    }

    /// Asks the hub, and reads the whole answer.
    fn ask(&self, method: &str, path: &str, token: &str) -> String {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: token {token}\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn script(&self, args: &[&str]) -> Command {
        let mut command = Command::new(repo().join("scripts/apps.sh"));
        command.args(args).env("IRIS_APPS", &self.state).stdin(Stdio::null());
        command
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.script(&["down"]).output();
    }
}

fn can_be_had() -> bool {
    let had = std::env::var_os("IRIS_TEST_APPS").is_some();
    if !had {
        eprintln!("SKIPPED: no applications; `export IRIS_TEST_APPS=1` after `scripts/apps.sh install`");
    }
    had
}

/// The applications, running, and a folder from which they can be tested.
struct Apps {
    running: Running,
    env: TestEnv,
    chart: &'static str,
}

const SITE: &str = "profile: kind\n";

impl Apps {
    /// As they should be; none where they cannot be had, which is said.
    fn up() -> Option<Self> {
        Self::broken(&Fault::default())
    }

    /// With something wrong.
    fn broken(fault: &Fault) -> Option<Self> {
        Self::of("daskhub", fault)
    }

    /// Those of a chart, with something wrong.
    fn of(chart: &'static str, fault: &Fault) -> Option<Self> {
        if !can_be_had() {
            return None;
        }
        let env = TestEnv::with_site(SITE);
        env.ok(&["render", chart]);
        // Beside the right one, so that both have the same secrets.
        env.write("broken.yaml", format!("{SITE}{}", fault.site));
        env.ok(&["render", chart, "-f", "broken.yaml", "--output-dir", "broken"]);
        if let Some(replace) = fault.secrets {
            let file = format!("broken/{chart}/secrets.yaml");
            let secrets = env.read(&file);
            let replaced = replace(&secrets);
            assert_ne!(secrets, replaced, "there is something to replace");
            env.write(&file, replaced);
        }
        let running = Running::up(env.root().join("apps"), &env.path("broken"), fault)?;
        Some(Self { running, env, chart })
    }

    /// Ends one of the applications.
    fn stop(&self, part: &str) {
        succeed(&mut self.running.script(&["stop", part]));
    }

    fn command(&self, more: &[&str]) -> Command {
        self.env.command(&[&["test", self.chart, "--url", &self.running.url], more].concat())
    }

    /// Tests; no secret may be in what it prints.
    fn test(&self, more: &[&str]) -> Run {
        self.env.run(&[&["test", self.chart, "--url", &self.running.url], more].concat())
    }

    /// Tests, which must go well.
    fn passes(&self, more: &[&str]) -> Run {
        let run = self.test(more);
        assert_eq!(run.code, Some(0), "{run}\n{}", self.logs());
        run
    }

    /// Tests, which must fail at this step with these words; and leave nothing.
    fn fails(&self, more: &[&str], step: &str, words: &[&str]) -> Run {
        let run = self.test(more);
        assert_eq!(run.code, Some(1), "{run}\n{}", self.logs());
        assert!(run.stdout.contains(&format!("\nFAILED at {step}, after ")), "not at {step}\n{run}\n{}", self.logs());
        let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(said.contains(word), "no {word:?} in\n{run}");
        }
        assert!(said.contains("fix: "), "nothing to do is told\n{run}");
        run
    }

    /// Nothing of a test is left: no user, no server, no Dask cluster.
    fn assert_clean(&self) {
        let token = &self.env.secrets()["test-token"];
        let answer = self.running.ask("GET", "/hub/api/users/helm-iris-test", token);
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        self.assert_ended();
    }

    /// No Dask cluster of a test is left, and no server.
    fn assert_ended(&self) {
        // The gateway takes its time to end the processes of a cluster that it was told to stop.
        let end = Instant::now() + Duration::from_secs(20);
        while self.processes("scheduler") + self.processes("singleuser") > 0 {
            assert!(Instant::now() < end, "something still runs\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// How many processes of these applications have the word in their command.
    fn processes(&self, word: &str) -> usize {
        let mark = format!("IRIS_APPS={}", self.running.state.display());
        let all = std::fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
        let ours = all.filter(|process| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        });
        let commands = ours.map(|process| std::fs::read(process.join("cmdline")).unwrap_or_default());
        commands.filter(|command| String::from_utf8_lossy(command).contains(word)).count()
    }

    /// What one of the applications logged.
    fn log(&self, part: &str) -> String {
        self.running.log(part)
    }

    /// The ends of the applications' logs, for a test that failed.
    fn logs(&self) -> String {
        let mut out = String::new();
        for part in ["hub", "gateway"] {
            let text = self.log(part);
            let lines: Vec<&str> = text.lines().collect();
            out.push_str(&format!("──── {part}\n{}\n", lines[lines.len().saturating_sub(15)..].join("\n")));
        }
        out
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}
