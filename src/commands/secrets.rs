//! `helm iris secrets`: the ledger of one hub.

mod export;
mod list;

use std::path::Path;

use clap::{Args, Subcommand};

use super::{Outcome, runtime};
use crate::cli::{Environment, GlobalArgs};
use crate::error::{Error, Result};
use crate::names::check_namespace;
use crate::secrets::{Ledger, LocalStore};
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
        matches!(&self.verb, Verb::Export(args) if args.yes)
    }
}

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The secrets of a hub: names and fingerprints, never values
    List {
        /// Print as
        #[arg(long, short, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// One secret; its value only with --reveal
    Show {
        /// Its name, e.g. login-password
        name: String,
        /// Print the value
        #[arg(long)]
        reveal: bool,
    },
    /// Keep the secrets elsewhere: in a file of yours, in one that git may have, in the cluster alone
    Export(export::ExportArgs),
}

/// Runs `secrets`.
pub(super) fn run(args: &SecretsArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let namespace = global.kube.namespace.clone().or_else(|| environment.namespace.clone());
    let namespace = namespace.ok_or_else(|| {
        Error::usage("which hub?").because("each hub has its own secrets").hint("name its namespace, e.g. -n dhub")
    })?;
    check_namespace(&namespace)?;
    let store = LocalStore::new(Path::new("."), &namespace, &environment.identity);
    match &args.verb {
        Verb::List { output } => list::list(&ledger(&store, &namespace)?, *output, ui)?,
        Verb::Show { name, reveal } => list::show(&ledger(&store, &namespace)?, name, *reveal, ui)?,
        Verb::Export(args) => {
            let hub = export::Hub { store, namespace, connection: global.connection(environment) };
            return runtime()?.block_on(export::run(args, &hub, ui));
        }
    }
    Ok(Outcome::Done)
}

fn ledger(store: &LocalStore, namespace: &str) -> Result<Ledger> {
    store.read()?.ok_or_else(|| {
        Error::user(format!("this folder has no secrets of a hub in {namespace}"))
            .because(format!("{} is missing", store.path().display()))
            .hint("go to the folder of the hub's site file, from which it was rendered or installed")
    })
}
