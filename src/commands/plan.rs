//! `helm iris plan`: what an installation would change, and why. Changes nothing.

use std::collections::BTreeSet;

use clap::Args;
use futures::try_join;
use serde::Serialize;

use super::session::{BundleArgs, Look, Session};
use super::{Outcome, wait_for};
use crate::cli::{Environment, GlobalArgs};
use crate::crds;
use crate::error::Result;
use crate::plan::{self, Plan};
use crate::ui::{OutputFormat, Ui};

/// The version of the plan's form as JSON and YAML.
const FORMAT: u32 = 1;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// What would be installed.
    #[command(flatten)]
    pub what: BundleArgs,
    /// End with exit code 3 if anything would change
    #[arg(long)]
    pub exit_code: bool,
    /// Do not look for what somebody changed in the cluster since
    #[arg(long)]
    pub no_drift: bool,
    /// Print as
    #[arg(long, short, value_enum, default_value_t)]
    pub output: OutputFormat,
}

#[derive(Serialize)]
struct Answer<'p> {
    format: u32,
    changes: bool,
    #[serde(flatten)]
    plan: &'p Plan,
}

/// Plans.
pub(super) fn run(args: &PlanArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let plan = wait_for(plan(args, global, environment, ui))?;
    let answer = Answer { format: FORMAT, changes: !plan.is_empty(), plan: &plan };
    ui.answer(args.output, &answer, |answer| plan::lines(answer.plan).join("\n"))?;
    if plan.is_empty() {
        ui.status("Nothing would change.");
    }
    Ok(if args.exit_code && !plan.is_empty() { Outcome::Changes } else { Outcome::Done })
}

async fn plan(args: &PlanArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Plan> {
    let (reviewed, looking) = args.what.reviewed(global, environment, ui).await?;
    let (entries, upgrade) = (reviewed.bundle.manifest().releases.clone(), args.what.upgrade_crds);
    let (cluster, early) = looking.done().await?;
    cluster.ask_ahead_for_versions();
    let mut session = Session::begun(reviewed, (cluster.clone(), early), environment).await?;
    let secrets = session.reconcile()?;
    let look = if args.no_drift { Look::NotAtDrift } else { Look::Everywhere };
    if upgrade {
        session.with_crds(crds::look(&cluster, session.reviewed.crds(entries).await?).await?, upgrade);
        let mut plan = session.plan(&secrets, false)?;
        session.detail(&mut plan, &secrets, environment, look).await?;
        return Ok(plan);
    }
    let mut plan = session.plan(&secrets, false)?;
    let others: BTreeSet<&str> = plan
        .releases()
        .filter(|one| !args.no_drift || one.takes_another_chart())
        .map(|one| one.name.as_str())
        .collect();
    let others = entries.into_iter().filter(|entry| others.contains(entry.name.as_str())).collect();
    // Those that stay as they are can be told later: helm renders meanwhile.
    let definitions = async { crds::look(&cluster, session.reviewed.crds(others).await?).await };
    let ((), crds) = try_join!(session.detail(&mut plan, &secrets, environment, look), definitions)?;
    plan.tell_crds(&crds, upgrade);
    Ok(plan)
}
