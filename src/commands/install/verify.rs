//! `--verify=quick` and `--verify=full`: what `helm iris test` would say, right after an installation.

use crate::apply::Level;
use crate::commands::session::Reviewed;
use crate::commands::test::{Hub, Progress, WorkArgs, request};
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt::Interrupt;
use crate::kube::Cluster;
use crate::secrets::Ledger;
use crate::smoke::{self, Target};
use crate::ui::Ui;

/// The hub that is to be tested, and how much; none where readiness is enough.
///
/// # Errors
/// When the bundle makes nothing that can be tested: before anything is changed.
pub(super) fn of(reviewed: &Reviewed, level: Level) -> Result<Option<(Target, smoke::Level)>> {
    let level = match level {
        Level::None | Level::Ready => return Ok(None),
        Level::Quick => smoke::Level::Quick,
        Level::Workers | Level::Full => smoke::Level::Full,
    };
    let bundle = &reviewed.bundle;
    Target::of(bundle.manifest(), |entry| bundle.visible_values(entry)).map(|target| Some((target, level)))
}

/// Tests what was just installed: how far it is proved now.
pub(super) async fn hub(
    cluster: &Cluster,
    ledger: &Ledger,
    target: Target,
    level: smoke::Level,
    ui: &Ui,
) -> Result<Level> {
    let chart = target.entry().chart.clone();
    let hub = Hub { chart, target, ledger: ledger.clone(), cluster: Some(cluster.clone()), url: None };
    ui.status("");
    let mut progress = Progress::new(ui, false);
    let request = request(&hub, level, &WorkArgs::default())?;
    let report = smoke::run(&request, &mut Interrupt::on_signals()?, &mut |event| progress.tell(&event)).await;
    progress.finish();
    match report {
        Ok(report) => report.failed().map_or(Ok(reached(report.level)), |step| {
            Err(Error::unverified(format!("it is installed, and does not work: {}", step.seen)).hint(format!(
                "mend what is told at {}, then: helm iris test {}",
                step.step.name(),
                hub.chart
            )))
        }),
        Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
        Err(error) => Err(Error { kind: ErrorKind::Unverified, ..error }),
    }
}

fn reached(level: smoke::Level) -> Level {
    match level {
        smoke::Level::Quick => Level::Quick,
        smoke::Level::Workers => Level::Workers,
        smoke::Level::Full => Level::Full,
    }
}
