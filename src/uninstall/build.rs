//! PLAN: what would be done with what was seen. Pure.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::look::Observed;
use super::{Fate, Stay, Step, Uninstall, VolumeFate};
use crate::chart::CLUSTER_NAMESPACE;
use crate::error::{Error, Result};
use crate::helm::chart_digest_of;
use crate::objects::documents;
use crate::observe::ReleaseState;
use crate::plan::at_work;
use crate::secrets::cluster::NAME as LEDGER;
use crate::text::named;
use crate::volumes::{DELETE, HubVolume, Owner, RETAIN, Volumes};

/// The namespaced kind that holds data.
const CLAIM: &str = "PersistentVolumeClaim";
/// Helm's annotation of what an uninstall leaves.
const KEEP: (&str, &str) = ("helm.sh/resource-policy", "keep");

/// What a plan is made from.
#[derive(Clone, Copy)]
pub struct Input<'i> {
    /// The cluster as people know it.
    pub cluster: &'i str,
    /// Address of its API server.
    pub server: &'i str,
    /// The hub's namespace.
    pub namespace: &'i str,
    /// The chart that is asked for, and the name of its Helm chart.
    pub chart: (&'i str, &'i str),
    /// Names of releases that charts of helm iris make in such a namespace, each with its Helm chart.
    pub known: &'i BTreeSet<(String, String)>,
    /// What the cluster holds.
    pub observed: &'i Observed,
    /// Whether the data of the hub is deleted.
    pub deletes_data: bool,
    /// Whether the ledger goes too.
    pub deletes_secrets: bool,
}

/// Makes the plan; an empty one where there is no hub of ours.
///
/// # Errors
/// A hub that is another one than was asked for, or not ours; volumes that cannot be made safe.
pub fn build(input: &Input<'_>) -> Result<Uninstall> {
    let ours = ours(input);
    is_meant(input, &ours)?;
    is_nobodys_work(input, &ours)?;
    let mut plan = Uninstall {
        cluster: input.cluster.to_owned(),
        server: input.server.to_owned(),
        namespace: input.namespace.to_owned(),
        chart: input.chart.0.to_owned(),
        deletes_data: input.deletes_data,
        operations: Vec::new(),
        volumes: Vec::new(),
        stays: Vec::new(),
    };
    let Observed { volumes, delivered, ledger, .. } = input.observed;
    if ours.is_empty() && delivered.is_empty() && ledger.is_none() && !volumes.all.iter().any(is_kept) {
        return Ok(plan);
    }
    can_be_kept(volumes)?;
    let names: BTreeSet<&str> =
        ours.iter().map(|(name, _)| name.as_str()).chain(input.known.iter().map(|(name, _)| name.as_str())).collect();
    let going: BTreeSet<String> = ours.iter().flat_map(|(_, state)| claims_deleted(state)).collect();
    let mut steps = Vec::new();
    for volume in &volumes.all {
        let fate = fate(input, volume, &names, &going);
        steps.extend(policy(volume, fate));
        plan.volumes.push(line(volume, fate));
    }
    steps.extend(ours.iter().map(|(name, state)| Step::UninstallRelease {
        release: name.clone(),
        helm_chart: format!("{} {}", state.chart, state.version),
        revision: state.revision,
        status: state.status.clone(),
    }));
    steps.extend(left_running(input, !ours.is_empty()));
    let deleted = volumes.all.iter().zip(&plan.volumes).filter(|(one, line)| one.there && line.fate == Fate::Deleted);
    steps.extend(deleted.map(|(_, line)| Step::DeleteClaim { claim: line.claim.clone(), owner: line.owner.clone() }));
    steps.extend(delivered.iter().map(|name| Step::RemoveSecret { name: name.clone() }));
    steps.extend((ledger.is_some() && input.deletes_secrets).then_some(Step::RemoveLedger));
    plan.operations = steps.into_iter().map(Step::named).collect();
    plan.stays = stays(input, &ours);
    Ok(plan)
}

type Releases<'i> = Vec<&'i (String, ReleaseState)>;

