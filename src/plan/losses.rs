//! What a plan would lose: it stops, and says what would be gone and what to do instead.

use std::collections::BTreeSet;

use super::build::{Desired, Input};
use super::database::{DEFAULT_TYPE, HubDatabase};
use super::server;
use crate::bundle::manifest::{Manifest, SecretEntry};
use crate::chart::release::Scope;
use crate::error::{Error, Result};
use crate::helm::chart_digest_of;
use crate::login::HUB_ROOTS;
use crate::observe::{ReleaseKey, ReleaseState, database_claim, key};

/// Refuses whatever would be lost.
pub(super) fn refuse(input: &Input<'_>) -> Result<()> {
    of_another_release(input)?;
    lost_password(input)?;
    for desired in input.desired {
        let there = input.observed.release(&desired.entry).filter(|state| state.status != "uninstalled");
        let Some(state) = there else { continue };
        let hidden =
            not_found(&input.manifest.secrets, &input.secrets.fresh, |secret| secret.is_of(&desired.entry.chart));
        if !hidden.is_empty() {
            return Err(hidden_hub(&hidden, &desired.entry.namespace));
        }
        state_left_behind(desired, state)?;
        foreign_database(input, desired, state)?;
        server::refuse(input, desired)?;
    }
    Ok(())
}

/// What our releases would make is there, and belongs to a release of another name.
fn of_another_release(input: &Input<'_>) -> Result<()> {
    let ours = |owner: &ReleaseKey| input.desired.iter().any(|desired| key(&desired.entry) == *owner);
    let Some((secret, owner)) = input.observed.owners.iter().find(|(_, owner)| !ours(owner)) else { return Ok(()) };
    let Manifest { chart, namespace, secrets, .. } = input.manifest;
    let is_hubs = secrets.iter().flat_map(|entry| &entry.adopt).any(|from| from.always && from.secret == *secret);
    let (of, name) = owner;
    let what = if is_hubs { "hub" } else { "database" };
    let error =
        Error::user(format!("the {what} in {namespace} belongs to the Helm release `{name}`, not to one of ours"))
            .because(format!(
                "Secret {secret} says so (meta.helm.sh/release-name), and Helm lets no other release touch it"
            ));
    if !is_hubs {
        return Err(error
            .hint("for a hub with a database of its own beside it, choose another namespace: -n NAME")
            .hint(format!("if its data is not needed, or saved elsewhere (pg_dump): helm uninstall {name} -n {of}")));
    }
    Err(error
        .hint(format!("to leave that hub as it is, go on with helm upgrade {name}; or make one beside it: -n NAME"))
        .hint(format!(
            "to put ours in its place, first keep its secrets: helm iris secrets adopt {chart} -n {namespace}"
        ))
        .hint(format!("then: helm uninstall {name} -n {of}; then the same command again"))
        .hint(
            "that leaves people's files (claims `claim-…`), their running notebooks, and databases of other releases; \
             hub.db.url under `values:` names one to go on with",
        )
        .hint(
            "it takes away the hub until the new one is ready, its address where that is not reserved, and with \
             `sqlite-pvc` (the chart's default) the hub's database: users and tokens",
        ))
}

/// The secrets that every hub has, and that were not found where they are looked for.
pub fn not_found(
    secrets: &[SecretEntry],
    fresh: &BTreeSet<String>,
    wanted: impl Fn(&SecretEntry) -> bool,
) -> Vec<String> {
    let always = |secret: &&SecretEntry| secret.adopt.iter().any(|from| from.always) && fresh.contains(&secret.name);
    secrets.iter().filter(always).filter(|secret| wanted(secret)).map(|secret| secret.name.clone()).collect()
}

/// A hub is there, and its secrets are somewhere else.
pub fn hidden_hub(names: &[String], namespace: &str) -> Error {
    Error::user(format!("there is a hub in {namespace}, and its secrets were not found: {}", names.join(", ")))
        .because("they are looked for in the Secret `hub`; with `fullnameOverride`, it has another name")
        .because("with new ones everybody would be logged out, and what was encrypted could not be read")
        .hint(format!("find them: kubectl get secrets -n {namespace}"))
        .hint(format!("then bring each: helm iris secrets set {} -n {namespace}", names[0]))
}

/// The hub's state is where the bundle does not say: users, tokens and running servers would be gone.
fn state_left_behind(desired: &Desired, state: &ReleaseState) -> Result<()> {
    for root in HUB_ROOTS {
        let Some(will_be) = HubDatabase::said(&desired.values, root) else { continue };
        let is = HubDatabase::at(&state.config, root);
        if is != will_be {
            return Err(left_behind(desired, &is, &will_be));
        }
    }
    Ok(())
}

fn left_behind(desired: &Desired, is: &HubDatabase, will_be: &HubDatabase) -> Error {
    let (name, namespace) = (&desired.entry.name, &desired.entry.namespace);
    let keep = if is.kind == DEFAULT_TYPE {
        "to keep it there: database.engine: sqlite in the site file"
    } else {
        "to keep it there: choose that database.engine in the site file, or give hub.db.type and hub.db.url under `values:` as the hub has them now"
    };
    Error::user(format!("the hub `{name}` keeps its state elsewhere, and would lose it"))
        .because(format!("it is in {}, the bundle says {}", is.shown(), will_be.shown()))
        .because("its users, tokens and running servers are in it, and helm deletes the volume of a sqlite one")
        .hint(keep)
        .hint(format!("they are in: helm get values {name} -n {namespace}"))
        .hint(format!("if it is not needed (files of users stay): helm uninstall {name} -n {namespace}"))
}

