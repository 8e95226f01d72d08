//! One verb per file: its arguments and what it does.

pub mod charts;
pub mod complete;
pub mod install;
pub mod profiles;
pub mod pull;
pub mod render;
pub mod secrets;

use crate::cli::{Cli, Command, Environment};
use crate::error::{Error, Result};
use crate::ui::Ui;

/// How a verb ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or nothing to do.
    Done,
    /// A person said no.
    Declined,
}

/// Runs a verb.
///
/// # Errors
/// What the verb could not do.
pub fn run(cli: &Cli, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    match &cli.command {
        Command::Render(args) => render::run(args, &cli.global, environment, ui),
        Command::Install(args) => install::run(args, &cli.global, environment, ui),
        Command::Profiles(args) => profiles::run(args, environment, ui),
        Command::Secrets(args) => secrets::run(args, &cli.global, environment, ui),
        Command::Charts(args) => charts::run(args, &cli.global, environment, ui),
    }
}

/// The one runtime of verbs that talk to a network: one thread, because all they do is wait.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::bug("cannot start the runtime").because(error))
}
