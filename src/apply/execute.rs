//! The executor: a flat walk over the plan.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::delivery::deliver;
use super::event::{Done, Event, Outcome, ReleaseOutcome};
use super::manifest;
use super::watch::{Ended, Readiness, Wait, problems};
use crate::archive::{Cache, MAX_ARCHIVE};
use crate::bundle::Bundle;
use crate::bundle::manifest::ReleaseEntry;
use crate::chart::release::Scope;
use crate::error::{Error, Result};
use crate::fs;
use crate::helm::{Helm, Scrub, Upgrade};
use crate::interrupt::Interrupt;
use crate::kube::{Cluster, Connection};
use crate::lease::{self, Held, Holder};
use crate::observe::{self, Observed};
use crate::plan::{Action, Operation, Plan, ReleaseOperation};
use crate::secrets::{self, Ledger};

/// How far it is verified that the hub works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Helm has taken it; nothing was waited for at the end.
    None,
    /// All workloads run and are ready.
    Ready,
}

/// All that the executor needs; everything was checked before.
pub struct Executor<'e> {
    /// The cluster that the plan is for.
    pub cluster: &'e Cluster,
    /// How helm reaches it.
    pub connection: &'e Connection,
    /// Helm; none where the plan changes nothing.
    pub helm: Option<&'e Helm>,
    /// What was reviewed.
    pub bundle: &'e Bundle,
    /// The chart archives.
    pub cache: &'e Cache,
    /// What the cluster held when the plan was made.
    pub observed: &'e Observed,
    /// The secrets, as the cluster has them.
    pub ledger: &'e Ledger,
    /// Who we are, for others who would work on what all hubs share.
    pub holder: &'e Holder,
    /// What keeps others from the hub meanwhile; none where we may not hold it.
    pub lease: Option<&'e Held>,
    /// How far to verify.
    pub level: Level,
}

