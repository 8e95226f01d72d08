//! Another major version of the database's server, which does not read the volume of the one before. Pure.

use serde_json::Value;

use super::build::{Desired, Input};
use super::dump::DATABASE_CHART;
use crate::error::{Error, Result};
use crate::images::major_of_tag;
use crate::observe::database_claim;

/// The way from one major version to the next.
const WAY: &str = "docs/databases-postgresql.md";

/// Refuses a newer PostgreSQL on the volume of an older one: its pod would stop, and the hub with it.
pub(super) fn refuse(input: &Input<'_>, desired: &Desired) -> Result<()> {
    let Some((from, to)) = majors(input, desired).filter(|(from, to)| from < to) else { return Ok(()) };
    let (entry, claim) = (&desired.entry, database_claim(&desired.entry));
    let (name, namespace) = (&entry.name, &entry.namespace);
    Err(Error::user(format!(
        "the database `{name}` would go from PostgreSQL {from} to {to}, which cannot read its volume"
    ))
    .because(format!("the claim {claim} in {namespace} holds what PostgreSQL {from} wrote; its pod would not start"))
    .hint(format!("to stay with {from}: set database.image.tag to a tag of {from} in the site file"))
    .hint(format!("to go on to {to}: dump it, give it a new volume, and restore; {WAY} has the commands"))
    .hint(format!("it is taken for done once the claim is gone: kubectl delete pvc {claim} -n {namespace}")))
}

/// What to know where an older PostgreSQL shall read the volume. A newer one may never have started on it, so
/// this may be the way back, and it is not refused.
pub(super) fn older(input: &Input<'_>, desired: &Desired) -> Option<String> {
    let (from, to) = majors(input, desired).filter(|(from, to)| from > to)?;
    let name = &desired.entry.name;
    Some(format!(
        "the database `{name}` goes back from PostgreSQL {from} to {to}: its pod starts only on a volume that \
         PostgreSQL {to} wrote, and changes no other"
    ))
}

/// The major versions of the server that runs on the volume that is there, and of the one to come.
fn majors(input: &Input<'_>, desired: &Desired) -> Option<(u32, u32)> {
    let entry = &desired.entry;
    let state = input.observed.release(entry).filter(|state| state.status != "uninstalled")?;
    let is_ours = entry.chart == DATABASE_CHART && state.chart == entry.helm_chart;
    let is_there = input.observed.claims.contains(&database_claim(entry));
    let versions = major(&state.config).zip(major(&desired.values));
    versions.filter(|_| is_ours && is_there)
}

fn major(values: &Value) -> Option<u32> {
    major_of_tag(values.pointer("/image/tag")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::build::tests::World;

    /// Our database with the tag that runs, and a bundle with another.
    fn world(is: &str, will_be: &str) -> World {
        let mut world = World::installed();
        world.desired[1].entry.chart = DATABASE_CHART.into();
        world.state("postgresql").config = json!({"image": {"tag": is}});
        world.desired[1].values = json!({"image": {"tag": will_be}});
        world
    }

    #[test]
    fn a_newer_major_version_on_the_old_volume_is_refused_with_the_way() {
        for (is, will_be) in [("17.11-trixie", "18.1-trixie"), ("9.6", "17.11"), ("17", "18beta1-alpine")] {
            let error = world(is, will_be).plan().unwrap_err();
            assert!(error.message.contains("cannot read its volume"), "{is} {will_be}: {error}");
            assert!(error.hints.iter().any(|hint| hint.contains(WAY)), "{error:?}");
        }
        let mut emptied = world("17.11", "18.1");
        emptied.observed.claims.clear();
        assert!(emptied.plan().is_ok(), "the way was taken");
    }

    #[test]
    fn what_is_no_newer_major_version_is_not_refused() {
        for (is, will_be) in [
            ("17.11-trixie", "17.12-trixie"),
            ("17.11", "17.12-alpine"),
            ("trixie", "18.1"),
            ("17.11", "a18"),
            ("17.11", "18c"),
        ] {
            let plan = world(is, will_be).plan().unwrap();
            assert!(plan.warnings.is_empty(), "{is} {will_be}: {:?}", plan.warnings);
        }
        let back = world("18.1", "17.11").plan().unwrap();
        assert!(back.warnings[0].contains("goes back from PostgreSQL 18 to 17"), "{:?}", back.warnings);
        let mut other = world("17.11", "18.1");
        other.desired[1].entry.chart = "bitnami".into();
        assert!(other.plan().is_ok(), "another chart's tags are its own");
    }
}
