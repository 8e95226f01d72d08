//! `helm iris secrets`: the ledger of one hub on this machine.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Outcome;
use crate::cli::{Environment, GlobalArgs};
use crate::error::{Error, Result};
use crate::names::check_namespace;
use crate::problem::did_you_mean;
use crate::secrets::{Ledger, LocalStore};
use crate::ui::{OutputFormat, Ui, table};

/// Arguments of `secrets`.
#[derive(Debug, Args)]
pub struct SecretsArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
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
}

#[derive(Serialize)]
struct Row {
    name: String,
    kind: String,
    fingerprint: String,
    state: &'static str,
    purpose: String,
}

/// Runs `secrets`.
pub(super) fn run(args: &SecretsArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let namespace = global.kube.namespace.clone().or_else(|| environment.namespace.clone());
    let namespace = namespace.ok_or_else(|| {
        Error::usage("which hub?").because("each hub has its own secrets").hint("name its namespace, e.g. -n dhub")
    })?;
    check_namespace(&namespace)?;
    let store = LocalStore::new(std::path::Path::new("."), &namespace, &environment.identity);
    let ledger = store.read()?.ok_or_else(|| {
        Error::user(format!("this folder has no secrets of a hub in {namespace}"))
            .because(format!("{} is missing", store.path().display()))
            .hint("go to the folder of the hub's site file, from which it was rendered or installed")
    })?;
    match &args.verb {
        Verb::List { output } => list(&ledger, *output, ui)?,
        Verb::Show { name, reveal } => show(&ledger, name, *reveal, ui)?,
    }
    Ok(Outcome::Done)
}

fn row(ledger: &Ledger, name: &str) -> Option<Row> {
    let entry = ledger.entries.get(name)?;
    Some(Row {
        name: name.to_owned(),
        kind: entry.kind.to_string(),
        fingerprint: ledger.fingerprint(&entry.value),
        state: if entry.provisional { "provisional" } else { "installed" },
        purpose: entry.purpose.clone(),
    })
}

fn list(ledger: &Ledger, output: OutputFormat, ui: &Ui) -> Result<()> {
    let rows: Vec<Row> = ledger.entries.keys().filter_map(|name| row(ledger, name)).collect();
    ui.answer(output, &rows, |rows| {
        let cells: Vec<_> = rows
            .iter()
            .map(|row| vec![row.name.clone(), row.fingerprint.clone(), row.state.to_owned(), row.purpose.clone()])
            .collect();
        table(&["SECRET", "FINGERPRINT", "STATE", "WHAT IT IS FOR"], &cells)
    })
}

fn show(ledger: &Ledger, name: &str, reveal: bool, ui: &Ui) -> Result<()> {
    let Some(found) = row(ledger, name) else {
        let like = did_you_mean(name, ledger.entries.keys().map(String::as_str));
        let fix = like.map_or_else(|| "helm iris secrets list".to_owned(), |like| format!("did you mean `{like}`?"));
        return Err(Error::user(format!("there is no secret `{name}`")).hint(fix));
    };
    match ledger.value(name) {
        Some(value) if reveal => ui.data(value.expose()),
        _ => {
            ui.data(&format!("{} ({}): {}\nfingerprint {}", found.name, found.kind, found.purpose, found.fingerprint));
            ui.hint("add --reveal to print the value");
        }
    }
    Ok(())
}
