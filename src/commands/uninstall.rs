//! `helm iris uninstall`: look, show whose data is there, ask, make it safe, take the hub away.

mod report;
mod target;
mod view;

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use super::{Outcome, pull, wait_for};
use crate::cli::{Environment, GlobalArgs, candidates};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::kube::Cluster;
use crate::lease::{self, Held, Holder};
use crate::ui::{OutputFormat, Ui};
use crate::uninstall::{self, Executor, Observed, Uninstall};
use report::Left;
use target::Target;

/// The version of the plan's form as JSON and YAML.
const FORMAT: u32 = 1;

/// Arguments of `uninstall`.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// The chart that was installed, e.g. daskhub
    #[arg(add = ArgValueCompleter::new(candidates::charts))]
    pub chart: String,
    /// The site file beside which the re-attach file is written; unset: this folder
    #[arg(long = "file", short = 'f', value_name = "SITE", value_hint = clap::ValueHint::FilePath)]
    pub site_file: Option<PathBuf>,
    /// Delete the files of all users and the database for good; asks for the hub's NAME unless it is given
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub delete_data: Option<String>,
    /// Remove the hub's secrets from the cluster too
    #[arg(long, requires = "delete_data")]
    pub delete_secrets: bool,
    /// Show what would be done, and whose data is there; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print what would be done as
    #[arg(long, short, value_enum, default_value_t, requires = "dry_run")]
    pub output: OutputFormat,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Serialize)]
struct Answer<'p> {
    format: u32,
    changes: bool,
    #[serde(flatten)]
    plan: &'p Uninstall,
}

/// Uninstalls.
pub(super) fn run(args: &UninstallArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    wait_for(uninstall(args, global, environment, ui))
}

async fn uninstall(args: &UninstallArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let target = Target::of(args, global, environment)?;
    is_named(args, &target.namespace)?;
    let cluster = global.connection(environment).open().await?;
    let observed = Box::pin(uninstall::look(&cluster, &target.namespace)).await?;
    let plan = uninstall::build(&uninstall::Input {
        cluster: cluster.label(),
        server: &cluster.server,
        namespace: &target.namespace,
        chart: (&target.chart, &target.helm_chart),
        known: &target.known,
        observed: &observed,
        deletes_data: args.delete_data.is_some(),
        deletes_secrets: args.delete_secrets,
    })?;
    if args.dry_run {
        let answer = Answer { format: FORMAT, changes: !plan.is_empty(), plan: &plan };
        ui.answer(args.output, &answer, |answer| view::text(answer.plan))?;
        return Ok(Outcome::Done);
    }
    ui.block(&view::text(&plan));
    let work = Work { target: &target, cluster: &cluster, observed: &observed, plan: &plan };
    if plan.is_empty() {
        let file = work.write_file(ui)?;
        // A run that was stopped at its very end has left its Lease.
        if observed.lease.is_left() {
            give_back(work.lease(environment, ui).await?, true, ui).await;
        }
        report::nothing(&plan, &work.left(file), ui)?;
        return Ok(Outcome::Done);
    }
    if !agreed(args, &plan, ui)? {
        return Ok(Outcome::Declined);
    }
    work.run(environment, ui).await?;
    Ok(Outcome::Done)
}

/// A name that is given and wrong says that somebody is at the wrong hub.
fn is_named(args: &UninstallArgs, namespace: &str) -> Result<()> {
    match args.delete_data.as_deref() {
        Some(name) if !name.is_empty() && name != namespace => {
            Err(Error::usage(format!("the hub is called {namespace}, not {name}"))
                .because("its name stands for the data that is deleted for good")
                .hint(format!("look at what is there: helm iris uninstall CHART -n {namespace} --dry-run")))
        }
        _ => Ok(()),
    }
}

fn agreed(args: &UninstallArgs, plan: &Uninstall, ui: &Ui) -> Result<bool> {
    let name = &plan.namespace;
    if args.delete_data.as_ref().is_some_and(String::is_empty) {
        let question = format!("This deletes data for good. Type the hub's name, {name}, to go on:");
        return ui.confirm_by_name(&question, name, &format!("--delete-data {name}"));
    }
    ui.confirm(&format!("Uninstall the hub in {name} from {}?", plan.cluster))
}

/// A plan that somebody said yes to, and all that it takes.
struct Work<'w> {
    target: &'w Target,
    cluster: &'w Cluster,
    observed: &'w Observed,
    plan: &'w Uninstall,
}

impl Work<'_> {
    /// Does it while nobody else works on the hub.
    async fn run(&self, environment: &Environment, ui: &Ui) -> Result<()> {
        let helm = if self.plan.runs_helm() { Some(pull::find_helm(environment).await?) } else { None };
        // Until the first step a signal may end the process as ever: nothing was changed yet.
        let lease = self.lease(environment, ui).await?;
        let mut interrupt = Interrupt::on_signals()?;
        let file = self.write_file(ui);
        let executor =
            Executor { cluster: self.cluster, helm: helm.as_ref(), observed: self.observed, lease: lease.as_ref() };
        let done = match &file {
            Ok(_) => executor.run(self.plan, &mut interrupt, &mut |step| report::step(step, ui)).await,
            Err(error) => Err(error.clone()),
        };
        give_back(lease, done.is_ok(), ui).await;
        done?;
        report::done(self.plan, &self.left(file?), ui)
    }

    fn left(&self, file: Option<PathBuf>) -> Left {
        let in_cluster_only = self.observed.ledger.is_some() && !self.target.has_secrets();
        Left { file, in_cluster_only }
    }

    /// The Lease; none where there is no namespace to hold it in, or where we may not.
    async fn lease(&self, environment: &Environment, ui: &Ui) -> Result<Option<Held>> {
        if self.observed.namespace_exists == Some(false) {
            return Ok(None);
        }
        let holder = Holder::this_process(environment.user.as_deref());
        let doing = format!("uninstall {}", self.plan.chart);
        let who = (&holder, doing.as_str());
        let lease = lease::acquire(self.cluster, &self.plan.namespace, who, &self.observed.lease).await?;
        if lease.is_none() {
            ui.warning("you may not use Leases here, so nothing keeps others from working at the same time");
        }
        Ok(lease)
    }

    /// Writes what brings the volumes back, before anything goes; none where none is kept.
    fn write_file(&self, ui: &Ui) -> Result<Option<PathBuf>> {
        let Some(file) = self.target.file_of(self.cluster, self.observed, self.plan) else { return Ok(None) };
        let path = self.target.file();
        file.write(&path)?;
        ui.status(&format!("Wrote {}, which brings the volumes back", path.display()));
        Ok(Some(path))
    }
}

/// At the very end the Lease goes too.
async fn give_back(lease: Option<Held>, done: bool, ui: &Ui) {
    let Some(lease) = lease else { return };
    if !done {
        return lease.release(done).await;
    }
    if let Err(error) = lease.remove().await {
        ui.warning(&format!("the Lease stays, which harms nothing: {error}"));
    }
}