/// The releases of ours: the hub first, then those that were made later than what they need.
fn ours<'i>(input: &Input<'i>) -> Releases<'i> {
    let releases = &input.observed.releases;
    let (mut first, rest): (Releases<'_>, Releases<'_>) =
        releases.iter().filter(|release| is_ours(input, release)).partition(|(name, _)| name == input.namespace);
    first.extend(rest);
    first
}

/// A revision that succeeded tells by our mark. One that failed or was cut off carries Helm's own words; then
/// it is ours if it is called as ours are, where a ledger of ours is.
fn is_ours(input: &Input<'_>, (name, state): &(String, ReleaseState)) -> bool {
    let known = || input.observed.ledger.is_some() && input.known.contains(&(name.clone(), state.chart.clone()));
    chart_digest_of(&state.description).is_some() || state.status != "deployed" && known()
}

/// Whether this is what somebody wants to be rid of.
fn is_meant(input: &Input<'_>, ours: &Releases<'_>) -> Result<()> {
    let (namespace, (chart, helm_chart)) = (input.namespace, input.chart);
    let hub = input.observed.releases.iter().find(|(name, _)| name == namespace);
    match hub {
        Some((_, state)) if ours.iter().any(|(name, _)| name == namespace) && state.chart != helm_chart => {
            Err(Error::usage(format!("the hub in {namespace} is {}, not {chart}", state.chart))
                .hint(format!("uninstall it by its name: helm iris uninstall {} -n {namespace}", state.chart)))
        }
        Some((name, state)) if ours.is_empty() && state.chart == helm_chart => {
            Err(Error::user(format!("the hub in {namespace} was not installed by helm iris"))
                .because(format!("the description of revision {} is not ours", state.revision))
                .hint(format!("as it was installed, so it goes: helm uninstall {name} -n {namespace}"))
                .hint(format!("or take it over first: helm iris install {chart} -n {namespace}")))
        }
        _ => Ok(()),
    }
}

/// A helm that is none of ours may be at work with a release that is pending; it would go on with what is taken away.
fn is_nobodys_work(input: &Input<'_>, ours: &Releases<'_>) -> Result<()> {
    let is_of_others = |name: &str, state: &ReleaseState| {
        state.status.starts_with("pending-") && !input.observed.lease.has_left(name, state.revision)
    };
    match ours.iter().find(|(name, state)| is_of_others(name, state)) {
        None => Ok(()),
        Some((name, state)) => Err(at_work((name, input.namespace), state.revision, &state.status, state.began)),
    }
}

/// Volumes that may not be looked at cannot be made safe.
fn can_be_kept(volumes: &Volumes) -> Result<()> {
    match &volumes.hidden {
        Some(error) if volumes.all.iter().any(|volume| volume.bound) => Err(error.clone()),
        _ => Ok(()),
    }
}

fn is_kept(volume: &HubVolume) -> bool {
    volume.volume.as_ref().is_some_and(|volume| volume.policy_before.is_some())
}

fn fate(input: &Input<'_>, one: &HubVolume, names: &BTreeSet<&str>, going: &BTreeSet<String>) -> Fate {
    let of_the_hub = match one.claim.owner() {
        Owner::User { .. } => true,
        Owner::Release { name } => names.contains(name.as_str()),
        Owner::Other => false,
    };
    let goes = !one.there || one.owned || going.contains(&one.claim.name);
    match &one.volume {
        // Nobody made it for its claim, so nobody would delete it with its claim.
        Some(volume) if input.deletes_data && of_the_hub && volume.provisioned => Fate::Deleted,
        Some(_) if goes => Fate::KeptAlone,
        Some(_) => Fate::Kept,
        None if input.deletes_data && of_the_hub => Fate::Deleted,
        None => Fate::Empty,
    }
}

