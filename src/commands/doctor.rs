//! `helm iris doctor`: is this cluster fit for a hub. Changes nothing, but for `--probe`.

mod look;
mod refuse;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use super::{Outcome, wait_for};
use crate::cli::{Environment, GlobalArgs, SettingsArgs, candidates};
use crate::doctor::{self, Area, Report};
use crate::error::{Error, Result};
use crate::ui::{OutputFormat, Ui};
pub(super) use refuse::refuse;

/// The version of the answer's form as JSON and YAML.
const FORMAT: u32 = 1;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// What would be installed, e.g. daskhub; unset: look at the cluster alone
    #[arg(add = ArgValueCompleter::new(candidates::charts))]
    pub chart: Option<String>,
    /// What it shall be like.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Leave an area out; may be given several times
    #[arg(long, value_enum, value_name = "AREA")]
    pub skip: Vec<Area>,
    /// Make a volume claim and remove it again, to see whether volumes are made
    #[arg(long)]
    pub probe: bool,
    /// Print as
    #[arg(long, short, value_enum, default_value_t)]
    pub output: OutputFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'r> {
    format: u32,
    fatal: bool,
    #[serde(flatten)]
    report: &'r Report,
}

/// Looks.
pub(super) fn run(args: &DoctorArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    fits(args)?;
    let report = wait_for(look::report(args, global, environment, ui))?;
    let answer = Answer { format: FORMAT, fatal: report.is_fatal(), report: &report };
    ui.answer(args.output, &answer, |answer| doctor::lines(answer.report))?;
    Ok(if report.is_fatal() { Outcome::Failing } else { Outcome::Done })
}

/// Settings say nothing where nothing would be installed.
fn fits(args: &DoctorArgs) -> Result<()> {
    let SettingsArgs { site_file, profile, set, .. } = &args.settings;
    if args.chart.is_none() && (site_file.is_some() || profile.is_some() || !set.is_empty()) {
        return Err(Error::usage("--file, --profile and --set are about a chart, and none is given")
            .hint("add it, e.g. helm iris doctor daskhub; see `helm iris charts list`"));
    }
    if args.probe && args.skip.contains(&Area::Storage) {
        return Err(Error::usage("--probe tries the storage, and --skip storage leaves it out"));
    }
    Ok(())
}
