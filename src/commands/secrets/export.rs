//! `helm iris secrets export`: moves the ledger between the places that can keep it.

mod to_cluster;

use clap::{Args, ValueEnum};

use super::StoreArgs;
use crate::commands::Outcome;
use crate::commands::store::{agree, hold};
use crate::error::{Error, Result};
use crate::kube::Connection;
use crate::secrets::{Ledger, LocalStore, Moved, Recipients, cluster};
use crate::ui::Ui;

/// Arguments of `secrets export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Where the secrets shall be kept
    #[arg(long, value_enum)]
    pub to: Place,
    /// Public key of somebody who shall read the encrypted file; once for each, your own too
    #[arg(long, value_name = "AGE1…")]
    pub recipient: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Which hub's.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// A place that keeps a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// In .helm-iris beside the site file, readable by you alone, ignored by git
    File,
    /// In a file beside the site file, encrypted with age; it may be committed
    Age,
    /// In the cluster alone: removes what this machine keeps
    Cluster,
}

/// The hub whose ledger is moved.
pub(super) struct Hub {
    pub(super) store: LocalStore,
    pub(super) namespace: String,
    pub(super) connection: Connection,
}

pub(super) async fn run(args: &ExportArgs, hub: &Hub, ui: &Ui) -> Result<Outcome> {
    if args.to != Place::Age && !args.recipient.is_empty() {
        return Err(Error::usage("--recipient is for --to age").because("the other places are not encrypted"));
    }
    let recipients = (!args.recipient.is_empty()).then(|| Recipients::from_arguments(&args.recipient)).transpose()?;
    match args.to {
        Place::Cluster => return to_cluster::run(hub, ui).await,
        Place::Age => {
            let fetched = fetched(hub, ui).await?;
            let _alone = hold(&hub.store, ui)?;
            if recipients.is_none() {
                agree(&hub.store, ui)?;
            }
            told_of_age(hub, &hub.store.move_to_age(fetched, recipients)?, ui);
        }
        Place::File => {
            let fetched = fetched(hub, ui).await?;
            let _alone = hold(&hub.store, ui)?;
            told_of_file(hub, &hub.store.move_to_file(fetched)?, ui);
        }
    }
    Ok(Outcome::Done)
}

/// The cluster's ledger, where this machine has none.
async fn fetched(hub: &Hub, ui: &Ui) -> Result<Option<Ledger>> {
    if hub.store.exists()? {
        return Ok(None);
    }
    let cluster = hub.connection.open().await.map_err(|error| {
        error.hint(format!(
            "this folder has no secrets of a hub in {}, so the cluster's are asked for: is it the right folder?",
            hub.namespace
        ))
    })?;
    let stored = cluster::read(&cluster, &hub.namespace).await?;
    if stored.is_some() {
        ui.status(&format!("Read the ledger of {} from {}", hub.namespace, cluster.label()));
    }
    Ok(stored.map(|stored| stored.ledger))
}

fn told_of_age(hub: &Hub, moved: &Moved, ui: &Ui) {
    let path = hub.store.path().display();
    let readers = hub.store.readers(&moved.readers);
    ui.status(&if moved.written {
        format!("Wrote {path}, which can be read by {readers}")
    } else {
        format!("{path} is up to date, and can be read by {readers}")
    });
    told_of_removed(moved.removed.as_deref(), ui);
    if moved.shut_out {
        ui.warning("who was left out can still read what git keeps of the file before: the secrets in it stay known");
    }
    ui.hint(&format!("commit {path}; your identity file must never be in git"));
}

fn told_of_file(hub: &Hub, moved: &Moved, ui: &Ui) {
    let path = hub.store.path().display();
    ui.status(&if moved.written {
        format!("Wrote {path}: readable by you alone, ignored by git")
    } else {
        format!("{path} is the store already")
    });
    told_of_removed(moved.removed.as_deref(), ui);
}

fn told_of_removed(removed: Option<&str>, ui: &Ui) {
    if let Some(path) = removed {
        ui.status(&format!("Removed {path}"));
        if path.ends_with(".age") {
            ui.hint("git still has it: commit its removal");
        }
    }
}
