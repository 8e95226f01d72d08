//! One release of the plan: its Secret, helm, and waiting until it is ready.

use std::time::{Duration, Instant};

use super::archives::{entry, upgrade};
use super::delivery::deliver;
use super::event::{Done, Event};
use super::execute::{Executor, Level, Tell};
use super::free::free;
use super::manifest;
use super::watch::{Ended, Readiness, Wait, problems};
use crate::archive::ChartCrd;
use crate::bundle::Bundle;
use crate::bundle::manifest::ReleaseEntry;
use crate::chart::CLUSTER_NAMESPACE;
use crate::chart::release::Scope;
use crate::crds;
use crate::dumps::Dump;
use crate::error::{Error, Result};
use crate::fs;
use crate::helm::{Failure, Scrub};
use crate::interrupt::Interrupt;
use crate::lease::{self, Held};
use crate::observe;
use crate::plan::{Action, Operation, Plan, ReleaseOperation};
use crate::secrets;

/// Pauses before helm is started again after the API server did not answer as it should. In all half a
/// minute: long enough for one that restarts.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
    Duration::from_secs(20),
];

impl Executor<'_> {
    /// Does what is planned for one release.
    pub(super) async fn release(
        &self,
        plan: &Plan,
        release: &ReleaseOperation,
        mut interrupt: Interrupt,
        tell: &Tell<'_>,
    ) -> Result<(Done, Option<Dump>)> {
        let entry = entry(self.bundle, release)?;
        let dump = match plan.dump_before(&release.name) {
            Some(operation) => Some(self.dump(operation, entry.timeout_seconds, &mut interrupt, tell).await?),
            None => None,
        };
        let done = self.until_ready(plan, (release, entry), interrupt, tell).await;
        match dump {
            Some(dump) => done.map_err(|error| error.hint(before(&dump))).map(|done| (done, Some(dump))),
            None => done.map(|done| (done, None)),
        }
    }

    async fn until_ready(
        &self,
        plan: &Plan,
        (release, entry): (&ReleaseOperation, &ReleaseEntry),
        mut interrupt: Interrupt,
        tell: &Tell<'_>,
    ) -> Result<Done> {
        if !interrupt.is_requested() {
            self.prepare(plan, (release, entry), tell).await?;
        }
        let done = self.apply(release, entry, &mut interrupt, tell).await?;
        let awaited = self.level >= Level::Ready || release.awaited || needed_later(plan, release);
        if done != Done::Skipped && awaited {
            self.wait(entry, done, &mut interrupt, tell).await?.map_or(Ok(()), |at| Err(not_ready(entry, &at)))?;
        }
        Ok(done)
    }

    /// What a release finds when helm begins: its Secret, and definitions of resources.
    async fn prepare(
        &self,
        plan: &Plan,
        (release, entry): (&ReleaseOperation, &ReleaseEntry),
        tell: &Tell<'_>,
    ) -> Result<()> {
        let mut definitions = Vec::new();
        for operation in &plan.operations {
            match operation {
                Operation::WriteSecret { name, namespace, release: reader, .. } if *reader == release.name => {
                    deliver(self.cluster, (namespace, name), self.bundle, self.ledger, self.observed).await?;
                }
                Operation::ApplyCrd(operation) if operation.release == release.name => {
                    let wanted = self.crds.iter().find(|wanted| wanted.crd.name == operation.name);
                    definitions.push(&wanted.ok_or_else(|| Error::bug("the plan is of other charts"))?.crd);
                }
                _ => {}
            }
        }
        if definitions.is_empty() { Ok(()) } else { self.define(entry, &definitions, tell).await }
    }

    /// Definitions are the whole cluster's: one at a time changes them.
    async fn define(&self, entry: &ReleaseEntry, definitions: &[&ChartCrd], tell: &Tell<'_>) -> Result<()> {
        let held = self.hold_shared(&format!("upgrade the definitions of {}", entry.name), entry).await?;
        let mut done = Ok(());
        for crd in definitions {
            done = crds::apply(self.cluster, crd).await;
            if done.is_err() {
                break;
            }
            tell(Event::CrdApplied { name: crd.name.clone() });
        }
        if let Some(held) = held {
            held.release(done.is_ok()).await;
        }
        done
    }

    /// The Lease of what all hubs share, waited for as long as the release may take.
    async fn hold_shared(&self, doing: &str, entry: &ReleaseEntry) -> Result<Option<Held>> {
        secrets::cluster::create_namespace(self.cluster, CLUSTER_NAMESPACE).await?;
        let limit = Duration::from_secs(entry.timeout_seconds);
        lease::wait(self.cluster, CLUSTER_NAMESPACE, (self.holder, doing), limit).await
    }

    async fn apply(
        &self,
        release: &ReleaseOperation,
        entry: &ReleaseEntry,
        interrupt: &mut Interrupt,
        tell: &Tell<'_>,
    ) -> Result<Done> {
        let name = release.name.clone();
        let new = match &release.action {
            Action::Skip { why } => {
                tell(Event::Skipped { release: name, why: why.clone() });
                return Ok(Done::Skipped);
            }
            Action::Keep { .. } => {
                tell(Event::Unchanged { release: name });
                return Ok(Done::Unchanged);
            }
            Action::Install => true,
            Action::Upgrade { .. } => false,
        };
        if interrupt.is_requested() {
            return Err(Error::interrupted(format!("stopped before `{name}`"))
                .hint("run the same command again: it goes on from here"));
        }
        tell(Event::HelmStarted { release: name.clone(), new });
        let start = Instant::now();
        if entry.scope == Scope::Cluster {
            if self.shared(entry, interrupt, tell).await? == Done::Unchanged {
                return Ok(Done::Unchanged);
            }
        } else {
            self.helm(entry, self.lease, interrupt, tell).await?;
        }
        tell(Event::HelmFinished { release: name, took: start.elapsed() });
        Ok(if new { Done::Installed } else { Done::Upgraded })
    }

    /// What all hubs share is changed by one at a time; somebody may have done it meanwhile.
    async fn shared(&self, entry: &ReleaseEntry, interrupt: &mut Interrupt, tell: &Tell<'_>) -> Result<Done> {
        let held = self.hold_shared(&format!("install {}", entry.name), entry).await?;
        let done = self.shared_alone(entry, held.as_ref(), interrupt, tell).await;
        if let Some(held) = held {
            held.release(done.is_ok()).await;
        }
        done
    }

    async fn shared_alone(
        &self,
        entry: &ReleaseEntry,
        held: Option<&Held>,
        interrupt: &mut Interrupt,
        tell: &Tell<'_>,
    ) -> Result<Done> {
        let before = self.observed.release(entry).map(|state| state.revision);
        let now = observe::newest_if_any(self.cluster, &entry.namespace, &entry.name).await?;
        match now.filter(|state| Some(state.revision) != before && !state.is_pending()) {
            None => self.helm(entry, held, interrupt, tell).await.map(|()| Done::Installed),
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

    /// Runs helm, again where the API server did not answer as it should: helm can be started again at
    /// any point.
    async fn helm(
        &self,
        entry: &ReleaseEntry,
        lease: Option<&Held>,
        interrupt: &mut Interrupt,
        tell: &Tell<'_>,
    ) -> Result<()> {
        let mut pauses = PAUSES.iter();
        let mut before = self.freed(entry, lease.is_some(), None).await?;
        loop {
            if let Some(lease) = lease {
                lease.begin(&entry.name, before + 1).await?;
            }
            let failure = match self.helm_once(entry, interrupt, tell).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let pause = pauses.next().filter(|_| failure.passing && !interrupt.is_requested());
            let Some(pause) = pause else { return Err(failure.error) };
            let why = failure.error.causes.first().cloned().unwrap_or_default();
            tell(Event::Again { release: entry.name.clone(), why });
            tokio::time::sleep(*pause).await;
            before = self.freed(entry, true, Some(before)).await?;
        }
    }

    /// Frees the newest revision if it is pending and nobody works on it; gives its number. After a helm of
    /// ours has ended, `ended` is the one before: whatever is newer was ours.
    async fn freed(&self, entry: &ReleaseEntry, alone: bool, ended: Option<u64>) -> Result<u64> {
        let observed = self.observed.release(entry);
        if ended.is_none() && !observed.is_some_and(observe::ReleaseState::is_pending) && entry.scope == Scope::Hub {
            return Ok(observed.map_or(0, |state| state.revision));
        }
        let Some(now) = observe::newest_if_any(self.cluster, &entry.namespace, &entry.name).await? else {
            return Ok(0);
        };
        if now.is_pending() && alone && ended != Some(now.revision) {
            free(self.cluster, entry, now.revision).await?;
        }
        Ok(now.revision)
    }

    async fn helm_once(&self, entry: &ReleaseEntry, interrupt: &mut Interrupt, tell: &Tell<'_>) -> Result<(), Failure> {
        let helm = self.helm.ok_or_else(|| Error::bug("no helm to apply the plan with"))?;
        let archive = fs::absolute(&self.cache.path(&entry.archive))?;
        let upgrade = upgrade(self.bundle, entry, &archive)?;
        self.still_reviewed()?;
        self.bundle.write_secrets(self.ledger)?;
        let scrub = Scrub::new(self.ledger);
        let mut asked = interrupt.clone();
        let mut work = std::pin::pin!(helm.upgrade_install(&upgrade, self.cluster, &scrub, interrupt));
        tokio::select! {
            done = &mut work => return done,
            () = asked.wait() => {
                tell(Event::Stopping { release: entry.name.clone(), at_once: asked.is_now() });
            }
        }
        work.await
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
        tell: &Tell<'_>,
    ) -> Result<Option<Readiness>> {
        let known = self.observed.release(entry).filter(|_| done == Done::Unchanged);
        let objects = match known {
            Some(state) => state.manifest.clone(),
            None => observe::newest_release(self.cluster, &entry.namespace, &entry.name).await?.manifest,
        };
        let workloads = manifest::workloads(&objects, &entry.name, &entry.namespace)?;
        let timeout = Duration::from_secs(entry.timeout_seconds);
        let wait =
            Wait { cluster: self.cluster, release: &entry.name, workloads: &workloads, timeout, until_failed: false };
        let start = Instant::now();
        let ended = wait.run(interrupt, tell).await;
        tracing::info!(
            took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            "waited for {}",
            entry.name
        );
        match ended? {
            Ended::Ready(took) => {
                tell(Event::Ready { release: entry.name.clone(), workloads: workloads.len(), took });
                Ok(None)
            }
            Ended::TimedOut(readiness) | Ended::Failed(readiness) => Ok(Some(readiness)),
        }
    }
}

/// Whether a release that changes comes after this one.
fn needed_later(plan: &Plan, release: &ReleaseOperation) -> bool {
    plan.releases().any(|other| other.changes() && other.after.contains(&release.name))
}

fn before(dump: &Dump) -> String {
    format!(
        "the database of before is kept: {} in the volume claim {}; how to restore it: docs/upgrades.md",
        dump.file, dump.claim
    )
}

fn not_ready(entry: &ReleaseEntry, readiness: &Readiness) -> Error {
    let error =
        Error::unverified(format!("`{}` is installed and was not ready after {} s", entry.name, entry.timeout_seconds));
    Error { problems: problems(readiness), ..error }
        .hint("what is installed stays and goes on starting; run the same command again to see how it stands")
}
