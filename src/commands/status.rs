//! `helm iris status`: how a hub stands. Needs no site file and no bundle; changes nothing.

mod view;

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::{Outcome, runtime};
use crate::cli::{Environment, GlobalArgs};
use crate::error::Result;
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
    let given = super::given_namespace(global, environment);
    given.as_deref().map_or(Ok(()), check_namespace)?;
    runtime()?.block_on(async {
        let cluster = global.connection(environment).open().await?;
        let namespace = given.as_ref().unwrap_or(&cluster.namespace);
        match look(&cluster, namespace).await? {
            Looked::Hub(status) => tell(*status, args, ui),
            Looked::NoHub { namespace_exists, others } if given.is_some() => {
                Err(status::missing(namespace, namespace_exists, &others))
            }
            Looked::NoHub { .. } => search(&cluster, args, ui).await,
        }
    })
}

async fn look(cluster: &Cluster, namespace: &str) -> Result<Looked> {
    status::look(cluster, namespace, Path::new(namespace)).await
}

/// Nobody said which hub: the only one is meant, and of several a person chooses.
async fn search(cluster: &Cluster, args: &StatusArgs, ui: &Ui) -> Result<Outcome> {
    let hubs = status::hubs(cluster).await?;
    match hubs.as_slice() {
        [] => Err(status::no_hub(cluster)),
        [only] => match look(cluster, &only.namespace).await? {
            Looked::Hub(status) => tell(*status, args, ui),
            Looked::NoHub { namespace_exists, others } => {
                Err(status::missing(&only.namespace, namespace_exists, &others))
            }
        },
        [first, ..] => {
            let hint = format!("choose one, e.g.: helm iris status -n {}", first.namespace);
            ui.answer(args.output, &Answer { format: FORMAT, found: Hubs { hubs } }, |answer| {
                view::hubs(&answer.found.hubs)
            })?;
            ui.hint(&hint);
            Ok(Outcome::Done)
        }
    }
}

fn tell(status: Status, args: &StatusArgs, ui: &Ui) -> Result<Outcome> {
    let failing = status.state == State::Failing;
    ui.answer(args.output, &Answer { format: FORMAT, found: status }, |answer| view::status(&answer.found))?;
    Ok(if failing { Outcome::Failing } else { Outcome::Done })
}
