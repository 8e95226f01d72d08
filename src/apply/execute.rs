//! The executor: a walk over the plan, releases that do not need each other side by side.

use std::cell::RefCell;

use futures::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;

use super::event::{Event, Outcome};
use super::walk::Walk;
use crate::archive::Cache;
use crate::bundle::Bundle;
use crate::crds::WantedCrd;
use crate::error::Result;
use crate::helm::Helm;
use crate::interrupt::Interrupt;
use crate::kube::Cluster;
use crate::lease::{Held, Holder};
use crate::observe::Observed;
use crate::plan::Plan;
use crate::secrets::Ledger;

/// Releases at a time: each starts a helm, which needs a processor and some memory.
const AT_A_TIME: usize = 4;

/// Where events are told to; several releases tell at the same time.
pub(super) type Tell<'t> = dyn Fn(Event) + 't;

/// How far it is verified that the hub works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Helm has taken it; nothing was waited for at the end.
    None,
    /// All workloads run and are ready.
    Ready,
    /// Hub, proxy and gateway answer too.
    Quick,
    /// A Dask cluster came with its workers: all that can be tried of a Dask Gateway by itself.
    #[value(skip)]
    Workers,
    /// A user of our own computes too, as `helm iris test` does.
    Full,
}

/// All that the executor needs; everything was checked before.
pub struct Executor<'e> {
    /// The cluster that the plan is for.
    pub cluster: &'e Cluster,
    /// Helm; none where the plan changes nothing.
    pub helm: Option<&'e Helm>,
    /// What was reviewed.
    pub bundle: &'e Bundle,
    /// The chart archives.
    pub cache: &'e Cache,
    /// The definitions of resources that the charts bring.
    pub crds: &'e [WantedCrd],
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
    /// What fails. What does not need it is done all the same, and what was done stays; the same command
    /// goes on from there.
    pub async fn run(&self, plan: &Plan, interrupt: &Interrupt, emit: &mut dyn FnMut(Event)) -> Result<Outcome> {
        let emit = RefCell::new(emit);
        let tell = |event| (emit.borrow_mut())(event);
        let tell: &Tell<'_> = &tell;
        let mut walk = Walk::new(plan);
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < AT_A_TIME
                && let Some(release) = walk.begin()
            {
                let interrupt = interrupt.clone();
                running.push(async move { (release, self.release(plan, release, interrupt, tell).await) });
            }
            let Some((release, ended)) = running.next().await else { return walk.outcome(self.level) };
            walk.end(release, ended);
        }
    }
}
