//! What the cluster says to the objects that would be made: which kinds it has, what we may do with
//! them, and which of their names are taken.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use super::{has_namespace, look};
use crate::doctor::facts::{Facts, Forbidden, Look, Taken};
use crate::doctor::finding::Area;
use crate::doctor::wanted::Wanted;
use crate::error::Result;
use crate::kube::{Cluster, Served, denied};
use crate::observe::made_by;

/// What helm does with an object.
const HELM: [&str; 3] = ["create", "get", "patch"];
/// What helm does with the Secrets in which it keeps releases, and helm iris with its ledger.
const KEEPING: [&str; 5] = ["create", "delete", "get", "list", "update"];

/// Adds to the facts what depends on the objects that would be made.
///
/// # Errors
/// Whatever cannot be read, but for refusals: those are facts.
pub async fn objects(cluster: &Cluster, wanted: &Wanted, areas: &[Area], facts: &mut Facts) -> Result<()> {
    let asked = |area: Area| areas.contains(&area);
    if ![Area::Versions, Area::Rights, Area::Names].into_iter().any(asked) {
        return Ok(());
    }
    facts.served = served(cluster, wanted).await?;
    let there = standing(cluster, cluster_wide(wanted, &facts.served)).await?;
    if asked(Area::Names) {
        let inside = standing(cluster, in_namespaces(cluster, wanted, &facts.served).await?).await?;
        // What may not be read in a namespace is a matter of rights, and told there.
        let refused = there.iter().any(|(_, look)| look.is_refused());
        let all = there.iter().chain(&inside);
        let taken: Vec<Taken> = all.filter_map(|(_, look)| look.seen()?.clone()?.taken).collect();
        facts.taken = if refused && taken.is_empty() { Look::Refused } else { Look::Seen(taken) };
    }
    if asked(Area::Rights) {
        facts.forbidden = forbidden(cluster, wanted, &facts.served, &there).await?;
    }
    Ok(())
}

async fn served(cluster: &Cluster, wanted: &Wanted) -> Result<BTreeSet<Served>> {
    let versions: BTreeSet<&str> = wanted.objects().map(|(_, object)| object.api_version.as_str()).collect();
    let doing = "look which kinds of objects there are";
    let reads = versions.into_iter().map(|version| async move {
        cluster.served(version).await.map_err(|error| denied(&error, &cluster.server, doing))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// The kind of an object, as the cluster serves it.
fn kind_of<'s>(served: &'s BTreeSet<Served>, version: &str, kind: &str) -> Option<&'s Served> {
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    served.iter().find(|one| (one.group.as_str(), one.version.as_str(), one.kind.as_str()) == (group, version, kind))
}

/// An object whose name others may have as well.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shared {
    served: Served,
    name: String,
    /// None where the whole cluster shares the name.
    namespace: Option<String>,
    release: (String, String),
    is_from_crds: bool,
}

/// One that is there already.
#[derive(Clone)]
struct There {
    taken: Option<Taken>,
}

/// The names that the whole cluster shares.
fn cluster_wide(wanted: &Wanted, served: &BTreeSet<Served>) -> BTreeSet<Shared> {
    names(wanted, served).filter(|shared| shared.namespace.is_none()).collect()
}

/// The names in namespaces that are there. Helm would find those that are taken only when the releases before are made.
async fn in_namespaces(cluster: &Cluster, wanted: &Wanted, served: &BTreeSet<Served>) -> Result<BTreeSet<Shared>> {
    let all: BTreeSet<Shared> = names(wanted, served).filter(|shared| shared.namespace.is_some()).collect();
    let namespaces: BTreeSet<&str> = all.iter().filter_map(|shared| shared.namespace.as_deref()).collect();
    let there = namespaces.into_iter().map(async |name| Ok((has_namespace(cluster, name).await?, name)));
    let there = try_join_all(there).await?;
    let there: BTreeSet<&str> = there.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect();
    let is_there = |shared: &&Shared| shared.namespace.as_deref().is_some_and(|name| there.contains(name));
    Ok(all.iter().filter(is_there).cloned().collect())
}

fn names(wanted: &Wanted, served: &BTreeSet<Served>) -> impl Iterator<Item = Shared> {
    wanted.objects().filter(|(_, object)| !object.is_hook).filter_map(|(release, object)| {
        let served = kind_of(served, &object.api_version, &object.kind)?;
        Some(Shared {
            served: served.clone(),
            name: object.name.clone(),
            namespace: served.namespaced.then(|| release.namespace_of(object).to_owned()),
            release: (release.entry.namespace.clone(), release.entry.name.clone()),
            is_from_crds: object.is_from_crds,
        })
    })
}

