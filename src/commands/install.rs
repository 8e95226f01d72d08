//! `helm iris install`: render or take a bundle, plan, ask, apply what was reviewed, wait, report.

pub(super) mod report;
mod verify;

use std::path::PathBuf;

use clap::Args;

use super::session::{BundleArgs, Look, Session};
use super::{Outcome, doctor, wait_for};
use crate::apply::Level;
use crate::cli::{Environment, GlobalArgs};
use crate::crds;
use crate::doctor::Area;
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
    /// Overwrite what others have changed in the cluster (Helm 4; Helm 3 always does)
    #[arg(long)]
    pub force_conflicts: bool,
    /// Take back the volumes of a hub that was uninstalled, as this file says
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub reattach: Option<PathBuf>,
    /// Leave an area of `doctor` out, which would stop the installation; may be given several times
    #[arg(long, value_enum, value_name = "AREA")]
    pub skip: Vec<Area>,
    /// How far to verify that the hub works
    #[arg(long, value_enum, default_value_t = Level::Ready)]
    pub verify: Level,
}

/// Installs.
pub(super) fn run(args: &InstallArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    wait_for(install(args, global, environment, ui))
}

async fn install(args: &InstallArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let (reviewed, looking) = args.what.reviewed(global, environment, ui).await?;
    let verified = verify::of(&reviewed, args.verify)?;
    let mut session = Session::begun(reviewed, looking.done().await?, environment).await?;
    session.reattach(args.reattach.as_deref()).await?;
    let secrets = session.reconcile()?;
    let mut plan = session.plan(&secrets, args.force)?;
    // An installation that has nothing to do reads no archive.
    if args.what.upgrade_crds || !session.is_done(&plan) {
        let definitions = session.reviewed.crds(session.reviewed.bundle.manifest().releases.clone()).await?;
        session.with_crds(crds::look(&session.cluster, definitions).await?, args.what.upgrade_crds);
        plan = session.plan(&secrets, args.force)?;
    }
    session.detail(&mut plan, &secrets, environment, Look::AtUpgrades).await?;
    Box::pin(doctor::refuse(&session, &plan, &args.skip, environment)).await?;
    let Some(agreed) = session.agreed(&plan, &secrets, environment, ui).await? else {
        return Ok(Outcome::Declined);
    };
    let agreed = if args.force_conflicts { agreed.forcing_conflicts() } else { agreed };
    let mut outcome = session.apply(&plan, &secrets, &agreed, args.verify, ui).await?;
    let failed = match verified {
        Some((target, level)) => {
            let verified = verify::hub(&session.cluster, &secrets.ledger, target, level, ui).await;
            outcome.level = *verified.as_ref().unwrap_or(&Level::Ready);
            verified.err()
        }
        None => None,
    };
    let bundle = &session.reviewed.bundle;
    let address = report::address(&session.cluster, bundle.manifest()).await?;
    report::print(&outcome, session.is_done(&plan), bundle, address.as_ref(), ui)?;
    if args.what.bundle.is_some() {
        report::warn_of_clear_passwords(bundle, address.as_ref(), ui);
    }
    failed.map_or(Ok(Outcome::Done), Err)
}
