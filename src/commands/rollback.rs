//! `helm iris rollback`: back to the bundle that was applied before. The ledger's secrets hold, whatever
//! bundle is applied; what people changed in the site file stays there.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::install::report;
use super::session::{Look, Reviewed, Session};
use super::{Outcome, doctor, wait_for};
use crate::applied::{self, Applied};
use crate::apply::Level;
use crate::archive::Cache;
use crate::bundle::Bundle;
use crate::cli::{Environment, GlobalArgs};
use crate::dumps::{self, Dump};
use crate::error::{Error, Result};
use crate::jupyterhub::database_of;
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
    /// Overwrite what others have changed in the cluster (Helm 4; Helm 3 always does)
    #[arg(long)]
    pub force_conflicts: bool,
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
    wait_for(async {
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
        back(args, (&cluster, &all, &namespace), environment, ui).await
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
    environment: &Environment,
    ui: &Ui,
) -> Result<Outcome> {
    let cache = Cache::new(environment.chart_cache.clone());
    let planned = async |bundle: Bundle| {
        let reviewed = Reviewed::of_bundle(bundle, args.site_file.as_deref(), environment)?;
        let session = Session::open(reviewed, cluster.clone(), environment).await?;
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
        refuse_an_older_hub(target, all, &dumps::kept(cluster, namespace).await)?;
        let folder = PathBuf::from(format!("{namespace}-v{}", target.number));
        let bundle = unpacked.write(&folder, &cache)?;
        require_unchanged(&bundle, target)?;
        let (session, secrets, mut plan) = planned(bundle).await?;
        session.detail(&mut plan, &secrets, environment, Look::AtUpgrades).await?;
        Box::pin(doctor::refuse(&session, &plan, &[], environment)).await?;
        ui.status(&format!("Back to bundle {} of {}: it is in {}", target.number, when(target), folder.display()));
        let Some(agreed) = session.agreed(&plan, &secrets, environment, ui).await? else {
            return Ok(Outcome::Declined);
        };
        let agreed = if args.force_conflicts { agreed.forcing_conflicts() } else { agreed };
        let outcome = session.apply(&plan, &secrets, &agreed, Level::Ready, ui).await?;
        let manifest = session.reviewed.bundle.manifest();
        let address = report::address(&session.cluster, manifest).await?;
        report::print(&outcome, session.is_done(&plan), &session.reviewed.bundle, address.as_ref(), ui)?;
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

/// `JupyterHub` changes its database on the way up, and an older one cannot read it. `dumps`: those that are
/// kept, or why that is not known.
fn refuse_an_older_hub(target: &Applied, all: &[Applied], dumps: &Result<Vec<Dump>>) -> Result<()> {
    let Some(older) = target.jupyterhub.as_deref() else { return Ok(()) };
    let newest = all.iter().filter_map(|one| one.jupyterhub.as_deref()).max_by_key(|version| database_of(version));
    let Some(newest) = newest.filter(|newest| database_of(newest) > database_of(older)) else { return Ok(()) };
    let error = Error::user(format!("bundle {} runs JupyterHub {older}, and the hub has run {newest}", target.number))
        .because("JupyterHub changes its database when it is upgraded, and an older one cannot read it any more")
        .hint("go back by the site file instead: keep the newer chart, and change back the values");
    let of_older = |dump: &&Dump| dump.from().is_some_and(|from| database_of(from) == database_of(older));
    Err(match dumps.as_ref().map(|dumps| dumps.iter().find(of_older)) {
        Ok(Some(Dump { claim, file })) => error
            .hint(format!("or restore the database of before: {file} in the volume claim {claim} (docs/upgrades.md)")),
        Ok(None) => error
            .hint("or restore a dump of the database from before the upgrade, then install that bundle by --bundle"),
        Err(refused) => error
            .because(format!("whether a dump of before is kept is not known: {}", refused.message))
            .hint("or restore a dump of the database from before the upgrade, then install that bundle by --bundle"),
    })
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
        let none = Ok(Vec::new());
        assert!(refuse_an_older_hub(&all[1], &all, &none).unwrap_err().message.contains("5.4.1"));
        assert!(refuse_an_older_hub(&all[1], &all[1..2], &none).is_ok());
        assert!([0, 2, 3].iter().all(|one| refuse_an_older_hub(&all[*one], &all, &none).is_ok()));
    }

    #[test]
    fn the_way_out_names_the_dump_that_is_kept() {
        let dump = |file: &str| Dump { claim: "postgresql-dumps".into(), file: file.into() };
        let applied = |jupyterhub: &str| Applied {
            number: 1,
            digest: String::new(),
            by: String::new(),
            at: None,
            jupyterhub: Some(jupyterhub.to_owned()),
            done: true,
        };
        let all = [applied("6.1.1"), applied("5.5.0")];
        let way_out = |dumps: &Result<Vec<Dump>>| refuse_an_older_hub(&all[1], &all, dumps).unwrap_err();
        let other = dump("jupyterhub-4.1.6-to-5.5.0-20260101T000000Z.dump");
        let ours = dump("jupyterhub-5.5.1-to-6.1.1-20261122T101500Z.dump");
        let named = way_out(&Ok(vec![other.clone(), ours])).hints.join(" ");
        assert!(named.contains("20261122T101500Z.dump in the volume claim postgresql-dumps"), "{named}");
        assert!(!way_out(&Ok(vec![other])).hints.join(" ").contains("volume claim"));
        let hidden = way_out(&Err(Error::user("not allowed to look")));
        assert!(hidden.causes.join(" ").contains("not known: not allowed to look"));
    }
}
