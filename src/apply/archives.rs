//! The chart archives: read again right before helm gets them, they must still be those that were reviewed.

use std::path::Path;

use crate::archive::{Cache, MAX_ARCHIVE};
use crate::bundle::Bundle;
use crate::bundle::manifest::ReleaseEntry;
use crate::chart::release::Scope;
use crate::error::{Error, Result};
use crate::fs;
use crate::helm::Upgrade;
use crate::plan::{Plan, ReleaseOperation};

/// Checks the archives of all releases that change: better before anything is asked or done.
///
/// # Errors
/// An archive that is missing or is not the one that was reviewed.
pub fn check_archives(plan: &Plan, bundle: &Bundle, cache: &Cache) -> Result<()> {
    let changing = |entry: &&ReleaseEntry| {
        plan.releases()
            .any(|release| release.changes() && (&release.name, &release.namespace) == (&entry.name, &entry.namespace))
    };
    let entries = bundle.manifest().releases.iter().filter(changing);
    entries.into_iter().try_for_each(|entry| check_archive(entry, &cache.path(&entry.archive)).map(drop))
}

/// The entry of the bundle that an operation is about.
///
/// # Errors
/// Only a defect.
pub fn entry<'b>(bundle: &'b Bundle, release: &ReleaseOperation) -> Result<&'b ReleaseEntry> {
    let same = |entry: &&ReleaseEntry| (&entry.name, &entry.namespace) == (&release.name, &release.namespace);
    bundle.manifest().releases.iter().find(same).ok_or_else(|| Error::bug("the plan is of another bundle"))
}

/// What helm gets for a release.
///
/// # Errors
/// An archive that is missing or is not the one that was reviewed.
pub fn upgrade<'u>(bundle: &'u Bundle, entry: &'u ReleaseEntry, archive: &'u Path) -> Result<Upgrade<'u>> {
    Ok(Upgrade {
        release: &entry.name,
        namespace: &entry.namespace,
        create_namespace: entry.scope == Scope::Cluster,
        archive,
        sha256: check_archive(entry, archive)?,
        folder: bundle.folder(),
        values: &entry.values,
        timeout_seconds: entry.timeout_seconds,
    })
}

/// Checks one; gives its digest.
fn check_archive<'a>(entry: &'a ReleaseEntry, archive: &Path) -> Result<&'a str> {
    let pull = || format!("fetch it with `helm iris charts pull {}`, then render the bundle again", entry.chart);
    let Some(expected) = entry.sha256.as_deref() else {
        return Err(Error::user(format!("the bundle does not say which archive of {} it is for", entry.helm_chart))
            .because("it was rendered before the archive was at hand")
            .hint(pull()));
    };
    let bytes = fs::read_limited(archive, MAX_ARCHIVE).map_err(|error| error.hint(pull()))?;
    let found = fs::sha256_hex(&bytes);
    if found == expected {
        return Ok(expected);
    }
    Err(Error::user(format!("{} is not the archive that was reviewed", archive.display()))
        .because(format!("its SHA-256 is {found}, the bundle says {expected}"))
        .hint(format!("remove it, then {}", pull())))
}
