//! `helm iris test`: whether a hub, or a Dask Gateway by itself, works for a user. Removes what it makes.

mod ask;
mod tell;

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use super::{Outcome, wait_for};
use crate::cli::{Environment, GlobalArgs, SettingsArgs, candidates};
use crate::error::{Error, Result};
use crate::helm::Scrub;
use crate::interrupt::Interrupt;
use crate::secrets::{DASK_PASSWORD, TEST_TOKEN};
use crate::smoke::{
    self, HubTarget, Level, OfGateway, OfHub, Report, Request, SharedToken, Target, Tested, Way, Witness,
};
use crate::ui::{OutputFormat, Ui};
pub(super) use ask::Hub;
pub(super) use tell::Progress;

/// The version of the answer's form as JSON and YAML.
const FORMAT: u32 = 1;
/// The guide's array.
const GUIDE_SIZE: u32 = 10_000;
/// One that takes a second.
const SMALL_SIZE: u32 = 1_000;

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// What was installed
    #[arg(default_value = "daskhub", add = ArgValueCompleter::new(candidates::charts))]
    pub chart: String,
    /// As it was installed.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Only whether hub, proxy and gateway answer; makes nothing
    #[arg(long)]
    pub quick: bool,
    /// Where users go, instead of through the API server; then a cluster need not be at hand
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// How to compute.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Print as
    #[arg(long, short, value_enum, default_value_t)]
    pub output: OutputFormat,
}

/// How the computation goes.
#[derive(Debug, Args)]
pub struct WorkArgs {
    /// Compute the guide's 10000 times 10000 numbers, not 1000 times 1000
    #[arg(long, conflicts_with = "quick")]
    pub guide_size: bool,
    /// Dask workers to ask for
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000), conflicts_with = "quick")]
    pub workers: u32,
    /// Seconds that a server, a scheduler and workers may each take
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=86_400), conflicts_with = "quick")]
    pub timeout: u32,
}

impl Default for WorkArgs {
    fn default() -> Self {
        Self { guide_size: false, workers: 2, timeout: 600 }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'r> {
    format: u32,
    chart: &'r str,
    namespace: &'r str,
    #[serde(flatten)]
    report: &'r Report,
}

/// Tests.
pub(super) fn run(args: &TestArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    wait_for(test(args, global, environment, ui))
}

async fn test(args: &TestArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let hub = Hub::find(args, global, environment, ui).await?;
    let level = if args.quick { Level::Quick } else { Level::Full };
    let request = request(&hub, level, &args.work)?;
    let mut progress = Progress::new(ui, args.output == OutputFormat::Table);
    let report = smoke::run(&request, &mut Interrupt::on_signals()?, &mut |event| progress.tell(&event)).await;
    progress.finish();
    let report = report?;
    let entry = hub.target.entry();
    let answer = Answer { format: FORMAT, chart: &hub.chart, namespace: &entry.namespace, report: &report };
    // The steps were told one by one.
    ui.answer(args.output, &answer, |answer| {
        let closing = smoke::closing(answer.report);
        match &hub.target {
            Target::Gateway(target) if report.passed && report.level == Level::Workers => {
                let address = hub
                    .url
                    .as_ref()
                    .map_or_else(|| target.address(), |_| format!("{}{}", report.address, target.prefix));
                format!("\n{closing}\n{}", smoke::snippet(&address, &entry.namespace, args.work.workers))
            }
            _ => format!("\n{closing}"),
        }
    })?;
    Ok(if report.passed { Outcome::Done } else { Outcome::Failing })
}

/// What is to be tested, with all that is known of it.
pub(super) fn request(hub: &Hub, level: Level, work: &WorkArgs) -> Result<Request> {
    let namespace = &hub.target.entry().namespace;
    let address = hub.url.clone().or_else(|| hub.target.address());
    let way = match (&address, &hub.cluster) {
        (None, Some(cluster)) => Way::Service(smoke::Service {
            cluster: cluster.clone(),
            namespace: namespace.clone(),
            names: hub.target.services(),
        }),
        (url, _) => Way::Url(ask::door(url.as_deref())?),
    };
    let (of, level, gateway_namespace) = match &hub.target {
        Target::Hub(target) => {
            let gateway = target.gateway.as_ref().map_or(namespace, |gateway| &gateway.namespace);
            (Tested::Hub(Box::new(of_hub(hub, target, work)?)), level, gateway)
        }
        Target::Gateway(_) if work.guide_size => {
            return Err(Error::usage("--guide-size: nothing is computed where there are no notebooks")
                .hint("the test of a Dask Gateway by itself ends with the guide's program, to be run by a user"));
        }
        Target::Gateway(target) => {
            let of = OfGateway { prefix: target.prefix.clone(), password: hub.secret(DASK_PASSWORD)? };
            let level = if level == Level::Full { Level::Workers } else { level };
            (Tested::Gateway(of), level, namespace)
        }
    };
    let witness = hub.cluster.as_ref().map(|cluster| Witness {
        cluster: cluster.clone(),
        namespace: namespace.clone(),
        gateway_namespace: gateway_namespace.clone(),
    });
    Ok(Request {
        way,
        of,
        level,
        workers: work.workers,
        patience: Duration::from_secs(u64::from(work.timeout)),
        scrub: Scrub::new(&hub.ledger),
        witness,
    })
}

fn of_hub(hub: &Hub, target: &HubTarget, work: &WorkArgs) -> Result<OfHub> {
    let shared = match (&hub.cluster, &target.gateway) {
        (Some(cluster), Some(gateway)) => {
            Ok(SharedToken { cluster: cluster.clone(), hub: target.hub.clone(), gateway: gateway.clone() })
        }
        _ => Err("no cluster is at hand to read what both were given".to_owned()),
    };
    Ok(OfHub {
        token: hub.secret(TEST_TOKEN)?,
        visitor: target.visitor(&hub.ledger),
        shared,
        dask: target.gateway.is_some(),
        size: if work.guide_size { GUIDE_SIZE } else { SMALL_SIZE },
    })
}
