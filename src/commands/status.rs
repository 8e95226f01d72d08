//! `helm iris status`: how a hub stands. Needs no site file and no bundle; changes nothing.

pub(super) mod view;

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::{Outcome, wait_for};
use crate::cli::{Environment, GlobalArgs};
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::names::check_namespace;
use crate::status::{self, Looked, Place, State, Status};
use crate::ui::{OutputFormat, Ui};

/// The version of the answer's form as JSON and YAML.
const FORMAT: u32 = 1;

/// Arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print as
    #[arg(long, short, value_enum, default_value_t)]
    pub output: OutputFormat,
}

#[derive(Serialize)]
struct Answer<T> {
    format: u32,
    #[serde(flatten)]
    found: T,
}

#[derive(Serialize)]
struct Hubs {
    hubs: Vec<Place>,
}

/// Looks, and tells.
pub(super) fn run(args: &StatusArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    wait_for(async {
        let cluster = global.connection(environment).open().await?;
        match find_any(&cluster, global, environment).await? {
            Found::One(status) => tell(*status, args, ui),
            Found::Several(hubs) => {
                ui.answer(args.output, &Answer { format: FORMAT, found: Hubs { hubs } }, |answer| {
                    view::hubs(&answer.found.hubs)
                })?;
                ui.hint("choose one with -n");
                Ok(Outcome::Done)
            }
        }
    })
}

enum Found {
    One(Box<Status>),
    Several(Vec<Place>),
}

/// The hub that is meant.
pub(super) async fn find(cluster: &Cluster, global: &GlobalArgs, environment: &Environment) -> Result<Box<Status>> {
    match find_any(cluster, global, environment).await? {
        Found::One(status) => Ok(status),
        Found::Several(hubs) => {
            let names: Vec<_> = hubs.into_iter().map(|hub| hub.namespace).collect();
            Err(Error::usage("which hub?")
                .because(format!("there are {}", names.join(", ")))
                .hint("choose one with -n"))
        }
    }
}

/// The hub that was named, that of the kubeconfig, or the only one; else all of them.
async fn find_any(cluster: &Cluster, global: &GlobalArgs, environment: &Environment) -> Result<Found> {
    let given = super::given_namespace(global, environment);
    given.as_deref().map_or(Ok(()), check_namespace)?;
    let namespace = given.as_ref().unwrap_or(&cluster.namespace);
    let mut looked = (namespace.clone(), look(cluster, namespace).await?);
    let is_one = matches!(&looked.1, Looked::Hub(status) if !status.is_hidden());
    if given.is_none() && !is_one {
        let hubs = status::hubs(cluster).await?;
        looked = match hubs.as_slice() {
            [] => return Err(status::no_hub(cluster)),
            [only] => (only.namespace.clone(), look(cluster, &only.namespace).await?),
            _ => return Ok(Found::Several(hubs)),
        };
    }
    match looked {
        (_, Looked::Hub(status)) => Ok(Found::One(status)),
        (namespace, Looked::NoHub { namespace_exists, others }) => {
            Err(status::missing(&namespace, namespace_exists, &others))
        }
    }
}

async fn look(cluster: &Cluster, namespace: &str) -> Result<Looked> {
    status::look(cluster, namespace, Path::new(namespace)).await
}

fn tell(status: Status, args: &StatusArgs, ui: &Ui) -> Result<Outcome> {
    let failing = !matches!(status.state, State::Healthy | State::Starting);
    ui.answer(args.output, &Answer { format: FORMAT, found: status }, |answer| view::status(&answer.found))?;
    Ok(if failing { Outcome::Failing } else { Outcome::Done })
}
