//! Whether the hub's database is dumped before an upgrade: where JupyterHub would change it for good.

use super::build::{Desired, Input};
use super::database::HubDatabase;
use super::{Action, DumpOperation, Reason, ReleaseOperation};
use crate::dumps;
use crate::jupyterhub::HubVersion;
use crate::observe::ReleaseState;

/// The chart of ours that serves a database.
pub(super) const DATABASE_CHART: &str = "postgresql";

/// Who saves the database before it is changed.
pub(super) enum Dump {
    /// We do.
    Ours(DumpOperation),
    /// Nobody does, and what to do about it.
    NotOurs(String),
}

/// The dump that comes before a release; none where it leaves its database as it is.
pub(super) fn before(input: &Input<'_>, desired: &Desired, release: &ReleaseOperation) -> Option<Dump> {
    let Action::Upgrade { reasons, .. } = &release.action else { return None };
    let state = input.observed.release(&desired.entry)?;
    let from = state.hub.as_ref()?;
    let other_chart = || reasons.iter().any(|reason| matches!(reason, Reason::Chart { .. } | Reason::Archive));
    let to = match &desired.hub {
        Some(to) if from.may_migrate_to(to) => to.shown(),
        // The archive is not at hand, so nobody can tell.
        None if other_chart() => format!("that of {}", release.helm_chart),
        _ => return None,
    };
    let database = HubDatabase::of(&state.config);
    let Some(server) = ours(input, desired, &database) else {
        return Some(Dump::NotOurs(unsaved(&database, (&from.shown(), &to), release)));
    };
    Some(Dump::Ours(DumpOperation {
        namespace: release.namespace.clone(),
        claim: dumps::claim(&server),
        database: server,
        release: release.name.clone(),
        from: from.shown(),
        to,
    }))
}

/// The release of ours that serves the database.
fn ours(input: &Input<'_>, hub: &Desired, database: &HubDatabase) -> Option<String> {
    let (host, _) = database.at.as_ref()?;
    let serves = |one: &&Desired| {
        let (entry, wanted) = (&one.entry, &hub.entry.namespace);
        entry.chart == DATABASE_CHART && entry.name == *host && entry.namespace == *wanted
    };
    let entry = &input.desired.iter().find(serves)?.entry;
    let runs = |state: &&ReleaseState| state.status != "uninstalled" && state.chart == entry.helm_chart;
    input.observed.release(entry).filter(runs).map(|_| entry.name.clone())
}

fn unsaved(database: &HubDatabase, (from, to): (&str, &str), release: &ReleaseOperation) -> String {
    let changes = format!(
        "JupyterHub {from} -> {to} changes its database for good, and helm iris dumps only the engine \
         `postgresql`"
    );
    let namespace = &release.namespace;
    match &database.at {
        Some(_) => format!(
            "{changes}: dump this one before you say yes, with pg_dump --format=custom and the host, user and \
             database of hub.db.url"
        ),
        None => format!(
            "{changes}; of {}, JupyterHub copies the file beside itself; to have a copy of your own: kubectl exec -n \
             {namespace} deploy/hub -- cat /srv/jupyterhub/jupyterhub.sqlite > before.sqlite",
            database.kind
        ),
    }
}

/// The JupyterHub goes back, onto a database that it may not be able to read.
pub(super) fn older(input: &Input<'_>, desired: &Desired) -> Option<String> {
    let from: &HubVersion = input.observed.release(&desired.entry)?.hub.as_ref()?;
    let to = desired.hub.as_ref().filter(|to| from.is_newer_than(to))?;
    Some(format!(
        "JupyterHub goes back from {} to {}: it starts only on a database that a JupyterHub of that version left",
        from.shown(),
        to.shown()
    ))
}

#[cfg(test)]
#[path = "dump_tests.rs"]
mod tests;