impl Executor<'_> {
    /// Does what the plan says.
    ///
    /// # Errors
    /// The first thing that fails. What was done before stays; the same command goes on from there.
    pub async fn run(&self, plan: &Plan, interrupt: &mut Interrupt, emit: &mut dyn FnMut(Event)) -> Result<Outcome> {
        let mut releases: Vec<ReleaseOutcome> = Vec::new();
        for (index, operation) in plan.operations.iter().enumerate() {
            if let Operation::WriteSecret { name, namespace, .. } = operation {
                let delivered = deliver(self.cluster, (namespace, name), self.bundle, self.ledger, self.observed).await;
                delivered.map_err(|error| so_far(error, &releases))?;
            }
            let Operation::Release(release) = operation else { continue };
            let entry = entry(self.bundle, release)?;
            let done = self.release(release, entry, interrupt, emit).await.map_err(|error| so_far(error, &releases))?;
            let last = !plan.operations[index + 1..].iter().any(|later| matches!(later, Operation::Release(_)));
            if done != Done::Skipped
                && (self.level >= Level::Ready || release.awaited || needed_later(plan, self.bundle, entry))
            {
                let waited = self.wait(entry, done, interrupt, emit).await.map_err(|error| so_far(error, &releases))?;
                if let Some(readiness) = waited {
                    return Err(so_far(not_ready(entry, &readiness, last), &releases));
                }
            }
            releases.push(ReleaseOutcome { name: release.name.clone(), namespace: release.namespace.clone(), done });
        }
        Ok(Outcome { releases, level: self.level })
    }

    async fn release(
        &self,
        release: &ReleaseOperation,
        entry: &ReleaseEntry,
        interrupt: &mut Interrupt,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Done> {
        let name = release.name.clone();
        let new = match &release.action {
            Action::Skip { why } => {
                emit(Event::Skipped { release: name, why: why.clone() });
                return Ok(Done::Skipped);
            }
            Action::Keep { .. } => {
                emit(Event::Unchanged { release: name });
                return Ok(Done::Unchanged);
            }
            Action::Install => true,
            Action::Upgrade { .. } => false,
        };
        if interrupt.is_requested() {
            return Err(Error::interrupted(format!("stopped before `{name}`"))
                .hint("run the same command again: it goes on from here"));
        }
        if let Some(lease) = self.lease {
            lease.require()?;
        }
        emit(Event::HelmStarted { release: name.clone(), new });
        let start = Instant::now();
        if entry.scope == Scope::Cluster {
            if self.shared(entry, interrupt).await? == Done::Unchanged {
                return Ok(Done::Unchanged);
            }
        } else {
            self.helm(entry, interrupt).await?;
        }
        emit(Event::HelmFinished { release: name, took: start.elapsed() });
        Ok(if new { Done::Installed } else { Done::Upgraded })
    }

    /// What all hubs share is changed by one at a time; somebody may have done it meanwhile.
    async fn shared(&self, entry: &ReleaseEntry, interrupt: &mut Interrupt) -> Result<Done> {
        secrets::cluster::create_namespace(self.cluster, &entry.namespace).await?;
        let doing = format!("install {}", entry.name);
        let limit = Duration::from_secs(entry.timeout_seconds);
        let held = lease::wait(self.cluster, &entry.namespace, (self.holder, &doing), limit).await?;
        let done = self.shared_alone(entry, interrupt).await;
        if let Some(held) = held {
            held.release().await;
        }
        done
    }

    async fn shared_alone(&self, entry: &ReleaseEntry, interrupt: &mut Interrupt) -> Result<Done> {
        let before = self.observed.release(entry).map(|state| state.revision);
        let now = observe::newest_if_any(self.cluster, &entry.namespace, &entry.name).await?;
        match now.filter(|state| Some(state.revision) != before) {
            None => self.helm(entry, interrupt).await.map(|()| Done::Installed),
            Some(state) if state.status == "deployed" && state.config == self.bundle.values(entry, self.ledger)? => {
                Ok(Done::Unchanged)
            }
            Some(state) => {
                Err(Error::user(format!("somebody else has changed `{}`, which all hubs share", entry.name))
                    .because(format!("its revision is {} now", state.revision))
                    .hint("run the same command again, and look at the plan again"))
            }
        }
    }

    async fn helm(&self, entry: &ReleaseEntry, interrupt: &mut Interrupt) -> Result<()> {
        let helm = self.helm.ok_or_else(|| Error::bug("no helm to apply the plan with"))?;
        let archive = fs::absolute(&self.cache.path(&entry.archive))?;
        let upgrade = upgrade(self.bundle, entry, &archive)?;
        self.still_reviewed()?;
        self.bundle.write_secrets(self.ledger)?;
        self.connection.still_leads_to(self.cluster).await?;
        let scrub = Scrub::new(self.ledger);
        helm.upgrade_install(&upgrade, self.cluster, self.connection, &scrub, interrupt).await
    }

    /// Somebody may have edited the bundle while the question stood or another release started.
    fn still_reviewed(&self) -> Result<()> {
        let now = Bundle::open(self.bundle.folder())?;
        if now.digest() == self.bundle.digest() {
            return Ok(());
        }
        Err(Error::user(format!("the bundle {} was written anew while it was applied", self.bundle.folder().display()))
            .hint("run the same command again, and look at the plan again"))
    }

    /// Waits for a release; gives how it stands if the time was over before it was ready.
    async fn wait(
        &self,
        entry: &ReleaseEntry,
        done: Done,
        interrupt: &mut Interrupt,
        emit: &mut dyn FnMut(Event),
    ) -> Result<Option<Readiness>> {
        let known = self.observed.release(entry).filter(|_| done == Done::Unchanged);
        let objects = match known {
            Some(state) => state.manifest.clone(),
            None => observe::newest_release(self.cluster, &entry.namespace, &entry.name).await?.manifest,
        };
        let workloads = manifest::workloads(&objects, &entry.name, &entry.namespace)?;
        let timeout = Duration::from_secs(entry.timeout_seconds);
        let wait = Wait { cluster: self.cluster, release: &entry.name, workloads: &workloads, timeout };
        let start = Instant::now();
        let ended = wait.run(interrupt, emit).await;
        tracing::info!(
            took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            "waited for {}",
            entry.name
        );
        match ended? {
            Ended::Ready(took) => {
                emit(Event::Ready { release: entry.name.clone(), workloads: workloads.len(), took });
                Ok(None)
            }
            Ended::TimedOut(readiness) => Ok(Some(readiness)),
        }
    }
}

