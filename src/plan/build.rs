//! The bundle against what was observed. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::dump::{self, Dump};
use super::handover::{self, held};
use super::{Action, Operation, Plan, Reason, ReleaseOperation, Skip, crds, deliver, losses, server};
use crate::bundle::manifest::{Manifest, ReleaseEntry};
use crate::chart::release::{Condition, Scope};
use crate::compare::{Secrecy, differences};
use crate::crds::WantedCrd;
use crate::error::{Error, Result};
use crate::helm::{Scrub, chart_digest_of};
use crate::jupyterhub::HubVersion;
use crate::observe::{Classes, Observed, ReleaseState, key};
use crate::secrets::delivered::Content;
use crate::secrets::{Note, Reconciled};

/// A release of the bundle and the values that Helm would get for it.
#[derive(Clone)]
pub struct Desired {
    /// The entry of `bundle.yaml`.
    pub entry: ReleaseEntry,
    /// All its files merged. They hold secrets.
    pub values: Value,
    /// What the Kubernetes Secret has to hold that carries secrets to it; none where it has none.
    pub secret: Option<Content>,
    /// The JupyterHub of its archive, where that is another archive than the one that runs.
    pub hub: Option<HubVersion>,
}

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct Input<'i> {
    /// The cluster as people know it.
    pub cluster: &'i str,
    /// Address of its API server.
    pub server: &'i str,
    /// SHA-256 of `bundle.yaml`.
    pub bundle: &'i str,
    /// `bundle.yaml`.
    pub manifest: &'i Manifest,
    /// Its releases, in order, with their values.
    pub desired: &'i [Desired],
    /// What the cluster holds.
    pub observed: &'i Observed,
    /// The secrets that hold.
    pub secrets: &'i Reconciled,
    /// The definitions of resources that the charts bring.
    pub crds: &'i [WantedCrd],
    /// `--upgrade-crds`: make the cluster's what the charts have.
    pub upgrade_crds: bool,
    /// `--force`: apply what is unchanged too.
    pub force: bool,
}

/// Makes the plan.
///
/// # Errors
/// Whatever would make applying it wrong: two default classes or none where one is needed, a
/// database whose password nobody knows, a release that another helm is working on.
pub fn build(input: &Input<'_>) -> Result<Plan> {
    losses::refuse(input)?;
    crds::refuse(input)?;
    let mut operations = Vec::new();
    if input.observed.namespace_exists == Some(false) {
        operations.push(Operation::CreateNamespace { name: input.manifest.namespace.clone() });
    }
    if input.secrets.cluster_differs {
        let new = input.observed.ledger.is_none();
        operations.push(Operation::WriteLedger { namespace: input.manifest.namespace.clone(), new });
    }
    let scrub = Scrub::new(&input.secrets.ledger);
    let mut unsaved = Vec::new();
    for desired in input.desired {
        let release = release(input, desired, &scrub)?;
        // First: without it, nothing of the release begins.
        match dump::before(input, desired, &release) {
            Some(Dump::Ours(operation)) => operations.push(Operation::DumpDatabase(operation)),
            Some(Dump::NotOurs(warning)) => unsaved.push(warning),
            None => {}
        }
        unsaved.extend(dump::older(input, desired));
        unsaved.extend(server::older(input, desired));
        operations.extend(deliver::write(input, desired)?);
        operations.extend(crds::before(input, &desired.entry.name));
        operations.push(Operation::Release(release));
    }
    handover::order(&mut operations, input);
    operations.extend(deliver::removals(input));
    let notes = notes(input);
    let mut plan = Plan {
        cluster: input.cluster.to_owned(),
        server: input.server.to_owned(),
        namespace: input.manifest.namespace.clone(),
        bundle: input.bundle.to_owned(),
        warnings: [unsaved, warnings(input.manifest, &operations, &notes)].concat(),
        crds: Vec::new(),
        secrets: notes,
        operations,
    };
    plan.tell_crds(input.crds, input.upgrade_crds);
    Ok(plan)
}

/// What to know about the secrets: also of those of which something in the cluster has another value,
/// whoever is to blame.
fn notes(input: &Input<'_>) -> Vec<Note> {
    let mut notes = input.secrets.notes.clone();
    let told: Vec<String> = notes.iter().filter_map(Note::replaced).map(str::to_owned).collect();
    for secret in input.manifest.secrets.iter().filter(|secret| !told.contains(&secret.name)) {
        let value = input.secrets.ledger.value(&secret.name);
        if held(secret, input.manifest, input.observed).iter().any(|held| Some(held) != value) {
            notes.push(Note::Replaced { name: secret.name.clone(), means: secret.replacing.clone() });
        }
    }
    notes
}

