//! The program in the kernel, followed step by step.

use std::time::Duration;

use tokio::time::Instant;

use super::explain::explained;
use super::hub::{Hub, plain};
use super::kernel::{Kernel, Said};
use super::log::Log;
use super::program::{Ended, Line, Lines, Task, program};
use super::step::{Failure, Step};
use super::versions::Versions;
use crate::error::{Error, Result};

/// Beyond the time that the program gives itself: it knows better why it waits.
const GRACE: Duration = Duration::from_secs(30);
/// Longest end of standard error that is shown.
const TAIL: usize = 600;

/// What the program did that must be undone if it does not do so itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dask {
    /// There may be clusters of our user.
    pub(super) left: bool,
}

/// How far a program came.
struct Follower<'f> {
    task: Task,
    patience: Duration,
    now: Option<(Step, Instant)>,
    last: Option<Step>,
    cluster: Option<String>,
    done: bool,
    failed: bool,
    stderr: String,
    raised: Option<String>,
    dask: &'f mut Dask,
}

/// Runs a task in a kernel; each step of it is told.
pub(super) async fn follow(
    log: &mut Log<'_>,
    hub: &Hub<'_>,
    kernel: &mut Kernel,
    (task, patience): (Task, Duration),
    dask: &mut Dask,
) -> Result<()> {
    let request = kernel.run(&program(task)).await?;
    let mut follower = Follower {
        task,
        patience,
        now: None,
        last: None,
        cluster: None,
        done: false,
        failed: false,
        stderr: String::new(),
        raised: None,
        dask,
    };
    let mut lines = Lines::default();
    loop {
        let deadline = follower.now.map_or_else(Instant::now, |(_, since)| since) + patience + GRACE;
        match kernel.said(&request, deadline).await? {
            Some(Said::Printed { text, error: false }) => {
                for line in lines.take(&text) {
                    follower.line(log, line).await;
                }
            }
            Some(Said::Printed { text, error: true }) => follower.stderr.push_str(&text),
            Some(Said::Raised(error)) => follower.raised = Some(error),
            Some(Said::Ended) => return follower.ended(log).await,
            Some(Said::Died) => return follower.died(log).await,
            None => {
                follower.late(log).await;
                // It goes on to clean up after itself; what it does not, we do.
                return kernel.interrupt(hub).await;
            }
        }
    }
}

/// Runs the program that stops Dask clusters; how many it stopped.
pub(super) async fn sweep(kernel: &mut Kernel, patience: Duration) -> Result<u64> {
    let request = kernel.run(&program(Task::Sweep)).await?;
    let deadline = Instant::now() + patience;
    let mut lines = Lines::default();
    let mut stopped = None;
    loop {
        match kernel.said(&request, deadline).await? {
            Some(Said::Printed { text, error: false }) => {
                for line in lines.take(&text) {
                    if let Line::Ended(Ended { ok: true, facts, .. }) = line {
                        stopped = facts.get("stopped").and_then(serde_json::Value::as_u64);
                    }
                }
            }
            Some(Said::Printed { .. } | Said::Raised(_)) => {}
            Some(Said::Ended | Said::Died) | None => {
                return stopped.ok_or_else(|| Error::user("the Dask clusters of the test cannot be stopped"));
            }
        }
    }
}

impl Follower<'_> {
    async fn line(&mut self, log: &mut Log<'_>, line: Line) {
        match line {
            Line::Done => self.done = true,
            Line::Began(name) => {
                self.dask.left |= name == "scheduler";
                if let Some(step) = Step::of_program(&name) {
                    self.now = Some((step, Instant::now()));
                    log.began(step);
                }
            }
            Line::Ended(ended) => self.step(log, &ended).await,
        }
    }

    async fn step(&mut self, log: &mut Log<'_>, ended: &Ended) {
        if ended.step == "close" && ended.ok {
            self.dask.left = false;
        }
        let Some(step) = Step::of_program(&ended.step) else { return };
        (self.now, self.last) = (None, Some(step));
        if let Some(cluster) = ended.facts.get("cluster").and_then(serde_json::Value::as_str) {
            self.cluster = Some(cluster.to_owned());
        }
        let judged = match step {
            _ if !ended.ok => Err(explained(step, &ended.error)),
            Step::Versions => {
                let facts = ended.facts.get("versions").cloned().unwrap_or_default();
                Versions::of(&facts).judged().map_err(Failure::from)
            }
            _ => Ok(ended.seen(step, self.task)),
        };
        match judged {
            Ok(seen) => log.passed(step, ended.seconds, seen),
            Err(failure) => self.fail(log, step, ended.seconds, failure).await,
        }
    }

    async fn fail(&mut self, log: &mut Log<'_>, step: Step, seconds: f64, failure: Failure) {
        self.failed = true;
        log.failed(step, seconds, failure, self.cluster.as_deref()).await;
    }

    async fn ended(&mut self, log: &mut Log<'_>) -> Result<()> {
        if !self.done && !self.failed {
            let error = Error::user("the program in the kernel ended without a verdict");
            let error = self.raised.take().map_or(error.clone(), |raised| error.because(plain(&raised)));
            let failure = Failure::from(error.because(self.tail()));
            self.fail(log, Step::Kernel, 0.0, failure).await;
        }
        Ok(())
    }

    async fn died(&mut self, log: &mut Log<'_>) -> Result<()> {
        // Its last words are lost with it at times, so that the step that began may be unknown.
        let (when, seconds) = match (self.now, self.last) {
            (Some((step, since)), _) => (format!("during {}", step.name()), since.elapsed().as_secs_f64()),
            (None, Some(step)) => (format!("after {}", step.name()), 0.0),
            (None, None) => ("before it did anything".to_owned(), 0.0),
        };
        let error = Error::user(format!("the kernel died {when}"))
            .because("it was killed, most often because the user's memory limit is too small")
            .hint("users.memory.limit in the site file");
        self.fail(log, Step::Kernel, seconds, error.into()).await;
        Ok(())
    }

    async fn late(&mut self, log: &mut Log<'_>) {
        let (step, since) = self.now.unwrap_or((Step::Kernel, Instant::now()));
        let error = Error::user(format!("{} is not done after {} seconds", step.name(), self.patience.as_secs()))
            .hint("longer, if images must be pulled or nodes added: --timeout");
        self.fail(log, step, since.elapsed().as_secs_f64(), error.into()).await;
    }

    fn tail(&self) -> String {
        let all = self.stderr.as_str();
        let start = all.char_indices().rev().nth(TAIL).map_or(0, |(at, _)| at);
        // From a whole word: half a secret would not be known for one.
        let start = if start == 0 { 0 } else { all[start..].find(char::is_whitespace).map_or(start, |at| start + at) };
        if all.is_empty() { "it printed no error".to_owned() } else { plain(&all[start..]) }
    }
}
