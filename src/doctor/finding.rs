//! What was found: the answer of `doctor`, as data.

use serde::Serialize;

use super::facts::Look;
use crate::error::Error;

/// What is looked at, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Kubernetes and Helm against what the charts need.
    Versions,
    /// StorageClasses and the driver behind them.
    Storage,
    /// What we may make.
    Rights,
    /// Nodes against what a user and a Dask worker need.
    Capacity,
    /// Names that the whole cluster shares.
    Names,
    /// Whether NetworkPolicies are enforced.
    Network,
    /// Addresses.
    LoadBalancer,
    /// Chart archives.
    Archives,
    /// Container images.
    Images,
    /// Releases that Helm has not finished, and where Helm keeps them.
    Releases,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Versions,
        Self::Storage,
        Self::Rights,
        Self::Capacity,
        Self::Names,
        Self::Network,
        Self::LoadBalancer,
        Self::Archives,
        Self::Images,
        Self::Releases,
    ];

    /// Whether it can be looked at without knowing what is to be installed.
    pub fn is_of_cluster(self) -> bool {
        !matches!(self, Self::Rights | Self::Capacity | Self::Names | Self::Archives | Self::Images)
    }

    /// Its name, as on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Versions => "versions",
            Self::Storage => "storage",
            Self::Rights => "rights",
            Self::Capacity => "capacity",
            Self::Names => "names",
            Self::Network => "network",
            Self::LoadBalancer => "load-balancer",
            Self::Archives => "archives",
            Self::Images => "images",
            Self::Releases => "releases",
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It may not work, or not as one expects.
    Warning,
    /// It will not work.
    Fatal,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which kind of finding; never changes its meaning.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub seen: String,
    /// Why it matters.
    pub why: String,
    /// What to do: commands, or sentences where there is no command.
    pub fix: Vec<String>,
}

impl Finding {
    /// It will not work.
    pub fn fatal(id: &'static str, seen: impl Into<String>) -> Self {
        Self::new(id, Severity::Fatal, seen)
    }

    /// It may not work.
    pub fn warning(id: &'static str, seen: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, seen)
    }

    /// Worth knowing.
    pub fn info(id: &'static str, seen: impl Into<String>) -> Self {
        Self::new(id, Severity::Info, seen)
    }

    fn new(id: &'static str, severity: Severity, seen: impl Into<String>) -> Self {
        Self { id, severity, seen: seen.into(), why: String::new(), fix: Vec::new() }
    }

    /// What another stage would stop with: its words serve both.
    pub fn of_error(id: &'static str, error: &Error) -> Self {
        let problems = error.problems.iter().map(|problem| format!("{}: {}", problem.location(), problem.message));
        let why: Vec<String> = error.causes.iter().cloned().chain(problems).collect();
        Self { why: why.join("; "), fix: error.hints.clone(), ..Self::fatal(id, error.message.clone()) }
    }

    /// We were not allowed to look.
    pub fn could_not_look(at: &str, means: &str) -> Self {
        Self::info("could-not-look", format!("not allowed to look at {at}"))
            .because(means)
            .fix("ask an administrator of the cluster to run the same command")
    }

    /// Why it matters.
    #[must_use]
    pub fn because(self, why: impl Into<String>) -> Self {
        Self { why: why.into(), ..self }
    }

    /// Adds what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix.push(fix.into());
        self
    }

    /// The same, as bad as said.
    #[must_use]
    pub fn as_bad_as(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }
}

/// What is to be said of an area: what was found, and in one line how it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was found.
    pub findings: Vec<Finding>,
    /// How it stands, where all is well.
    pub summary: String,
}

impl Verdict {
    /// Nothing to say yet.
    pub fn of(summary: impl Into<String>) -> Self {
        Self { findings: Vec::new(), summary: summary.into() }
    }

    /// What was seen, or what is to be said instead.
    pub fn about<'l, T>(look: &'l Look<T>, at: &str, means: &str) -> Result<&'l T, Self> {
        match look {
            Look::Seen(seen) => Ok(seen),
            Look::Refused => Err(Self { findings: vec![Finding::could_not_look(at, means)], summary: String::new() }),
            Look::NotAsked => Err(Self::default()),
        }
    }
}

/// One area, looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AreaReport {
    /// Which.
    pub area: Area,
    /// The worst of its findings; none where all is well.
    pub worst: Option<Severity>,
    /// How it stands, in a line.
    pub summary: String,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The cluster as people know it.
    pub cluster: String,
    /// Address of its API server.
    pub server: String,
    /// What would be installed; none where only the cluster was looked at.
    pub chart: Option<String>,
    /// The hub's namespace.
    pub namespace: Option<String>,
    /// The areas that were looked at.
    pub areas: Vec<AreaReport>,
    /// The areas that were left out by `--skip`.
    pub skipped: Vec<Area>,
}

impl Report {
    /// All findings.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.areas.iter().flat_map(|area| &area.findings)
    }

    /// How many findings are that bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings().filter(|finding| finding.severity == severity).count()
    }

    /// Whether something will not work.
    pub fn is_fatal(&self) -> bool {
        self.count(Severity::Fatal) > 0
    }

    /// What will not work, as one error; none where nothing was found that is so bad.
    pub fn refusal(&self) -> Option<Error> {
        let fatal = self.findings().filter(|finding| finding.severity == Severity::Fatal);
        let errors: Vec<Error> = fatal.map(Finding::error).collect();
        (!errors.is_empty()).then(|| Error::join(errors))
    }
}

impl Finding {
    fn error(&self) -> Error {
        let error = Error::user(self.seen.clone());
        let error = if self.why.is_empty() { error } else { error.because(&self.why) };
        self.fix.iter().cloned().fold(error, Error::hint)
    }
}

impl AreaReport {
    /// An area with what was found in it, the worst first.
    pub fn new(area: Area, verdict: Verdict) -> Self {
        let Verdict { mut findings, summary } = verdict;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self { area, worst: findings.first().map(|finding| finding.severity), summary, findings }
    }
}
