//! `helm iris rollback`: back to the bundle that was applied before. The ledger's secrets hold, whatever
//! bundle is applied; what people changed in the site file stays there.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::install::report;
use super::session::{Reviewed, Session};
use super::{Outcome, runtime};
use crate::applied::{self, Applied};
use crate::apply::Level;
use crate::archive::Cache;
use crate::bundle::Bundle;
use crate::cli::{Environment, GlobalArgs};
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::names::check_namespace;
use crate::ui::{OutputFormat, Ui, table};

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The bundle to go back to; unset: the newest that differs from what runs
    #[arg(long, value_name = "NUMBER")]
    pub to: Option<u64>,
    /// List the bundles that were applied, and change nothing
    #[arg(long, conflicts_with_all = ["to", "yes"])]
    pub list: bool,
    /// The site file, beside which this hub's secrets are; unset: iris.yaml of this folder, if there is one
    #[arg(long = "file", short = 'f', value_name = "SITE", value_hint = clap::ValueHint::FilePath)]
    pub site_file: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print the list as
    #[arg(long, short, value_enum, default_value_t, requires = "list")]
    pub output: OutputFormat,
}

/// Goes back.
pub(super) fn run(args: &RollbackArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let namespace = global.kube.namespace.clone().or_else(|| environment.namespace.clone()).ok_or_else(|| {
        Error::usage("which hub shall go back?").hint("name its namespace, e.g. helm iris rollback -n dhub")
    })?;
    check_namespace(&namespace)?;
    runtime()?.block_on(async {
        let cluster = global.connection(environment).open().await?;
        let all = applied::list(&cluster, &namespace).await?;
        if all.is_empty() {
            return Err(Error::user(format!(
                "no bundle was applied to {namespace} by this program, as far as is kept"
            ))
            .because(format!("there is none in {}", cluster.label()))
            .hint("is it the right namespace? -n NAMESPACE"));
        }
        if args.list {
            return list(&all, args.output, ui);
        }
        back(args, (&cluster, &all, &namespace), (global, environment), ui).await
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    number: u64,
    at: Option<String>,
    by: String,
    applied: bool,
    jupyterhub: Option<String>,
    digest: String,
}

fn list(all: &[Applied], output: OutputFormat, ui: &Ui) -> Result<Outcome> {
    let row = |one: &Applied| Row {
        number: one.number,
        at: one.at.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        by: one.by.clone(),
        applied: one.done,
        jupyterhub: one.jupyterhub.clone(),
        digest: one.digest.clone(),
    };
    let rows: Vec<Row> = all.iter().map(row).collect();
    ui.answer(output, &rows, |rows| {
        let cells = |row: &Row| {
            let end = if row.applied { "yes" } else { "not to the end" };
            vec![
                row.number.to_string(),
                row.at.clone().unwrap_or_default(),
                end.to_owned(),
                row.jupyterhub.clone().unwrap_or_default(),
                row.by.clone(),
            ]
        };
        table(&["BUNDLE", "BEGUN", "APPLIED", "JUPYTERHUB", "BY"], &rows.iter().map(cells).collect::<Vec<_>>())
    })?;
    Ok(Outcome::Done)
}

async fn back(
    args: &RollbackArgs,
    (cluster, all, namespace): (&Cluster, &[Applied], &str),
    (global, environment): (&GlobalArgs, &Environment),
    ui: &Ui,
) -> Result<Outcome> {
    let cache = Cache::new(environment.chart_cache.clone());
    let planned = async |bundle: Bundle| {
        let reviewed = Reviewed::of_bundle(bundle, args.site_file.as_deref(), environment)?;
        let session = Session::open(reviewed, global, environment).await?;
        let secrets = session.reconcile()?;
        let plan = session.plan(&secrets, false)?;
        Ok::<_, Error>((session, secrets, plan))
    };
    let wanted = |one: &&Applied| args.to.map_or(one.done, |number| one.number == number);
    for target in all.iter().filter(wanted) {
        let unpacked = applied::fetch(cluster, namespace, target.number).await?;
        if args.to.is_none() && planned(unpacked.write(looked_at()?.path(), &cache)?).await?.2.is_empty() {
            continue;
        }
        refuse_an_older_hub(target, all)?;
        let folder = PathBuf::from(format!("{namespace}-v{}", target.number));
        let bundle = unpacked.write(&folder, &cache)?;
        require_unchanged(&bundle, target)?;
        let (session, secrets, plan) = planned(bundle).await?;
        ui.status(&format!("Back to bundle {} of {}: it is in {}", target.number, when(target), folder.display()));
        let Some(agreed) = session.agreed(&plan, &secrets, environment, ui).await? else {
            return Ok(Outcome::Declined);
        };
        let outcome = session.apply(&plan, &secrets, &agreed, Level::Ready, ui).await?;
        let manifest = session.reviewed.bundle.manifest();
        let address = report::address(&session.cluster, manifest).await?;
        report::print(&outcome, session.is_done(&plan), manifest, address.as_ref(), ui);
        ui.hint("the site file says what it said: change it too, or the next install brings the newer state back");
        return Ok(Outcome::Done);
    }
    Err(nothing_to_go_back_to(args, namespace))
}

/// A folder for a bundle that is only compared with what runs.
fn looked_at() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|error| Error::user("cannot make a temporary folder").because(error))
}