/// A release that others need and that helm iris did not make: its data would be left behind.
fn foreign_database(input: &Input<'_>, desired: &Desired, state: &ReleaseState) -> Result<()> {
    let entry = &desired.entry;
    let needed = input.desired.iter().any(|other| other.entry.needs.contains(&entry.name));
    let same = (&state.chart, &state.version) == (&entry.helm_chart, &entry.version);
    if !needed || same || entry.scope == Scope::Cluster || chart_digest_of(&state.description).is_some() {
        return Ok(());
    }
    let (name, namespace) = (&entry.name, &entry.namespace);
    Err(Error::user(format!("there is a release `{name}` in {namespace} that helm iris did not make"))
        .because(format!("it is of the chart {} {}; ours, {}, would take its place", state.chart, state.version, entry.version))
        .because("ours does not read its volume, so that the data in it would be of no use")
        .hint("to go on with that database: name it in hub.db.url under `values:` of the site file, and its release stays as it is under another name")
        .hint(format!("if its data is not needed, or saved elsewhere: helm uninstall {name} -n {namespace}")))
}

/// A volume that exists holds a database with a password; a new one would not open it.
fn lost_password(input: &Input<'_>) -> Result<()> {
    for desired in input.desired {
        let entry = &desired.entry;
        let claim = database_claim(entry);
        let fresh = |secret: &&SecretEntry| input.secrets.fresh.contains(&secret.name) && secret.is_of(&entry.chart);
        let lost = input.manifest.secrets.iter().find(fresh);
        if let Some(secret) = lost.filter(|_| input.observed.claims.contains(&claim)) {
            let namespace = &entry.namespace;
            return Err(Error::user(format!(
                "there is a database volume ({claim} in {namespace}) whose password nobody knows"
            ))
            .because(format!("neither the cluster nor this machine has the secret `{}`", secret.name))
            .because("a new password would not open the old database")
            .hint("look for it where the hub was installed from: the folder .helm-iris there, or a backup")
            .hint("if the data is not needed, or saved elsewhere:")
            .hint(format!("kubectl delete pvc {claim} -n {namespace}   # deletes the database for good")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::helm::description;
    use crate::plan::build::tests::World;

    /// The release `postgresql` stands in for a hub: values are values.
    fn moved(is: &Value, will_be: &Value) -> Result<()> {
        let mut world = World::installed();
        world.state("postgresql").config = is.clone();
        world.desired[1].values = will_be.clone();
        world.plan().map(|_| ())
    }

    #[test]
    fn a_hub_is_not_parted_from_its_state() {
        let db = |kind: &str, url: &str| json!({"jupyterhub": {"hub": {"db": {"type": kind, "url": url}}}});
        let ours = db("postgres", "postgresql+psycopg2://jhub@postgresql:5432/jhub");
        assert!(moved(&db("postgres", "postgres://jhub:old@postgresql/jhub"), &ours).is_ok());
        assert!(moved(&json!({}), &db("sqlite-pvc", "")).is_ok());
        for is in [json!({}), db("sqlite-pvc", ""), db("postgres", "postgres://jhub@elsewhere/jhub")] {
            let error = moved(&is, &ours).unwrap_err();
            assert!(error.message.contains("would lose it"), "{is}: {error}");
        }
    }

    #[test]
    fn a_database_of_somebody_else_is_not_swapped() {
        let mut world = World::installed();
        world.state("postgresql").version = "17.1.0".into();
        assert!(world.plan().is_ok(), "ours, of another version");
        world.state("postgresql").description = "Install complete".into();
        assert!(world.plan().is_ok(), "nobody needs it");
        world.desired[0].entry.needs = vec!["postgresql".into()];
        assert!(world.plan().unwrap_err().message.contains("helm iris did not make"));
        world.state("postgresql").description = description("ab");
        assert!(world.plan().is_ok());
    }

    /// A hub or a database that Helm would not let us touch; found out before anything is changed.
    #[test]
    fn what_belongs_to_another_release_stops() {
        let mut world = World::new();
        let owned = |world: &mut World, by: &str| {
            world.observed.owners = [("hub".to_owned(), ("dhub".to_owned(), by.to_owned()))].into();
            world.plan()
        };
        assert!(owned(&mut world, "postgresql").is_ok(), "one of ours");
        let error = owned(&mut world, "mine").unwrap_err();
        assert!(error.message.contains("the database in dhub belongs to the Helm release `mine`"), "{error}");
        let from = crate::chart::release::AdoptFrom { secret: "hub".into(), always: true, ..Default::default() };
        world.manifest.secrets[0].adopt = vec![from];
        let error = owned(&mut world, "mine").unwrap_err();
        assert!(error.message.starts_with("the hub") && error.hints[1].contains("secrets adopt"), "{error:?}");
        assert!(error.hints[2].contains("helm uninstall mine -n dhub"), "{error:?}");
    }

    #[test]
    fn a_hub_whose_secrets_are_elsewhere_stops() {
        let mut world = World::installed();
        let from = crate::chart::release::AdoptFrom { always: true, ..Default::default() };
        world.manifest.secrets[0].adopt = vec![from];
        assert!(world.plan().is_ok());
        world.observed.claims.clear();
        world.secrets.fresh.insert("database-password".into());
        assert!(world.plan().unwrap_err().message.contains("its secrets were not found"));
        world.observed.releases.clear();
        assert!(world.plan().is_ok(), "no hub is there");
    }
}