/// Checks the archives of all releases that change: better before anything is asked or done.
///
/// # Errors
/// An archive that is missing or is not the one that was reviewed.
pub fn check_archives(plan: &Plan, bundle: &Bundle, cache: &Cache) -> Result<()> {
    let changing = |entry: &&ReleaseEntry| {
        plan.releases()
            .any(|release| release.changes() && (&release.name, &release.namespace) == (&entry.name, &entry.namespace))
    };
    let entries = bundle.manifest().releases.iter().filter(changing);
    entries.into_iter().try_for_each(|entry| check_archive(entry, &cache.path(&entry.archive)).map(drop))
}

/// The entry of the bundle that an operation is about.
///
/// # Errors
/// Only a defect.
pub fn entry<'b>(bundle: &'b Bundle, release: &ReleaseOperation) -> Result<&'b ReleaseEntry> {
    let same = |entry: &&ReleaseEntry| (&entry.name, &entry.namespace) == (&release.name, &release.namespace);
    bundle.manifest().releases.iter().find(same).ok_or_else(|| Error::bug("the plan is of another bundle"))
}

/// What helm gets for a release.
///
/// # Errors
/// An archive that is missing or is not the one that was reviewed.
pub fn upgrade<'u>(bundle: &'u Bundle, entry: &'u ReleaseEntry, archive: &'u std::path::Path) -> Result<Upgrade<'u>> {
    Ok(Upgrade {
        release: &entry.name,
        namespace: &entry.namespace,
        create_namespace: entry.scope == Scope::Cluster,
        archive,
        sha256: check_archive(entry, archive)?,
        folder: bundle.folder(),
        values: &entry.values,
        timeout_seconds: entry.timeout_seconds,
    })
}

/// The archive is read again right before helm gets it: it must still be the one that was reviewed.
fn check_archive<'a>(entry: &'a ReleaseEntry, archive: &std::path::Path) -> Result<&'a str> {
    let pull = || format!("fetch it with `helm iris charts pull {}`, then render the bundle again", entry.chart);
    let Some(expected) = entry.sha256.as_deref() else {
        return Err(Error::user(format!("the bundle does not say which archive of {} it is for", entry.helm_chart))
            .because("it was rendered before the archive was at hand")
            .hint(pull()));
    };
    let bytes = fs::read_limited(archive, MAX_ARCHIVE).map_err(|error| error.hint(pull()))?;
    let found = fs::sha256_hex(&bytes);
    if found == expected {
        return Ok(expected);
    }
    Err(Error::user(format!("{} is not the archive that was reviewed", archive.display()))
        .because(format!("its SHA-256 is {found}, the bundle says {expected}"))
        .hint(format!("remove it, then {}", pull())))
}

/// Whether a later release that changes needs this one.
fn needed_later(plan: &Plan, bundle: &Bundle, entry: &ReleaseEntry) -> bool {
    let changing: BTreeSet<&str> =
        plan.releases().filter(|release| release.changes()).map(|release| release.name.as_str()).collect();
    let mut later = bundle.manifest().releases.iter().skip_while(|other| *other != entry).skip(1);
    later.any(|other| changing.contains(other.name.as_str()) && other.needs.contains(&entry.name))
}

fn not_ready(entry: &ReleaseEntry, readiness: &Readiness, last: bool) -> Error {
    let message = format!("`{}` is installed and was not ready after {} s", entry.name, entry.timeout_seconds);
    let hint = "what is installed stays and goes on starting; run the same command again to see how it stands";
    let error = if last { Error::unverified(message) } else { Error::user(message) };
    Error { problems: problems(readiness), ..error }.hint(hint)
}

fn so_far(error: Error, releases: &[ReleaseOutcome]) -> Error {
    let done: Vec<_> = releases
        .iter()
        .filter(|one| matches!(one.done, Done::Installed | Done::Upgraded))
        .map(|one| one.name.as_str())
        .collect();
    if done.is_empty() {
        error
    } else {
        error.hint(format!("done before that, and not to be done again: {}", done.join(", ")))
    }
}
