//! The re-attach file: what was kept of a hub, and how it comes back. No secret is in it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Claim, HubVolume, Owner, Volume};
use crate::error::{Error, Result};
use crate::fs::{self, Access};

/// The version of the file's form that this program writes and reads.
const FORMAT: u32 = 1;
/// More than ten thousand volumes need.
const MAX_FILE: u64 = 32 * 1024 * 1024;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReattachFile {
    /// Format version.
    format: u32,
    /// The chart that was installed.
    pub chart: String,
    /// The hub's namespace.
    pub namespace: String,
    /// Which cluster has the volumes.
    pub cluster: String,
    /// Where the secrets are without which the data cannot be used.
    pub secrets: Vec<String>,
    /// The volumes.
    pub volumes: Vec<Kept>,
}

/// A volume that was kept, with the claim that brings it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kept {
    /// Whose it is.
    pub owner: Owner,
    /// The claim.
    pub claim: Claim,
    /// The volume.
    pub volume: KeptVolume,
}

/// What of a volume is needed to find it again, in Kubernetes and in the cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptVolume {
    /// Its name.
    pub name: String,
    /// The driver that serves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The cloud's name of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// What was to become of it when its claim is deleted.
    pub policy: String,
}

impl Kept {
    /// A volume of a hub; none where a claim has no volume yet.
    fn of(one: &HubVolume) -> Option<Self> {
        let Volume { name, driver, handle, policy, policy_before, .. } = one.volume.clone()?;
        let volume = KeptVolume { name, driver, handle, policy: policy_before.unwrap_or(policy) };
        Some(Self { owner: one.claim.owner(), claim: one.claim.clone(), volume })
    }
}

impl ReattachFile {
    /// What is kept of a hub.
    pub fn new<'v>(
        (chart, namespace): (&str, &str),
        cluster: &str,
        secrets: Vec<String>,
        kept: impl IntoIterator<Item = &'v HubVolume>,
    ) -> Self {
        Self {
            format: FORMAT,
            chart: chart.to_owned(),
            namespace: namespace.to_owned(),
            cluster: cluster.to_owned(),
            secrets,
            volumes: kept.into_iter().filter_map(Kept::of).collect(),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// Missing, not of this form, or of a newer one.
    pub fn read(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let shown = path.display();
        let wrong = |why: &dyn std::fmt::Display| {
            Error::user(format!("{shown} is no re-attach file"))
                .because(why)
                .hint("`helm iris uninstall` writes it anew, also for a hub that is gone: run it again")
        };
        let bytes = fs::read_limited(path, MAX_FILE)?;
        let head: Head = serde_yaml::from_slice(&bytes).map_err(|error| wrong(&error))?;
        if head.format != FORMAT {
            return Err(Error::user(format!("{shown} is of format {}", head.format))
                .because(format!("this helm iris reads format {FORMAT}"))
                .hint("use the helm iris that wrote it, or a newer one"));
        }
        serde_yaml::from_slice(&bytes).map_err(|error| wrong(&error))
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let yaml = serde_yaml::to_string(self).map_err(|error| Error::bug("the re-attach file").because(error))?;
        let Self { chart, namespace, .. } = self;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = format!(
            "# What is kept of the hub in {namespace}, as `helm iris uninstall` left it. No secret is in it.\n\
             # It comes back with: helm iris install {chart} -n {namespace} --reattach {name}\n{yaml}"
        );
        fs::write_durable(path, text.as_bytes(), Access::Shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume() -> HubVolume {
        let claim = Claim { name: "claim-anna".into(), size: "10Gi".into(), ..Claim::default() };
        let volume = Volume {
            name: "pvc-1".into(),
            driver: Some("cinder.csi.openstack.org".into()),
            handle: Some("0815".into()),
            policy: "Retain".into(),
            policy_before: Some("Delete".into()),
            provisioned: true,
        };
        HubVolume { claim, there: true, owned: false, bound: true, volume: Some(volume) }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dhub.reattach.yaml");
        let unbound = HubVolume { volume: None, ..volume() };
        let file = ReattachFile::new(("daskhub", "dhub"), "uid", vec!["Secret x".into()], [&volume(), &unbound]);
        file.write(&path).unwrap();
        let read = ReattachFile::read(&path).unwrap();
        assert_eq!(read, file);
        assert_eq!(read.volumes.len(), 1, "what was never stored cannot be kept");
        assert_eq!(read.volumes[0].volume.policy, "Delete", "as it was before it was kept");
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        for (text, words) in [
            ("format: 2\nmore: true\n", "is of format 2"),
            ("profile: cumulus\n", "is no re-attach file"),
            ("format: 1\nchart: daskhub\n", "is no re-attach file"),
            ("- 1\n", "is no re-attach file"),
            ("", "is no re-attach file"),
        ] {
            fs::write(&path, text.as_bytes(), Access::Shared).unwrap();
            let error = ReattachFile::read(&path).unwrap_err();
            assert!(error.message.contains(words), "{text}: {error}");
        }
    }
}
