//! The volumes of a hub: whose they are, kept beyond the hub, and brought back to it.
//!
//! What is kept is written onto the volume itself: the claim that it belongs to, and what was to become of
//! it. So the cluster alone knows all that is needed to bring it back, also after a kill and after the
//! namespace was deleted. The re-attach file says the same, for people and for backups.

mod attach;
mod file;
mod marks;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

pub use attach::{Attachment, refuse_waiting};
pub use file::{Kept, KeptVolume, ReattachFile};
pub use marks::set_policy;
pub use read::{claims_there, read};

/// What becomes of a volume whose claim is deleted: it stays.
pub const RETAIN: &str = "Retain";
/// What becomes of a volume whose claim is deleted: it is deleted too.
pub const DELETE: &str = "Delete";

/// `KubeSpawner`'s annotation with the user's name; its label of that name holds it as a label can.
const USER: &str = "hub.jupyter.org/username";
/// `KubeSpawner`'s annotation with the name of one of several servers of a user.
const SERVER: &str = "hub.jupyter.org/servername";
/// The label of what `KubeSpawner` makes.
const COMPONENT: &str = "component";
/// Its value on claims, today and since the first releases.
const STORAGE: &str = "singleuser-storage";
/// Helm's annotation with the release that an object belongs to.
const RELEASE: &str = "meta.helm.sh/release-name";
/// The label by which charts say the same; claims that a StatefulSet makes have only this one.
const INSTANCE: &str = "app.kubernetes.io/instance";

/// A claim, as far as it takes to make it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// Whose files they are is told by these,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// and by these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Who may mount it.
    pub access_modes: Vec<String>,
    /// The size that was asked for.
    pub size: String,
    /// The StorageClass; none where it is given by the volume alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// `Filesystem` or `Block`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// Whose a volume is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Owner {
    /// A user's files.
    User {
        /// The name with which they log in.
        name: String,
        /// The one of their servers that it is for, where they have several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<String>,
    },
    /// A release's, e.g. the database.
    Release {
        /// Its name.
        name: String,
    },
    /// Made by somebody else.
    Other,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { name, server: None } => write!(f, "user {name}"),
            Self::User { name, server: Some(server) } => write!(f, "user {name}, server {server}"),
            Self::Release { name } => f.write_str(name),
            Self::Other => f.write_str("others"),
        }
    }
}

impl Claim {
    /// Whose it is, as its maker wrote on it.
    pub fn owner(&self) -> Owner {
        let text = |map: &BTreeMap<String, String>, key| map.get(key).filter(|text| !text.is_empty()).cloned();
        let is_storage = self.labels.get(COMPONENT).is_some_and(|component| component == STORAGE);
        // Claims of KubeSpawners before the annotation are told by their name alone.
        let by_name = || self.name.strip_prefix("claim-").filter(|_| is_storage).map(str::to_owned);
        if let Some(name) = text(&self.annotations, USER).or_else(|| text(&self.labels, USER)).or_else(by_name) {
            return Owner::User { name, server: text(&self.annotations, SERVER) };
        }
        match text(&self.annotations, RELEASE).or_else(|| text(&self.labels, INSTANCE)) {
            Some(name) => Owner::Release { name },
            None => Owner::Other,
        }
    }
}

/// A volume, as far as it matters what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// The driver that serves it; none where it is of a kind from before CSI.
    pub driver: Option<String>,
    /// What the driver calls it: the cloud's name.
    pub handle: Option<String>,
    /// What becomes of it when its claim is deleted.
    pub policy: String,
    /// What was to become of it before it was kept, where it is kept already.
    pub policy_before: Option<String>,
    /// Whether a driver made it for its claim, and can delete it.
    pub provisioned: bool,
}

/// A claim of a hub's namespace, and the volume behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubVolume {
    /// The claim.
    pub claim: Claim,
    /// Whether the claim is there; it may be gone, and its volume kept.
    pub there: bool,
    /// Whether it goes when the object that owns it goes.
    pub owned: bool,
    /// Whether it has a volume; none has where nothing was ever stored.
    pub bound: bool,
    /// The volume; none also where we may not look at volumes.
    pub volume: Option<Volume>,
}

/// The volumes of a hub.
#[derive(Debug, Clone, Default)]
pub struct Volumes {
    /// All claims of its namespace, and what was kept of those that are gone; by name.
    pub all: Vec<HubVolume>,
    /// Why the volumes behind the claims could not be looked at.
    pub hidden: Option<Error>,
    /// The namespaces that use each StorageClass.
    pub users_of_classes: BTreeMap<String, BTreeSet<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Claim {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, text)| ((*key).into(), (*text).into())).collect();
        Claim { name: name.into(), labels: map(labels), annotations: map(annotations), ..Claim::default() }
    }

    #[test]
    fn owners_are_told_by_what_was_written_on_the_claim() {
        let shown = |claim: Claim| claim.owner().to_string();
        let storage = ("component", "singleuser-storage");
        let today = claim("claim-anna-40x-2e-y", &[storage, (USER, "anna-40x-2ey")], &[(USER, "Anna@x.y")]);
        assert_eq!(shown(today), "user Anna@x.y");
        let named = claim("claim-bob--gpu", &[storage], &[(USER, "bob"), (SERVER, "gpu")]);
        assert_eq!(shown(named), "user bob, server gpu");
        assert_eq!(shown(claim("claim-bob", &[storage, (USER, "bob")], &[])), "user bob");
        assert_eq!(shown(claim("claim-old", &[storage], &[])), "user old");
        assert_eq!(shown(claim("claim-old", &[], &[])), "others");
        assert_eq!(shown(claim("hub-db-dir", &[("component", "hub")], &[(RELEASE, "dhub")])), "dhub");
        assert_eq!(shown(claim("data-pg-0", &[(INSTANCE, "pg")], &[])), "pg");
    }
}
