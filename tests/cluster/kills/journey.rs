//! How far a run has come, as its requests tell.

use std::fmt;
use std::path::Path;

use crate::cluster::gate::Asked;
use crate::cluster::processes::at_work;

/// What is done to a hub, and done again after a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Install,
    Return,
    Upgrade,
    Uninstall,
}

/// A release of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Release {
    Storage,
    Database,
    Hub,
}

/// Where in a run a kill comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    BundleFiles,
    BeforeHelm,
    Ledger,
    AppliedBundle,
    Volumes,
    Helm(Release),
    Between,
    Readiness,
    End,
}

impl Verb {
    /// The release that helm works on last.
    fn last(self) -> Release {
        if self == Self::Uninstall { Release::Database } else { Release::Hub }
    }
}

impl Phase {
    /// How late in a run it comes, as far as a second run does not come there once a first one was past it.
    pub(super) fn rank(self, verb: Verb) -> usize {
        match self {
            Self::BundleFiles | Self::BeforeHelm => 0,
            Self::Ledger => 1,
            Self::AppliedBundle | Self::Volumes => 2,
            Self::Helm(Release::Storage) => 3,
            Self::Helm(release) if release != verb.last() => 4,
            Self::Between => 5,
            Self::Helm(_) | Self::Readiness => 6,
            Self::End => 7,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Install => "install",
            Self::Return => "install --reattach",
            Self::Upgrade => "upgrade",
            Self::Uninstall => "uninstall",
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::BundleFiles => "writing the bundle's files",
            Self::BeforeHelm => "before helm",
            Self::Ledger => "writing the ledger",
            Self::AppliedBundle => "writing the applied bundle",
            Self::Volumes => "changing volumes",
            Self::Helm(Release::Storage) => "inside helm: storage",
            Self::Helm(Release::Database) => "inside helm: postgresql",
            Self::Helm(Release::Hub) => "inside helm: the hub",
            Self::Between => "between releases",
            Self::Readiness => "readiness",
            Self::End => "after the last release",
        })
    }
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Journey {
    last: Release,
    /// The release that helm works on, or did before.
    helm: Option<Release>,
    /// Whether that is looked at anew with helm's next request: it may be another helm.
    is_stale: bool,
}

impl Journey {
    pub(super) fn new(verb: Verb) -> Self {
        Self { last: verb.last(), helm: None, is_stale: true }
    }

    /// Where the run is with its next request.
    pub(super) fn goes_on(&mut self, asked: &Asked<'_>, folder: &Path) -> Phase {
        let writes = asked.method != "GET" && !asked.path.contains("/authorization.k8s.io/");
        if asked.of_helm {
            if self.is_stale {
                self.helm = release_at_work(folder).or(self.helm);
                self.is_stale = self.helm.is_none();
            }
            return Phase::Helm(self.helm.unwrap_or(self.last));
        }
        // Before each helm it is noted in the Lease what helm is about to do.
        self.is_stale |= writes && asked.path.contains("/leases");
        match name_of(asked).as_str() {
            "helm-iris-ledger" if writes => return Phase::Ledger,
            name if writes && name.starts_with("helm-iris-bundle-v") => return Phase::AppliedBundle,
            _ => {}
        }
        let waits = ["/apis/apps/v1/namespaces/", "/events"].iter().any(|part| asked.path.contains(part));
        match self.helm {
            _ if writes && asked.path.contains("/persistentvolume") => Phase::Volumes,
            None => Phase::BeforeHelm,
            Some(_) if waits => Phase::Readiness,
            Some(release) if release == self.last => Phase::End,
            Some(_) => Phase::Between,
        }
    }
}

/// The release that a helm works on at this moment.
pub(super) fn release_at_work(folder: &Path) -> Option<Release> {
    let release = at_work(folder).into_iter().find_map(|one| one.release)?;
    Some(match release.as_str() {
        "storage" => Release::Storage,
        "postgresql" => Release::Database,
        _ => Release::Hub,
    })
}

/// The name of the object that is asked for or made.
fn name_of(asked: &Asked<'_>) -> String {
    let made = serde_json::from_slice::<serde_json::Value>(asked.body).unwrap_or_default();
    let made = made["metadata"]["name"].as_str().map(str::to_owned);
    made.or_else(|| asked.path.rsplit('/').next().map(str::to_owned)).unwrap_or_default()
}
