//! `helm iris secrets adopt`: the secrets of a hub that was installed by hand become the ledger's.

use std::collections::BTreeMap;

use clap::Args;

use super::Outcome;
use crate::bundle::manifest::SecretEntry;
use crate::cli::{Environment, GlobalArgs, TargetArgs};
use crate::commands::{store, wait_for};
use crate::compose;
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::load::{self, Loaded};
use crate::observe::{self, ReleaseKey};
use crate::plan;
use crate::secrets::{Ledger, Need, Note, Reconciled, Sources, StoredLedger, Written, cluster, reconcile};
use crate::ui::{Ui, table};

/// How often the cluster is looked at before giving up, where others write the ledger meanwhile.
const LOOKS: usize = 5;

/// Arguments of `secrets adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// What the hub is.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Where places differ: whose value holds, e.g. cookie-secret=hub:hub.config.JupyterHub.cookie_secret; may be given several times
    #[arg(long, value_name = "NAME=PLACE")]
    pub take: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// Adopts.
pub(super) fn run(args: &AdoptArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let take = decisions(&args.take)?;
    let loaded = load::load(&args.target.request(global, environment, None))?;
    let _alone = store::hold(&loaded.store, ui)?;
    let ledger = loaded.ledger()?;
    wait_for(async {
        let cluster = global.connection(environment).open().await?;
        adopt(&loaded, &ledger, &cluster, &take, ui).await
    })
}

fn decisions(take: &[String]) -> Result<BTreeMap<String, String>> {
    let decision = |text: &String| {
        let (name, place) = text.split_once('=').filter(|(name, place)| !name.is_empty() && !place.is_empty())?;
        Some((name.to_owned(), place.to_owned()))
    };
    take.iter()
        .map(|text| {
            decision(text).ok_or_else(|| {
                Error::usage(format!("`--take {text}` says nothing"))
                    .hint("write it as NAME=PLACE; the message about the difference names the places")
            })
        })
        .collect()
}

async fn adopt(
    loaded: &Loaded,
    local: &Ledger,
    cluster: &Cluster,
    take: &BTreeMap<String, String>,
    ui: &Ui,
) -> Result<Outcome> {
    let namespace = loaded.namespace.as_str();
    let needs = load::needs(&loaded.charts, loaded.settings.secret_mode);
    let entry = |need: &Need| compose::secret(loaded, need.clone());
    let wanted: Vec<SecretEntry> = needs.iter().map(entry).collect();
    let store = loaded.store.path().display().to_string();
    let mut agreed: Option<Ledger> = None;
    for _ in 0..LOOKS {
        let (stored, observe::FoundSecrets { found, unshared, owners }) =
            futures::try_join!(cluster::read(cluster, namespace), observe::found_secrets(cluster, namespace, &wanted))?;
        let reconciled = reconcile(&Sources {
            needs: &needs,
            local,
            local_path: &store,
            cluster: stored.as_ref().map(|stored| &stored.ledger),
            found: &found,
            unshared: &unshared,
            id: &cluster.id,
            chart: &loaded.chart,
            namespace,
            take,
        })?;
        if stored.is_none() && found.is_empty() {
            return Err(nothing_there(namespace, cluster));
        }
        let hidden = plan::not_found(&wanted, &reconciled.fresh, |_| true);
        if !hidden.is_empty() {
            return Err(plan::hidden_hub(&hidden, namespace));
        }
        let (for_cluster, for_here) = reconciled.without_fresh();
        if stored.as_ref().is_some_and(|stored| stored.ledger == for_cluster) && *local == for_here {
            ui.status(&format!("Nothing to adopt: the ledger has the secrets of {namespace} already."));
            return Ok(Outcome::Done);
        }
        if !agreed.is_some_and(|agreed| says_the_same(&agreed, &for_cluster)) {
            show(&reconciled, &needs, cluster, namespace, ui);
            if !ui.confirm(&format!("Keep these in the ledger, in the cluster and in {store}?"))? {
                return Ok(Outcome::Declined);
            }
        }
        store::agree_to_write(&loaded.store, &for_here, ui)?;
        if keep(loaded, cluster, stored.as_ref(), (&for_cluster, &for_here)).await? == Written::Done {
            ui.status("They are in the ledger now. Nothing else was changed, and nobody is logged out.");
            let next = format!("helm iris install {} -n {namespace}", loaded.chart);
            ui.hint(&match others(loaded, &owners) {
                None => format!("see what an installation would change, and say yes or no: {next}"),
                Some(other) => {
                    format!("the hub belongs to the Helm release `{other}`; the ways to go on are told by: {next}")
                }
            });
            return Ok(Outcome::Done);
        }
        agreed = Some(for_cluster);
    }
    Err(Error::user("somebody else works on the secrets of this hub at the same time")
        .because(format!("the ledger in the cluster was written {LOOKS} times meanwhile"))
        .hint("run the same command again: it looks anew"))
}

