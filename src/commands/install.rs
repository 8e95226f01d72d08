//! install.
use super::Outcome;
use crate::cli::{Environment, GlobalArgs, TargetArgs};
use crate::error::{Error, Result};
use crate::ui::Ui;
use clap::Args;
/// Arguments of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// What to install.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}
pub(super) fn run(_: &InstallArgs, _: &GlobalArgs, _: &Environment, _: &Ui) -> Result<Outcome> {
    Err(Error::bug("not yet"))
}
