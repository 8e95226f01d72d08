use serde_json::json;

use crate::bundle::manifest::Delivered;
use crate::chart::release::Scope;
use crate::observe::key;
use crate::plan::build::Desired;
use crate::plan::build::tests::{SECRET, World, deployed, entry, stored};
use crate::plan::{Operation, Plan};
use crate::redact::Secret;
use crate::secrets::Source;
use crate::secrets::delivered::Content;

/// The hub, which takes either password, and its database.
fn with_hub(mut world: World) -> World {
    let mut hub = entry("dhub", Scope::Hub);
    hub.needs = vec!["postgresql".into()];
    let password = world.secrets.ledger.value("database-password").unwrap().expose().to_owned();
    world.manifest.releases.push(hub.clone());
    world.manifest.secrets[0].fills.push("dhub:password".into());
    world.manifest.secrets[0].previous_fills.push("dhub:before".into());
    let values = json!({"password": password});
    let state = deployed(&hub, &values);
    world.observed.releases.insert(key(&hub), state);
    world.desired.push(Desired { entry: hub, values, secret: None, hub: None });
    world
}

/// What the bundle's values are once the password was replaced.
fn replace_password(world: &mut World) {
    let need = world.manifest.secrets[0].need();
    let before = world.secrets.ledger.value("database-password").unwrap().clone();
    world.secrets.ledger.replace(&need, Source::Generated, Secret::new("new-password".into()));
    for desired in &mut world.desired {
        match desired.entry.name.as_str() {
            "postgresql" => desired.values["auth"]["password"] = json!("new-password"),
            "dhub" => desired.values = json!({"password": "new-password", "before": before.expose()}),
            _ => {}
        }
    }
}

fn order(plan: &Plan) -> Vec<(&str, bool, bool)> {
    plan.releases().map(|one| (one.name.as_str(), one.changes(), one.awaited)).collect()
}

#[test]
fn the_side_that_takes_either_password_goes_first() {
    let mut world = with_hub(World::installed());
    let installed = [("storage", false, false), ("postgresql", false, false), ("dhub", false, false)];
    assert_eq!(order(&world.plan().unwrap()), installed);
    replace_password(&mut world);
    let replaced = [("storage", false, false), ("dhub", true, true), ("postgresql", true, false)];
    assert_eq!(order(&world.plan().unwrap()), replaced);
    // Stopped between the two.
    world.state("dhub").config = world.desired[2].values.clone();
    let stopped = [("storage", false, false), ("dhub", false, true), ("postgresql", true, false)];
    assert_eq!(order(&world.plan().unwrap()), stopped);
    world.state("postgresql").config = world.desired[1].values.clone();
    assert_eq!(order(&world.plan().unwrap()), installed);
}

#[test]
fn nothing_but_secrets_is_told_from_more() {
    let mut world = with_hub(World::installed());
    assert!(!world.plan().unwrap().replaces_secrets_only(&world.manifest), "nothing changes");
    replace_password(&mut world);
    assert!(world.plan().unwrap().replaces_secrets_only(&world.manifest));
    world.desired[1].values["size"] = json!("9Gi");
    assert!(!world.plan().unwrap().replaces_secrets_only(&world.manifest));
}

/// The database reads a Secret of ours; its content and its release move behind the hub's together.
#[test]
fn the_order_is_the_same_past_the_values() {
    let mut world = with_hub(World::installed());
    let to = |previous| Delivered {
        chart: if previous { "dhub" } else { "postgresql" }.into(),
        key: "password".into(),
        path: None,
        separator: None,
        previous,
    };
    world.manifest.secrets[0].fills.clear();
    world.manifest.secrets[0].previous_fills.clear();
    world.manifest.secrets[0].delivered = vec![to(false), to(true)];
    let content = |password: &str| Content::from([("password".to_owned(), Secret::new(password.to_owned()))]);
    let before = world.secrets.ledger.value("database-password").unwrap().expose().to_owned();
    world.observed.delivered.insert(SECRET.into(), stored(&content(&before), true));
    replace_password(&mut world);
    world.desired[1].secret = Some(content("new-password"));
    let plan = world.plan().unwrap();
    let about: Vec<_> = plan.operations.iter().filter_map(Operation::release).collect();
    assert_eq!(about, ["storage", "dhub", "postgresql", "postgresql"]);
    assert!(matches!(plan.operations[2], Operation::WriteSecret { .. }));
    // Written already: the database may restart at any time, and the hub knows both.
    world.observed.delivered.insert(SECRET.into(), stored(&content("new-password"), true));
    let about: Vec<_> =
        world.plan().unwrap().operations.iter().filter_map(|one| one.release().map(str::to_owned)).collect();
    assert_eq!(about, ["storage", "postgresql", "dhub"]);
}
