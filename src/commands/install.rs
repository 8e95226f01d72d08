//! `helm iris install`: render or take a bundle, plan, ask, apply what was reviewed, wait, report.

mod progress;
mod report;
mod reviewed;

use std::path::PathBuf;

use clap::Args;

use super::{Outcome, pull, runtime};
use crate::apply::{self, Executor, Level};
use crate::cli::{Environment, GlobalArgs, TargetArgs};
use crate::error::Result;
use crate::interrupt::Interrupt;
use crate::observe;
use crate::plan::{self, Plan};
use crate::secrets::reconcile;
use crate::ui::Ui;
use progress::Progress;
use reviewed::Reviewed;

/// Arguments of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// What to install.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Apply this bundle as it was reviewed, instead of rendering anew
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub bundle: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Apply releases that are unchanged too
    #[arg(long)]
    pub force: bool,
    /// How far to verify that the hub works
    #[arg(long, value_enum, default_value_t = Level::Ready)]
    pub verify: Level,
}

/// Installs.
pub(super) fn run(args: &InstallArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    runtime()?.block_on(install(args, global, environment, ui))
}

async fn install(args: &InstallArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let reviewed = reviewed::get(args, global, environment, ui).await?;
    let manifest = reviewed.bundle.manifest();
    let connection = global.connection(environment);
    let cluster = connection.open().await?;
    let observed = observe::observe(&cluster, manifest).await?;
    let sources = reviewed.sources(&cluster, &observed);
    let secrets = reconcile(&sources)?;
    let desired = reviewed.desired(&secrets.ledger)?;
    let plan = plan::build(&plan::Input {
        cluster: cluster.label(),
        server: &cluster.server,
        bundle: reviewed.bundle.digest(),
        manifest,
        desired: &desired,
        observed: &observed,
        secrets: &secrets,
        force: args.force,
    })?;
    ui.block(&plan::lines(&plan).join("\n"));
    let helm = if plan.is_empty() { None } else { Some(pull::find_helm(environment).await?) };
    if !agreed(&plan, &reviewed, ui)? {
        return Ok(Outcome::Declined);
    }
    // Until here a signal may end the process as ever: nothing was changed yet.
    let mut interrupt = Interrupt::on_signals()?;
    let ledger = apply::secure(&cluster, &plan, &secrets, observed.ledger.as_ref(), &sources).await?;
    reviewed.keep(&ledger)?;
    apply::deliver(&cluster, &plan, &reviewed.bundle, &ledger, &observed).await?;
    let executor = Executor {
        cluster: &cluster,
        connection: &connection,
        helm: helm.as_ref(),
        bundle: &reviewed.bundle,
        cache: &reviewed.cache,
        observed: &observed,
        ledger: &ledger,
        level: args.verify,
    };
    let mut progress = Progress::new(ui);
    let outcome = executor.run(&plan, &mut interrupt, &mut |event| progress.tell(&event)).await;
    progress.finish();
    let outcome = outcome?;
    apply::withdraw(&cluster, &plan, &observed).await?;
    let address = report::address(&cluster, manifest).await?;
    report::print(&outcome, &plan, manifest, address.as_ref(), ui);
    if args.bundle.is_some() {
        report::warn_of_clear_passwords(address.as_ref(), ui);
    }
    Ok(Outcome::Done)
}

/// Asks, if there is anything to ask about.
fn agreed(plan: &Plan, reviewed: &Reviewed, ui: &Ui) -> Result<bool> {
    if plan.is_empty() {
        return Ok(true);
    }
    apply::check_archives(plan, &reviewed.bundle, &reviewed.cache)?;
    ui.confirm(&format!("Apply this to {}?", plan.cluster))
}