fn require_unchanged(bundle: &Bundle, target: &Applied) -> Result<()> {
    if bundle.digest() == target.digest {
        return Ok(());
    }
    Err(Error::user(format!("bundle {} is not what was applied", target.number))
        .because("its digest is another one: somebody has changed its Secret")
        .hint(format!("see what it says in {}, and go back to another one", bundle.folder().display())))
}

fn when(target: &Applied) -> String {
    target.at.map_or_else(|| "an unknown day".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn nothing_to_go_back_to(args: &RollbackArgs, namespace: &str) -> Error {
    let list = format!("see what is kept: helm iris rollback --list -n {namespace}");
    match args.to {
        Some(number) => Error::user(format!("there is no bundle {number} in {namespace}")).hint(list),
        None => Error::user("there is nothing to go back to")
            .because("every bundle that is kept and was applied to the end is as the hub is now")
            .hint(list),
    }
}

/// `JupyterHub` changes its database on the way up, and an older one cannot read it.
fn refuse_an_older_hub(target: &Applied, all: &[Applied]) -> Result<()> {
    let Some(older) = target.jupyterhub.as_deref() else { return Ok(()) };
    let newest = all.iter().filter_map(|one| one.jupyterhub.as_deref()).max_by_key(|version| schema_of(version));
    let Some(newest) = newest.filter(|newest| schema_of(newest) > schema_of(older)) else { return Ok(()) };
    Err(Error::user(format!("bundle {} runs JupyterHub {older}, and the hub has run {newest}", target.number))
        .because("JupyterHub changes its database when it is upgraded, and an older one cannot read it any more")
        .hint("go back by the site file instead: keep the newer chart, and change back the values")
        .hint("or restore a dump of the database from before the upgrade, then install that bundle by --bundle"))
}

/// What of `JupyterHub`'s version may come with another database: major and minor.
fn schema_of(version: &str) -> Vec<u64> {
    version.split('.').take(2).map(|part| part.parse().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_older_hub_on_a_newer_database() {
        let applied = |number, jupyterhub: &str| Applied {
            number,
            digest: String::new(),
            by: String::new(),
            at: None,
            jupyterhub: Some(jupyterhub.to_owned()).filter(|version| !version.is_empty()),
            done: number != 4,
        };
        let all = [applied(4, "5.5.0"), applied(3, "5.4.1"), applied(2, "5.5.9"), applied(1, "")];
        assert!(refuse_an_older_hub(&all[1], &all).unwrap_err().message.contains("5.4.1"));
        assert!(refuse_an_older_hub(&all[1], &all[1..2]).is_ok());
        assert!([0, 2, 3].iter().all(|one| refuse_an_older_hub(&all[*one], &all).is_ok()));
        assert!(schema_of("10.0.1") > schema_of("9.9"));
    }
}
