//! What is tried, step by step, and what came of it: the answer of `test`, as data.

use serde::Serialize;

use crate::error::Error;

/// One step of the way that a user goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The hub's API answers, through the proxy.
    Reach,
    /// The hub takes our service's token, for what we need and nothing more.
    Token,
    /// Dask Gateway answers, through the hub's address where it has a hub.
    Gateway,
    /// The hub and the gateway have the same token for each other.
    SharedToken,
    /// A user of our own.
    User,
    /// A person can log in by the form.
    LogIn,
    /// The user's server starts.
    Spawn,
    /// Its image is pulled.
    Pull,
    /// Its volume is there.
    Volume,
    /// A kernel answers over its websocket.
    Kernel,
    /// The user's home folder can be written.
    Home,
    /// The notebook has Dask Gateway's client.
    Import,
    /// The gateway takes the user.
    GatewayAuth,
    /// A Dask cluster's scheduler starts and can be reached.
    Scheduler,
    /// Workers come.
    Workers,
    /// Notebook, scheduler and workers have the same versions.
    Versions,
    /// The guide's computation.
    Compute,
    /// Workers go.
    ScaleDown,
    /// Nothing is left.
    CleanUp,
}

impl Step {
    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Token => "token",
            Self::Gateway => "gateway",
            Self::SharedToken => "shared-token",
            Self::User => "user",
            Self::LogIn => "log-in",
            Self::Spawn => "spawn",
            Self::Pull => "pull",
            Self::Volume => "volume",
            Self::Kernel => "kernel",
            Self::Home => "home",
            Self::Import => "import",
            Self::GatewayAuth => "gateway-auth",
            Self::Scheduler => "scheduler",
            Self::Workers => "workers",
            Self::Versions => "versions",
            Self::Compute => "compute",
            Self::ScaleDown => "scale-down",
            Self::CleanUp => "clean-up",
        }
    }

    /// The step that the program in the kernel calls so.
    pub(super) fn of_program(name: &str) -> Option<Self> {
        let steps = [
            Self::Home,
            Self::Import,
            Self::GatewayAuth,
            Self::Scheduler,
            Self::Workers,
            Self::Versions,
            Self::Compute,
            Self::ScaleDown,
        ];
        steps.into_iter().find(|step| step.name() == name)
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It works.
    Ok,
    /// It does not.
    Failed,
    /// It could not be tried, for the reason that is told.
    Skipped,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub seconds: f64,
    /// What was seen.
    pub seen: String,
    /// Why it failed, outermost first: the words of those who know, pods and logs included.
    pub why: Vec<String>,
    /// What to do.
    pub fix: Vec<String>,
}

/// All that came of a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether no step failed.
    pub passed: bool,
    /// How much was tried.
    pub level: Level,
    /// Where it was reached.
    pub address: String,
    /// The steps, in the order in which they ended.
    pub steps: Vec<StepReport>,
    /// How long it all took.
    pub seconds: f64,
}

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Whether hub, proxy and gateway answer.
    Quick,
    /// A Dask cluster with workers, without a computation: all that can be had of a gateway by itself.
    Workers,
    /// All that a user does.
    Full,
}

impl Report {
    /// The first step that failed.
    pub fn failed(&self) -> Option<&StepReport> {
        self.steps.iter().find(|step| step.verdict == Verdict::Failed)
    }
}

/// Why a step failed; and, where that is known better than before, which step that is.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) step: Option<Step>,
    pub(super) error: Error,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { step: None, error }
    }
}

impl Failure {
    /// A failure that belongs to another step than the one that was tried.
    pub(super) fn of(step: Step, error: Error) -> Self {
        Self { step: Some(step), error }
    }
}