fn warnings(manifest: &Manifest, operations: &[Operation], notes: &[Note]) -> Vec<String> {
    let hidden = |operation: &Operation| {
        matches!(
            operation,
            Operation::Release(ReleaseOperation { action: Action::Skip { why: Skip::ClassesHidden }, .. })
        )
    };
    let shared = |operation: &Operation| match operation {
        Operation::Release(release)
            if release.scope == Scope::Cluster && matches!(release.action, Action::Upgrade { .. }) =>
        {
            Some(format!("{} is shared by all hubs of this cluster: it changes for all of them", release.name))
        }
        _ => None,
    };
    let mut warnings: Vec<String> = operations.iter().filter_map(shared).collect();
    if operations.iter().any(hidden) {
        warnings.push(
            "you may not look at StorageClasses: it is taken for granted that there is one default class".to_owned(),
        );
    }
    if notes.iter().any(|note| note.replaced().is_some()) {
        warnings.push(format!(
            "Helm's history keeps the old values, for rolling back; to remove them afterwards: {}",
            prune_command(manifest)
        ));
    }
    warnings
}

/// The command that removes what Helm keeps of older revisions; `secrets rotate` offers to do the same.
pub fn prune_command(manifest: &Manifest) -> String {
    let hubs = manifest.releases.iter().filter(|release| release.scope == Scope::Hub);
    let names: Vec<&str> = hubs.map(|release| release.name.as_str()).collect();
    format!(
        "kubectl delete secret -n {} -l 'owner=helm,status!=deployed,name in ({})'",
        manifest.namespace,
        names.join(",")
    )
}

fn release(input: &Input<'_>, desired: &Desired, scrub: &Scrub) -> Result<ReleaseOperation> {
    let entry = &desired.entry;
    let action = match condition(input, desired)? {
        Some(why) => Action::Skip { why },
        None => action(input, desired, scrub)?,
    };
    Ok(ReleaseOperation {
        name: entry.name.clone(),
        namespace: entry.namespace.clone(),
        chart: entry.chart.clone(),
        helm_chart: format!("{} {}", entry.helm_chart, entry.version),
        scope: entry.scope,
        action,
        awaited: false,
        after: entry.needs.clone(),
        detail: Box::default(),
    })
}

fn action(input: &Input<'_>, desired: &Desired, scrub: &Scrub) -> Result<Action> {
    let entry = &desired.entry;
    if let Some(error) = input.observed.unreadable.get(&key(entry)) {
        return Err(error.clone());
    }
    let Some(state) = input.observed.release(entry).filter(|state| state.status != "uninstalled") else {
        return Ok(Action::Install);
    };
    if state.is_pending() && !may_be_freed(input, entry) {
        return Err(at_work((&entry.name, &entry.namespace), state.revision, &state.status, state.began));
    }
    let mut reasons = reasons(input, desired, state, scrub);
    if reasons.is_empty() && input.force {
        reasons.push(Reason::Forced);
    }
    let revision = state.revision;
    Ok(if reasons.is_empty() { Action::Keep { revision } } else { Action::Upgrade { revision, reasons } })
}

/// Whether whoever made a pending revision is gone. What all hubs share is looked at again by the executor,
/// when it has the Lease there.
fn may_be_freed(input: &Input<'_>, entry: &ReleaseEntry) -> bool {
    entry.scope == Scope::Cluster || input.observed.abandoned.contains(&key(entry))
}

fn reasons(input: &Input<'_>, desired: &Desired, state: &ReleaseState, scrub: &Scrub) -> Vec<Reason> {
    let entry = &desired.entry;
    let mut reasons = Vec::new();
    let succeeded = state.status == "deployed";
    if state.is_pending() {
        reasons.push(Reason::Abandoned { revision: state.revision, status: state.status.clone() });
    } else if !succeeded {
        reasons.push(Reason::Unfinished { revision: state.revision, status: state.status.clone() });
    }
    let digest = chart_digest_of(&state.description);
    // A failed revision carries the failure in its description, whoever made it.
    if digest.is_none() && succeeded {
        reasons.push(Reason::Foreign { revision: state.revision });
    }
    if (&state.chart, &state.version) != (&entry.helm_chart, &entry.version) {
        let from = format!("{} {}", state.chart, state.version);
        reasons.push(Reason::Chart { from, to: format!("{} {}", entry.helm_chart, entry.version) });
    } else if digest.is_some_and(|digest| Some(digest) != entry.sha256.as_deref()) {
        reasons.push(Reason::Archive);
    }
    let paths = secret_paths(input.manifest, entry, |_| true);
    let in_use = secret_paths(input.manifest, entry, |name| is_in_use(input, name));
    let changes = differences(&state.config, &desired.values, &Secrecy { paths, in_use, scrub });
    if !changes.is_empty() {
        reasons.push(Reason::Values { changes });
    }
    reasons
}