/// What has to be said of a volume before its claim may go.
fn policy(one: &HubVolume, fate: Fate) -> Option<Step> {
    let volume = one.volume.as_ref()?;
    let to = if fate == Fate::Deleted { DELETE } else { RETAIN };
    let said = volume.policy == to && (fate == Fate::Deleted || is_kept(one));
    (!said).then(|| Step::SetReclaimPolicy {
        volume: volume.name.clone(),
        from: volume.policy.clone(),
        to: to.to_owned(),
    })
}

fn line(one: &HubVolume, fate: Fate) -> VolumeFate {
    VolumeFate {
        claim: one.claim.name.clone(),
        owner: one.claim.owner(),
        size: one.claim.size.clone(),
        class: one.claim.class.clone(),
        volume: one.volume.as_ref().map(|volume| volume.name.clone()),
        policy: one.volume.as_ref().map(|volume| volume.policy.clone()),
        fate,
    }
}

/// What runs for users and is no part of a release. While the hub is there, more may be started until it is
/// gone, so they are stopped after it.
fn left_running(input: &Input<'_>, hub_goes: bool) -> Vec<Step> {
    let Observed { servers, dask, .. } = input.observed;
    let servers = (hub_goes || !servers.is_empty()).then(|| Step::StopServers { servers: servers.clone() });
    let dask = (hub_goes || !dask.is_empty()).then(|| Step::StopDask { clusters: dask.clone() });
    servers.into_iter().chain(dask).collect()
}

fn stays(input: &Input<'_>, ours: &Releases<'_>) -> Vec<Stay> {
    let stay = |kind: &str, name: &str, why: String| Stay { kind: kind.to_owned(), name: name.to_owned(), why };
    let mut stays = Vec::new();
    if input.observed.ledger.is_some() && !input.deletes_secrets {
        stays.push(stay("secrets", LEDGER, "what is kept is of no use without them".to_owned()));
    }
    let foreign = input.observed.releases.iter().filter(|(name, _)| !ours.iter().any(|(our, _)| our == name));
    stays.extend(foreign.map(|(name, _)| stay("release", name, "helm iris did not make it".to_owned())));
    match &input.observed.shared {
        None => stays.push(stay("release", "storage", format!("you may not look into {CLUSTER_NAMESPACE}"))),
        Some(shared) => stays.extend(shared.iter().map(|(name, state)| {
            stay("release", name, format!("all hubs share it{}", users(state, &input.observed.volumes)))
        })),
    }
    if input.observed.dask_hidden {
        stays.push(stay("dask", "DaskClusters", "you may not look at them; their pods are stopped".to_owned()));
    }
    if input.observed.namespace_exists != Some(false) {
        stays.push(stay("namespace", input.namespace, "it may hold what others made".to_owned()));
    }
    stays
}

/// Which namespaces have volumes of the classes that a release made.
fn users(state: &ReleaseState, volumes: &Volumes) -> String {
    let classes = objects(state).filter(|object| object.kind == "StorageClass").map(|object| object.metadata.name);
    let users: BTreeSet<&String> = classes.filter_map(|class| volumes.users_of_classes.get(&class)).flatten().collect();
    if users.is_empty() {
        return String::new();
    }
    format!("; it has volumes in {}", named(users.into_iter().map(String::as_str)))
}

#[derive(Deserialize)]
struct Object {
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, serde_json::Value>,
}

/// The claims that helm deletes with a release: it goes by what the release says, not by the claim itself.
fn claims_deleted(state: &ReleaseState) -> Vec<String> {
    let kept = |object: &Object| object.metadata.annotations.get(KEEP.0).is_some_and(|policy| policy == KEEP.1);
    objects(state).filter(|object| object.kind == CLAIM && !kept(object)).map(|object| object.metadata.name).collect()
}

/// The claims and classes of a release's manifest. What cannot be read is not one of them: Helm could not
/// have made it either.
fn objects(state: &ReleaseState) -> impl Iterator<Item = Object> {
    let wanted = |document: &&str| document.contains(CLAIM) || document.contains("StorageClass");
    documents(state.manifest.expose())
        .into_iter()
        .filter(wanted)
        .filter_map(|document| serde_yaml::from_str(document).ok())
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
