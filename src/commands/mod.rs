//! One verb per file: its arguments and what it does.

pub mod charts;
pub mod complete;
pub mod doctor;
pub mod install;
pub mod ip;
pub mod plan;
pub mod profiles;
pub mod pull;
pub mod render;
pub mod rollback;
pub mod secrets;
pub mod session;
pub mod status;
mod store;
pub mod test;
pub mod uninstall;

use clap::{Parser, Subcommand};

use crate::cli::{Environment, GlobalArgs};
use crate::error::{Error, Result};
use crate::ui::Ui;

/// Install JupyterHub with Dask on research clouds, from values files that you review first
///
/// `render` writes commented values files and needs no cluster. `install` shows what would change,
/// asks, applies exactly what was reviewed, and says how far it proved that the hub works.
#[derive(Debug, Parser)]
#[command(name = "helm-iris", bin_name = "helm iris", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags that every verb takes.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// The verbs; one appears here only when it works.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the bundle: commented values files to review. Needs no cluster
    Render(render::RenderArgs),
    /// Show what an installation would change, and why. Changes nothing
    #[command(visible_alias = "diff")]
    Plan(plan::PlanArgs),
    /// Show what would change, ask, apply what was reviewed, wait until it is ready
    #[command(visible_alias = "upgrade")]
    Install(install::InstallArgs),
    /// Go back to the bundle that was applied before
    Rollback(rollback::RollbackArgs),
    /// Take a hub away: show whose data is there, ask, and keep the data
    Uninstall(uninstall::UninstallArgs),
    /// Whether a cluster is fit for a hub: what is in the way, and how to mend it
    Doctor(doctor::DoctorArgs),
    /// How a hub stands: releases, pods, volumes, address, who works on it. Needs no site file
    Status(status::StatusArgs),
    /// The address of a hub: how it stands, what to ask the cloud's support for, record it
    Ip(ip::IpArgs),
    /// Whether a hub or a Dask Gateway works: log in, start a server, compute with Dask, as a user would
    Test(test::TestArgs),
    /// The ledger of a hub: list, show, export to another place
    Secrets(secrets::SecretsArgs),
    /// The facts of clouds: list, show, check, begin a new one
    Profiles(profiles::ProfilesArgs),
    /// What can be installed: list, show, check, fetch archives, begin a site file
    Charts(charts::ChartsArgs),
}

impl Cli {
    /// Whether every question is answered with yes.
    pub fn yes(&self) -> bool {
        match &self.command {
            Command::Install(args) => args.yes,
            Command::Rollback(args) => args.yes,
            Command::Uninstall(args) => args.yes,
            Command::Secrets(args) => args.yes(),
            _ => false,
        }
    }
}

/// How a verb ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or nothing to do.
    Done,
    /// A person said no.
    Declined,
    /// What was looked at needs somebody, and the answer says so.
    Failing,
    /// Something would change, and somebody asked to be told by the exit code.
    Changes,
}

/// Runs a verb.
///
/// # Errors
/// What the verb could not do.
pub fn run(cli: &Cli, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    match &cli.command {
        Command::Render(args) => render::run(args, &cli.global, environment, ui),
        Command::Plan(args) => plan::run(args, &cli.global, environment, ui),
        Command::Install(args) => install::run(args, &cli.global, environment, ui),
        Command::Rollback(args) => rollback::run(args, &cli.global, environment, ui),
        Command::Uninstall(args) => uninstall::run(args, &cli.global, environment, ui),
        Command::Doctor(args) => doctor::run(args, &cli.global, environment, ui),
        Command::Status(args) => status::run(args, &cli.global, environment, ui),
        Command::Ip(args) => ip::run(args, &cli.global, environment, ui),
        Command::Test(args) => test::run(args, &cli.global, environment, ui),
        Command::Profiles(args) => profiles::run(args, environment, ui),
        Command::Secrets(args) => secrets::run(args, &cli.global, environment, ui),
        Command::Charts(args) => charts::run(args, &cli.global, environment, ui),
    }
}

/// Does what talks to a network: one thread more, on which answers come in while this one computes.
fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Error::bug("cannot start the runtime").because(error))?;
    let result = runtime.block_on(work);
    // An answer that nobody wants any more keeps nobody waiting.
    runtime.shutdown_background();
    result
}

/// The namespace that a person named.
fn given_namespace(global: &GlobalArgs, environment: &Environment) -> Option<String> {
    global.kube.namespace.clone().or_else(|| environment.namespace.clone())
}
