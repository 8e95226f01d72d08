//! Running helm: its environment, its output, and stopping it so that it can tidy up.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

use super::guard;
use crate::error::{Error, Result};
use crate::kube::{Cluster, Relay};
use crate::redact::Secret;

/// More output than helm ever has; the rest is dropped. The objects of a chart with large CRDs are some
/// megabytes.
const MAX_OUTPUT: u64 = 32 * 1024 * 1024;
/// How long helm gets to mark its release as failed after a stop was asked for.
const GRACE: Duration = Duration::from_secs(20);

/// What a helm that called us, or a person, has set for another way to a cluster.
const INHERITED: [&str; 8] = [
    "HELM_KUBECONTEXT",
    "HELM_NAMESPACE",
    "HELM_KUBEASUSER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBECAFILE",
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_KUBETOKEN",
];

/// How helm ended.
pub(super) struct Finished {
    pub success: bool,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// With the cluster's own address where helm names the door that it came through.
    pub(super) fn about(self, relay: &Relay, cluster: &Cluster) -> Self {
        Self { stderr: self.stderr.replace(relay.url().expose(), &cluster.server), ..self }
    }

    /// What is told of it where it did not succeed.
    pub(super) fn failed<T>(&self, told: impl FnOnce(&Self) -> T) -> Option<T> {
        (!self.success).then(|| told(self))
    }
}

pub(super) struct Run {
    command: Command,
    program: PathBuf,
    /// How many of the arguments are for the guard.
    hidden: usize,
    /// What it reads on standard input.
    input: Option<Secret>,
}

impl Run {
    /// Helm that ends with us, where the system can do that.
    pub(super) fn guarded(program: &Path, guard: Option<&Path>) -> Self {
        let Some(guard) = guard else { return Self::new(program) };
        let mut run = Self { program: program.to_owned(), ..Self::new(guard) };
        run.command.args(guard::arguments(program));
        run.hidden = run.command.as_std().get_args().count();
        run
    }

    pub(super) fn new(program: &Path) -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one door to helm")]
        let mut command = Command::new(program);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A debugging helm prints values, and values hold secrets.
            .env("HELM_DEBUG", "false")
            // The messages that we explain are English.
            .env("LC_ALL", "C")
            // We read releases from Secrets, so helm must keep them there.
            .env("HELM_DRIVER", "secret")
            // It lives for a moment, and has tens of megabytes: collecting garbage five times less often, at some
            // 15 MB more, makes it a tenth faster or more with the true charts.
            .env("GOGC", "400")
            // Its own group: Ctrl-C in the terminal reaches us alone, and we stop helm in order.
            .process_group(0)
            .kill_on_drop(true);
        Self { command, program: program.to_owned(), hidden: 0, input: None }
    }

    pub(super) fn arguments<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&mut self, arguments: I) -> &mut Self {
        self.command.args(arguments);
        self
    }

    /// What it reads on standard input, and no file holds.
    pub(super) fn input(&mut self, input: Secret) -> &mut Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(input);
        self
    }

    pub(super) fn folder(&mut self, folder: &Path) -> &mut Self {
        self.command.current_dir(folder);
        self
    }

    /// Leads helm to the cluster that we talk to, through us. By environment, because arguments can be read by
    /// every user of the machine.
    pub(super) fn through(&mut self, relay: &Relay) -> &mut Self {
        for inherited in INHERITED {
            self.command.env_remove(inherited);
        }
        self.command
            // No file at all: helm gets no other credentials and no other cluster.
            .env("KUBECONFIG", "/dev/null")
            .env("HELM_KUBEAPISERVER", relay.url().expose());
        self
    }

    /// The command for the log; no secret is ever an argument.
    fn shown(&self) -> String {
        let words = self.command.as_std().get_args().skip(self.hidden).map(|word| word.to_string_lossy().into_owned());
        std::iter::once(self.program.display().to_string()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// Runs it to its end, unless `stop` comes first.
    ///
    /// # Errors
    /// When it cannot be started, or was stopped; helm was then told and waited for.
    pub(super) async fn finish(mut self, stop: impl Future<Output = ()>) -> Result<Finished> {
        let (start, shown) = (Instant::now(), self.shown());
        let failed =
            |error: std::io::Error| Error::user(format!("cannot run {}", self.program.display())).because(error);
        let mut child = self.command.spawn().map_err(failed)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let stdin = child.stdin.take();
        let mut work = Box::pin(async { tokio::join!(read(stdout), read(stderr), write(stdin, self.input.as_ref())) });
        let (stdout, stderr, ()) = tokio::select! {
            output = &mut work => output,
            () = stop => {
                end(&mut child).await;
                return Err(Error::interrupted("stopped while helm was working")
                    .hint("run the same command again: it goes on from here"));
            }
        };
        let status = child.wait().await.map_err(failed)?;
        tracing::info!(took_ms = millis(start), %status, "{shown}");
        Ok(Finished { success: status.success(), status, stdout, stderr })
    }
}

/// Milliseconds since an instant, for the log.
fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(pipe) = pipe else { return String::new() };
    let mut bytes = Vec::new();
    let mut limited = pipe.take(MAX_OUTPUT);
    // A pipe that breaks ends the output; the exit status tells the rest.
    let _ = limited.read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(limited.get_mut(), &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Who does not read to the end says why on stderr.
async fn write(pipe: Option<ChildStdin>, input: Option<&Secret>) {
    if let (Some(mut pipe), Some(input)) = (pipe, input) {
        let _ = pipe.write_all(input.expose().as_bytes()).await;
    }
}

/// Asks helm to stop, so that it marks the release as failed instead of leaving it pending.
async fn end(child: &mut Child) {
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::TERM);
        if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