/// Which of them are there, and whose they are.
async fn standing(cluster: &Cluster, all: BTreeSet<Shared>) -> Result<Vec<(Shared, Look<Option<There>>)>> {
    let reads = all.into_iter().map(|shared| async move {
        let found = cluster.metadata_of(&shared.served, shared.namespace.as_deref(), &shared.name).await;
        let found = look(found, cluster, &format!("look at the {} {}", shared.served.kind, shared.name))?;
        let seen = match found {
            Look::Seen(meta) => Look::Seen(meta.map(|meta| There { taken: taken(&shared, made_by(&meta)) })),
            Look::Refused | Look::NotAsked => Look::Refused,
        };
        Ok((shared, seen))
    });
    try_join_all(reads).await
}

/// Helm takes what is its own, and leaves definitions of `crds/` that are there as they are.
fn taken(shared: &Shared, by: Option<(String, String)>) -> Option<Taken> {
    let Shared { served, name, namespace, release, is_from_crds } = shared;
    if *is_from_crds || by.as_ref() == Some(release) {
        return None;
    }
    Some(Taken {
        kind: served.kind.clone(),
        plural: served.plural.clone(),
        name: name.clone(),
        namespace: namespace.clone(),
        by,
        wanted_by: release.clone(),
    })
}

/// A right that is asked for: verb, group, plural, namespace.
type Right = (String, String, String, Option<String>);

async fn forbidden(
    cluster: &Cluster,
    wanted: &Wanted,
    served: &BTreeSet<Served>,
    there: &[(Shared, Look<Option<There>>)],
) -> Result<Look<Vec<Forbidden>>> {
    let may = async |verb: &str, group: &str, plural: &str, namespace: Option<&str>| {
        let answer = cluster.may(verb, (group, plural), namespace).await;
        look(answer, cluster, "ask what you may do")
    };
    // Who may do all need not be asked about each.
    match may("*", "*", "*", None).await? {
        Look::Seen(true) => return Ok(Look::Seen(Vec::new())),
        Look::Refused => return Ok(Look::Refused),
        Look::Seen(false) | Look::NotAsked => {}
    }
    let mut rights = rights(wanted, served, there);
    if is_namespace_missing(cluster, wanted).await? {
        rights.insert(("create".to_owned(), String::new(), "namespaces".to_owned(), None));
    }
    let asked = try_join_all(rights.into_iter().map(|right| async move {
        let (verb, group, plural, namespace) = right;
        let allowed = may(&verb, &group, &plural, namespace.as_deref()).await?;
        let forbidden = Forbidden { namespace, verb, plural };
        Ok::<_, crate::error::Error>((allowed == Look::Seen(false)).then_some(forbidden))
    }));
    Ok(Look::Seen(asked.await?.into_iter().flatten().collect()))
}

/// Whether a namespace would have to be made; one that we may not look at is taken to be there, as an
/// installation does.
async fn is_namespace_missing(cluster: &Cluster, wanted: &Wanted) -> Result<bool> {
    let namespaces: BTreeSet<&str> = wanted.releases.iter().map(|release| release.entry.namespace.as_str()).collect();
    let there = try_join_all(namespaces.into_iter().map(|name| has_namespace(cluster, name)));
    Ok(there.await?.contains(&false))
}

fn rights(wanted: &Wanted, served: &BTreeSet<Served>, there: &[(Shared, Look<Option<There>>)]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for (release, object) in wanted.objects() {
        let Some(kind) = kind_of(served, &object.api_version, &object.kind) else { continue };
        let namespace = kind.namespaced.then(|| release.namespace_of(object).to_owned());
        // What the cluster shares and has already is not made.
        let stands = namespace.is_none()
            && there.iter().any(|(shared, look)| {
                shared.served == *kind && shared.name == object.name && matches!(look, Look::Seen(Some(_)))
            });
        // A definition of a chart's `crds/` is left as it is.
        let verbs: &[&str] = match (stands, object.is_from_crds) {
            (true, true) => &["get"],
            (true, false) => &["get", "patch"],
            (false, _) => &HELM,
        };
        for verb in verbs {
            rights.insert(((*verb).to_owned(), kind.group.clone(), kind.plural.clone(), namespace.clone()));
        }
    }
    for release in &wanted.releases {
        let namespace = &release.entry.namespace;
        let right = |verb: &str| (verb.to_owned(), String::new(), "secrets".to_owned(), Some(namespace.clone()));
        rights.extend(KEEPING.map(right));
    }
    rights
}
