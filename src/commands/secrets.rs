//! `helm iris secrets`: the ledger of one hub.

mod adopt;
mod export;
mod list;
mod rotate;
mod set;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Outcome, given_namespace, wait_for};
use crate::cli::{Environment, GlobalArgs};
use crate::error::{Error, Result};
use crate::names::check_namespace;
use crate::secrets::{Ledger, LocalStore};
use crate::site::Site;
use crate::ui::{OutputFormat, Ui};

/// Arguments of `secrets`.
#[derive(Debug, Args)]
pub struct SecretsArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

impl SecretsArgs {
    /// Whether every question is answered with yes.
    pub fn yes(&self) -> bool {
        match &self.verb {
            Verb::Adopt(args) => args.yes,
            Verb::Rotate(args) => args.yes,
            Verb::Export(args) => args.yes,
            Verb::List { .. } | Verb::Show { .. } | Verb::Set(_) => false,
        }
    }
}

/// Where a hub's secrets are kept on this machine.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// The site file beside which the secrets are kept; unset: iris.yaml of this folder
    #[arg(long = "file", short = 'f', value_name = "SITE", value_hint = clap::ValueHint::FilePath)]
    pub site_file: Option<PathBuf>,
}

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The secrets of a hub: names and fingerprints, never values
    List {
        /// Print as
        #[arg(long, short, value_enum, default_value_t)]
        output: OutputFormat,
        /// Which hub's.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// One secret; its value only with --reveal
    Show {
        /// Its name, e.g. login-password
        name: String,
        /// Print the value
        #[arg(long)]
        reveal: bool,
        /// Which hub's.
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Bring a secret of your own, from standard input or a file
    Set(set::SetArgs),
    /// Take over the secrets of a hub that was installed by hand, so that nobody is logged out
    Adopt(adopt::AdoptArgs),
    /// New values for secrets in use: says what that means, asks, and puts them to use
    Rotate(rotate::RotateArgs),
    /// Keep the secrets elsewhere: in a file of yours, in one that git may have, in the cluster alone
    Export(export::ExportArgs),
}

/// Runs `secrets`.
pub(super) fn run(args: &SecretsArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let hub = |store: &StoreArgs| store_of(store, global, environment);
    match &args.verb {
        Verb::List { output, store } => list::list(&ledger(&hub(store)?)?, *output, ui)?,
        Verb::Show { name, reveal, store } => list::show(&ledger(&hub(store)?)?, name, *reveal, ui)?,
        Verb::Set(args) => set::run(args, &hub(&args.store)?, environment, ui)?,
        Verb::Adopt(args) => return adopt::run(args, global, environment, ui),
        Verb::Rotate(args) => return rotate::run(args, global, environment, ui),
        Verb::Export(args) => {
            let (store, namespace) = (hub(&args.store)?, namespace(global, environment)?);
            let hub = export::Hub { store, namespace, connection: global.connection(environment) };
            return wait_for(export::run(args, &hub, ui));
        }
    }
    Ok(Outcome::Done)
}

/// The hub that is meant.
fn namespace(global: &GlobalArgs, environment: &Environment) -> Result<String> {
    let namespace = given_namespace(global, environment).ok_or_else(|| {
        Error::usage("which hub?").because("each hub has its own secrets").hint("name its namespace, e.g. -n dhub")
    })?;
    check_namespace(&namespace)?;
    Ok(namespace)
}

fn store_of(args: &StoreArgs, global: &GlobalArgs, environment: &Environment) -> Result<LocalStore> {
    let namespace = namespace(global, environment)?;
    let site = Site::load(args.site_file.as_deref())?;
    Ok(LocalStore::new(&site.folder, &namespace, &environment.identity))
}

fn ledger(store: &LocalStore) -> Result<Ledger> {
    store.read()?.ok_or_else(|| {
        Error::user(format!("this folder has no secrets of a hub in {}", store.namespace()))
            .because(format!("{} is missing", store.path().display()))
            .hint("go to the folder of the hub's site file, from which it was rendered or installed")
            .hint(format!("or take them from its cluster: helm iris secrets export --to file -n {}", store.namespace()))
    })
}
