//! `helm iris install`: render or take a bundle, plan, ask, apply what was reviewed, wait, report.

mod report;

use std::path::PathBuf;

use clap::Args;

use super::session::{Reviewed, Session};
use super::{Outcome, pull, render, runtime};
use crate::apply::Level;
use crate::bundle::Bundle;
use crate::cli::{Environment, GlobalArgs, TargetArgs};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::load;
use crate::ui::Ui;

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
    let reviewed = reviewed(args, global, environment, ui).await?;
    let session = Session::open(reviewed, global, environment).await?;
    let secrets = session.reconcile()?;
    let plan = session.plan(&secrets, args.force)?;
    let Some(agreed) = session.agreed(&plan, environment, ui).await? else {
        return Ok(Outcome::Declined);
    };
    let outcome = session.apply(&plan, &secrets, &agreed, args.verify, ui).await?;
    let manifest = session.reviewed.bundle.manifest();
    let address = report::address(&session.cluster, manifest).await?;
    report::print(&outcome, &plan, manifest, address.as_ref(), ui);
    if args.bundle.is_some() {
        report::warn_of_clear_passwords(address.as_ref(), ui);
    }
    Ok(Outcome::Done)
}

/// The bundle of `--bundle`, or one that is rendered now.
async fn reviewed(args: &InstallArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Reviewed> {
    let request = args.target.request(global, environment, None);
    if let Some(folder) = &args.bundle {
        let bundle = Bundle::open(folder)?;
        fits(args, request.namespace.as_deref(), &bundle)?;
        return Reviewed::of_bundle(bundle, args.target.site_file.as_deref(), environment);
    }
    let mut loaded = load::load(&request)?;
    pull::missing(&mut loaded, environment, ui, &mut Interrupt::never()).await?;
    render::write(&loaded, ui)?;
    Reviewed::rendered(loaded)
}

/// A bundle that is about something else than the command line says is a mistake of somebody's.
fn fits(args: &InstallArgs, namespace: Option<&str>, bundle: &Bundle) -> Result<()> {
    let manifest = bundle.manifest();
    let folder = bundle.folder().display();
    let other = |what: &str, is: &str, asked: &str| {
        Err(Error::usage(format!("the bundle {folder} is for the {what} `{is}`, not `{asked}`"))
            .hint(format!("install it as: helm iris install {} --bundle {folder}", manifest.chart)))
    };
    if manifest.chart != args.target.chart {
        return other("chart", &manifest.chart, &args.target.chart);
    }
    match namespace {
        Some(asked) if asked != manifest.namespace => other("namespace", &manifest.namespace, asked),
        _ if args.target.profile.is_some() || !args.target.set.is_empty() => {
            Err(Error::usage("--bundle applies what was reviewed: --profile and --set would change it")
                .hint("leave them out, or leave --bundle out to render anew"))
        }
        _ => Ok(()),
    }
}
