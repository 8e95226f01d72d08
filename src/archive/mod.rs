//! Helm chart archives: which are wanted, where they are kept, what is in them.
//!
//! Upstream archives are fetched only by `charts pull` and `install`, and verified: against the
//! digest in `release.yaml` where we know it, else against `iris.lock`, written at first sight.

mod cache;
mod charts;
mod content;
mod crds;
mod lock;
mod pack;
mod package;
mod wanted;

pub use cache::Cache;
pub use charts::{ChartFacts, KubernetesNeed, charts_in, kubernetes_needs};
pub use content::ChartContent;
pub use crds::{ChartCrd, crds_in};
pub use lock::{LOCK_FILE, Lock};
pub use pack::APP_VERSION;
pub use package::Package;
pub use wanted::{Wanted, wanted};

/// Bytes; larger than any chart archive that Helm would take.
pub const MAX_ARCHIVE: u64 = 32 * 1024 * 1024;

/// One chart archive, its digest known.
#[derive(Clone)]
pub struct Archive {
    /// Name of the Helm chart.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the bytes, hex.
    pub sha256: String,
    /// The `.tgz` itself.
    pub bytes: Vec<u8>,
}

impl Archive {
    /// An archive from its bytes.
    pub fn new(name: &str, version: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.to_owned(), version: version.to_owned(), sha256: crate::fs::sha256_hex(&bytes), bytes }
    }

    /// Its file name in the cache; the digest is part of it, so that archives that differ can
    /// stand side by side.
    pub fn file_name(&self) -> String {
        cache::file_name(&self.name, &self.version, &self.sha256)
    }
}
