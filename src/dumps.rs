//! Dumps of a hub's database, from before a JupyterHub changed it: where they are kept, and what they are called.
//!
//! They lie in a volume claim beside the database's own. Which files are in it stands on the claim, so that
//! nobody has to mount it to know; an uninstall keeps it, and a re-attach brings it back with what stands on it.

use ::kube::api::PartialObjectMeta;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde::Serialize;
use serde_json::json;

use crate::error::Result;
use crate::kube::{Cluster, denied};

/// The label of claims with dumps, and of the Jobs and pods that dump, with the release of the database. The
/// database's NetworkPolicy lets such pods in.
pub const LABEL: &str = "helm-iris/dump";
/// The annotation with the files in a claim, newest first.
const FILES: &str = "helm-iris/dumps";
/// How many are kept.
pub const KEPT: usize = 5;

/// A dump that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dump {
    /// The volume claim that it is in.
    pub claim: String,
    /// Its file name there.
    pub file: String,
}

/// The volume claim that keeps the dumps of a database's release.
pub fn claim(database: &str) -> String {
    format!("{database}-dumps")
}

/// What a dump is called that is made at a time, between two versions of JupyterHub.
pub fn file(from: &str, to: &str, at: Timestamp) -> String {
    let plain = |version: &str| -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
        version.chars().map(plain).collect()
    };
    format!("jupyterhub-{}-to-{}-{}.dump", plain(from), plain(to), at.strftime("%Y%m%dT%H%M%SZ"))
}

impl Dump {
    /// The JupyterHub whose database it is.
    pub fn from(&self) -> Option<&str> {
        self.file.strip_prefix("jupyterhub-")?.split_once("-to-").map(|(from, _)| from)
    }
}

/// The dumps that are kept in a namespace, the newest of each claim first.
///
/// # Errors
/// When the claims may not be read.
pub async fn kept(cluster: &Cluster, namespace: &str) -> Result<Vec<Dump>> {
    let claims = cluster.list_metadata::<PersistentVolumeClaim>(namespace, LABEL).await.map_err(|error| {
        denied(&error, &cluster.server, &format!("look at the volume claims with dumps in {namespace}"))
    })?;
    Ok(claims.into_iter().flat_map(in_claim).collect())
}

fn in_claim(claim: PartialObjectMeta<PersistentVolumeClaim>) -> Vec<Dump> {
    let name = claim.metadata.name.unwrap_or_default();
    let files = claim.metadata.annotations.and_then(|mut notes| notes.remove(FILES)).unwrap_or_default();
    files
        .split(' ')
        .filter(|file| !file.is_empty())
        .map(|file| Dump { claim: name.clone(), file: file.into() })
        .collect()
}

/// Writes onto the claim that a dump is in it. As many are named as the Job leaves there.
///
/// # Errors
/// When that is not allowed.
pub async fn note(cluster: &Cluster, namespace: &str, dump: &Dump) -> Result<()> {
    let mut files = vec![dump.file.clone()];
    let before = kept(cluster, namespace).await?;
    files.extend(before.into_iter().filter(|one| one.claim == dump.claim && one.file != dump.file).map(|one| one.file));
    files.truncate(KEPT);
    let fields = json!({"metadata": {"annotations": {FILES: files.join(" ")}}});
    let noted = cluster.patch::<PersistentVolumeClaim>(Some(namespace), &dump.claim, &fields).await;
    noted.map_err(|error| {
        denied(&error, &cluster.server, &format!("write onto the volume claim {} what is in it", dump.claim))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_from_when_and_of_what_it_is() {
        let at = "2026-11-22T10:15:00.5Z".parse().unwrap();
        let file = file("5.5.0", "that of daskhub 0.1.0", at);
        assert_eq!(file, "jupyterhub-5.5.0-to-that_of_daskhub_0.1.0-20261122T101500Z.dump");
        assert_eq!(Dump { claim: "c".into(), file }.from(), Some("5.5.0"));
        assert_eq!(Dump { claim: "c".into(), file: "other.dump".into() }.from(), None);
    }

    #[test]
    fn a_claim_tells_what_is_in_it() {
        let claim = |notes: serde_json::Value| {
            in_claim(serde_json::from_value(json!({"metadata": {"name": "c", "annotations": notes}})).unwrap())
        };
        let files: Vec<String> = claim(json!({FILES: "b.dump a.dump"})).into_iter().map(|dump| dump.file).collect();
        assert_eq!(files, ["b.dump", "a.dump"]);
        assert!(claim(json!({})).is_empty() && claim(json!({FILES: ""})).is_empty());
    }
}
