//! `helm iris install`: render or take a bundle, plan, ask, apply what was reviewed, wait, report.

mod report;

use clap::Args;

use super::session::{BundleArgs, Look, Session};
use super::{Outcome, runtime};
use crate::apply::Level;
use crate::cli::{Environment, GlobalArgs};
use crate::error::Result;
use crate::ui::Ui;

/// Arguments of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// What to install.
    #[command(flatten)]
    pub what: BundleArgs,
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
    let reviewed = args.what.reviewed(global, environment, ui).await?;
    let session = Session::open(reviewed, global, environment).await?;
    let secrets = session.reconcile()?;
    let mut plan = session.plan(&secrets, args.force)?;
    session.detail(&mut plan, &secrets, environment, Look::AtUpgrades).await?;
    let Some(agreed) = session.agreed(&plan, environment, ui).await? else {
        return Ok(Outcome::Declined);
    };
    let outcome = session.apply(&plan, &secrets, &agreed, args.verify, ui).await?;
    let manifest = session.reviewed.bundle.manifest();
    let address = report::address(&session.cluster, manifest).await?;
    report::print(&outcome, &plan, manifest, address.as_ref(), ui);
    if args.what.bundle.is_some() {
        report::warn_of_clear_passwords(address.as_ref(), ui);
    }
    Ok(Outcome::Done)
}