/// The release that the hub belongs to, where it is not one of those that an installation would make.
fn others<'o>(loaded: &Loaded, owners: &'o BTreeMap<String, ReleaseKey>) -> Option<&'o str> {
    let namespace = loaded.namespace.as_str();
    let is_ours = |(of, name): &ReleaseKey| {
        of == namespace && loaded.charts.iter().any(|chart| chart.release_name(namespace) == *name)
    };
    owners.values().find(|owner| !is_ours(owner)).map(|(_, name)| name.as_str())
}

fn nothing_there(namespace: &str, cluster: &Cluster) -> Error {
    Error::user(format!("there is nothing to adopt in the namespace {namespace}"))
        .because(format!("no Secret of a hub is there in {}", cluster.label()))
        .hint("is it the right namespace (-n) and cluster (--kube-context)? kubectl get secrets -A")
}

/// Whether a person who agreed to one ledger has agreed to the other: the same secrets from the same
/// places. Whoever was faster has made another fingerprint key.
fn says_the_same(one: &Ledger, other: &Ledger) -> bool {
    let secrets = |ledger: &Ledger| {
        ledger
            .entries
            .iter()
            .map(|(name, entry)| (name.clone(), entry.value.clone(), entry.source.clone()))
            .collect::<Vec<_>>()
    };
    secrets(one) == secrets(other)
}

fn show(reconciled: &Reconciled, needs: &[Need], cluster: &Cluster, namespace: &str, ui: &Ui) {
    let ledger = &reconciled.ledger;
    let there = needs.iter().filter(|need| !reconciled.fresh.contains(&need.name));
    let rows: Vec<_> = there
        .filter_map(|need| {
            let entry = ledger.entries.get(&need.name)?;
            Some(vec![need.name.clone(), ledger.fingerprint(&entry.value), entry.source.to_string()])
        })
        .collect();
    ui.block(&format!("Secrets of the hub in namespace {namespace} of {}:\n", cluster.label()));
    ui.block(&table(&["SECRET", "FINGERPRINT", "FROM"], &rows));
    if !reconciled.fresh.is_empty() {
        let names: Vec<&str> = reconciled.fresh.iter().map(String::as_str).collect();
        ui.block(&format!("\nNot there, so `install` makes them: {}", names.join(", ")));
    }
    for note in &reconciled.notes {
        if matches!(note, Note::Weak { .. } | Note::Replaced { .. } | Note::Moved) {
            ui.warning(&plan::note(note, namespace));
        }
    }
}

/// Into the cluster first: a secret in use is never known to one place alone. Nothing is written where
/// somebody else was faster.
async fn keep(
    loaded: &Loaded,
    cluster: &Cluster,
    before: Option<&StoredLedger>,
    (for_cluster, for_here): (&Ledger, &Ledger),
) -> Result<Written> {
    if before.map(|before| &before.ledger) != Some(for_cluster)
        && cluster::write(cluster, &loaded.namespace, for_cluster, before).await? == Written::Outrun
    {
        return Ok(Written::Outrun);
    }
    loaded.store.write_if_changed(for_here)?;
    Ok(Written::Done)
}