/// Whether the charts' own Secrets hold the value of the ledger.
fn is_in_use(input: &Input<'_>, name: &str) -> bool {
    let value = input.secrets.ledger.value(name);
    let own = input.observed.found.iter().filter(|found| found.ledger.is_none());
    own.into_iter().any(|found| found.name == name && Some(&found.value) == value)
}

fn secret_paths(manifest: &Manifest, entry: &ReleaseEntry, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let prefix = format!("{}:", entry.chart);
    let secrets = manifest.secrets.iter().filter(|secret| wanted(&secret.name));
    let fills = secrets.flat_map(|secret| secret.fills.iter().chain(&secret.previous_fills));
    fills.filter_map(|place| place.strip_prefix(&prefix).map(str::to_owned)).collect()
}

/// A release that helm has not finished, by name and namespace.
pub fn at_work((name, namespace): (&str, &str), revision: u64, status: &str, began: Option<Timestamp>) -> Error {
    let since = began.map(|began| format!(" since {}", began.strftime("%Y-%m-%d %H:%M:%S UTC")));
    let error = Error::user(format!("another helm works on `{name}` right now, or was killed while it did"))
        .because(format!("revision {revision} is `{status}`{}", since.unwrap_or_default()))
        .hint("if somebody is installing, wait until they are done, then run the same command again");
    if revision == 1 || status == "uninstalling" {
        return error
            .hint(format!("if not: helm uninstall {name} -n {namespace} (volumes stay), then the same command again"));
    }
    error.hint(format!("if not: helm rollback {name} -n {namespace}, then the same command again"))
}

/// Whether a release's condition keeps it out.
fn condition(input: &Input<'_>, desired: &Desired) -> Result<Option<Skip>> {
    let Some(Condition::NoDefaultClass) = desired.entry.condition else {
        return Ok(None);
    };
    let ours = Some(key(&desired.entry));
    let hidden = input.observed.unreadable.contains_key(&key(&desired.entry));
    let Classes::Known(classes) = &input.observed.classes else {
        return Ok(Some(Skip::ClassesHidden));
    };
    match classes.as_slice() {
        [] if is_empty(&desired.values) => Err(no_class()),
        [] => Ok(None),
        [only] if only.made_by == ours && !is_empty(&desired.values) && !hidden => Ok(None),
        [only] => Ok(Some(Skip::DefaultClass { name: only.name.clone() })),
        several => Err(several_classes(&several.iter().map(|class| class.name.as_str()).collect::<Vec<_>>())),
    }
}

/// Whether values say nothing, so that the release would make nothing.
pub fn is_empty(values: &Value) -> bool {
    match values {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// There is no default class, and nobody says which to make.
pub fn no_class() -> Error {
    Error::user("the cluster has no default StorageClass, and the profile does not say which to make")
        .because("without one, the volumes of database and users stay Pending for ever")
        .hint("see which CSI drivers there are: kubectl get csidrivers")
        .hint("then name a class to make in the site file: storage: {newClass: {name: NAME, provisioner: DRIVER}}")
        .hint("or one that exists (kubectl get storageclass): storage: {className: NAME}")
}

/// There are several default classes.
pub fn several_classes(names: &[&str]) -> Error {
    let (keep, others) = names.split_first().unwrap_or((&"", &[]));
    let error = Error::user(format!("the cluster has {} default StorageClasses: {}", names.len(), names.join(", ")))
        .because("Kubernetes then takes the youngest, so that volumes end up in one or the other");
    let unmark = |name: &&str| {
        format!("kubectl annotate storageclass {name} storageclass.kubernetes.io/is-default-class=false --overwrite")
    };
    let error = error.hint(format!("leave one the default; to keep {keep}:"));
    others.iter().map(unmark).fold(error, Error::hint)
}

#[cfg(test)]
#[path = "build_tests.rs"]
pub(super) mod tests;
