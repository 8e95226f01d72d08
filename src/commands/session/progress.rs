//! What the executor tells, as lines and, on a terminal, as one that moves.

use std::collections::BTreeSet;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::apply::{Event, Readiness};
use crate::ui::Ui;

/// Tells events.
pub(super) struct Progress<'u> {
    ui: &'u Ui,
    bar: ProgressBar,
    told: BTreeSet<String>,
}

impl<'u> Progress<'u> {
    pub(super) fn new(ui: &'u Ui) -> Self {
        Self { ui, bar: ui.progress(), told: BTreeSet::new() }
    }

    pub(super) fn tell(&mut self, event: &Event) {
        match event {
            Event::Skipped { .. } | Event::Unchanged { .. } => {}
            Event::CrdApplied { name } => self.line(&format!("The CRD {name} is upgraded")),
            Event::DumpStarted { claim, .. } => {
                self.line(&format!("Dumping the database into the volume claim {claim}"));
                self.bar.set_message("the database is dumped");
            }
            Event::Dumped { dump, .. } => self.line(&format!("The database is dumped: {}", dump.file)),
            Event::HelmStarted { release, new } => {
                let verb = if *new { "Installing" } else { "Upgrading" };
                self.line(&format!("{verb} {release}"));
                self.bar.set_message(format!("{release}: helm is at work"));
            }
            Event::HelmFinished { release, .. } => {
                self.bar.set_message(format!("{release}: waiting until it is ready"));
            }
            Event::Again { release, why } => self.line(&format!("{release}: {why}; helm is started again")),
            Event::Stopping { release, at_once: true } => {
                self.line(&format!("Stopping at once; helm was at work on {release}"));
            }
            Event::Stopping { release, at_once: false } => {
                self.line(&format!("Stopping as soon as helm is done with {release}; Ctrl-C again stops at once"));
            }
            Event::Waiting { release, readiness, .. } => self.waiting(release, readiness),
            Event::Unreachable { release, why } => self.once(&format!("{release}: {why}; asking again")),
            Event::Ready { release, workloads: 0, .. } => self.bar.set_message(format!("{release}: done")),
            Event::Ready { release, workloads, took } => {
                if *took > Duration::from_millis(500) {
                    let s = if *workloads == 1 { "" } else { "s" };
                    self.line(&format!("{release} is ready ({workloads} workload{s}, {:.1} s)", took.as_secs_f64()));
                }
            }
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn waiting(&mut self, release: &str, readiness: &Readiness) {
        let pending: Vec<_> =
            readiness.pending().map(|state| format!("{} {}/{}", state.workload.name, state.have, state.want)).collect();
        self.bar.set_message(format!("{release}: waiting for {}", pending.join(", ")));
        let failing = readiness.pending().filter_map(|state| state.reason.as_ref()).filter(|reason| reason.failing);
        let lines: Vec<_> = failing.map(|reason| format!("  {release}: {reason}")).collect();
        for line in lines {
            self.once(&line);
        }
    }

    /// A line that is worth saying once.
    fn once(&mut self, line: &str) {
        if self.told.insert(line.to_owned()) {
            self.line(line);
        }
    }

    fn line(&self, line: &str) {
        self.bar.suspend(|| self.ui.status(line));
    }
}
