//! Which upstream archives a chart needs, and which digests they must have.

use super::Lock;
use crate::chart::Chart;
use crate::settings::Settings;

/// An upstream archive that a chart needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the Helm chart.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The repository to fetch it from.
    pub repo: String,
    /// The digest that it must have; none where it has never been seen.
    pub sha256: Option<String>,
    /// Whether the digest comes from the lock, and is not known otherwise.
    pub locked: bool,
}

/// The upstream archives of a chart: itself, or its dependencies where we ship the chart.
pub fn wanted(chart: &Chart, settings: &Settings, lock: &Lock) -> Vec<Wanted> {
    let source = &chart.spec.source;
    let itself = match (&source.repo, &source.chart, &source.version) {
        (Some(repo), Some(name), Some(version)) => Some((repo, name, version, source.sha256.clone())),
        _ => None,
    };
    let dependencies = chart.metadata.iter().flat_map(|metadata| &metadata.dependencies);
    let parts = dependencies.map(|part| {
        let sha256 = source.dependency_sha256.get(&part.name).cloned();
        (&part.repository, &part.name, &part.version, sha256)
    });
    itself
        .into_iter()
        .chain(parts)
        .map(|(repo, name, version, sha256)| {
            overridden(repo.clone(), name.clone(), version.clone(), sha256, settings, lock)
        })
        .collect()
}

fn overridden(
    repo: String,
    name: String,
    version: String,
    sha256: Option<String>,
    settings: &Settings,
    lock: &Lock,
) -> Wanted {
    let other = settings.sources.get(&name).cloned().unwrap_or_default();
    // A digest that we know belongs to the version that we know.
    let same_version = other.version.as_ref().is_none_or(|other| *other == version);
    let version = other.version.unwrap_or(version);
    let known = other.sha256.or(sha256.filter(|_| same_version));
    let locked = known.is_none();
    let sha256 = known.or_else(|| lock.digest(&name, &version).map(str::to_owned));
    Wanted { repo: other.repo.unwrap_or(repo), name, version, sha256, locked }
}
