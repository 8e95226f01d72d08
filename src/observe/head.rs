//! Releases as the labels of Helm's Secrets tell of them: without reading what they hold.

use ::kube::api::PartialObjectMeta;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret as KubeSecret;

use super::release::{ReleaseState, decode, is_pending};
use crate::error::Result;
use crate::kube::{Cluster, Pick, denied};

/// The newest revision of a release, as far as the labels of its Secret tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseHead {
    /// Release name.
    pub name: String,
    /// Revision number.
    pub revision: u64,
    /// Helm's word for its state.
    pub status: String,
    /// When helm wrote it first.
    pub created: Option<Timestamp>,
    secret: String,
}

impl ReleaseHead {
    fn of(secret: PartialObjectMeta<KubeSecret>) -> Option<Self> {
        let labels = secret.metadata.labels?;
        Some(Self {
            name: labels.get("name")?.clone(),
            revision: labels.get("version")?.parse().ok()?,
            status: labels.get("status")?.clone(),
            created: secret.metadata.creation_timestamp.map(|time| time.0),
            secret: secret.metadata.name?,
        })
    }

    /// Whether helm works on it, or was killed while it did.
    pub fn is_pending(&self) -> bool {
        is_pending(&self.status)
    }

    /// All that Helm keeps about it; none where it was replaced or removed meanwhile.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub async fn read(&self, cluster: &Cluster, namespace: &str) -> Result<Option<ReleaseState>> {
        match cluster.get::<KubeSecret>(Some(namespace), &self.secret).await {
            Ok(secret) => secret.map(|secret| decode(&secret, &self.name)).transpose(),
            Err(error) => {
                let doing = format!("read Helm's release {} (a Secret) in {namespace}", self.name);
                Err(denied(&error, &cluster.server, &doing))
            }
        }
    }
}

/// The newest revision of every release of a namespace, by name; of thousands of Secrets nothing but
/// labels is read. None where that is not allowed.
///
/// # Errors
/// When the cluster does not answer.
pub async fn heads(cluster: &Cluster, namespace: &str) -> Result<Option<Vec<ReleaseHead>>> {
    // Of a release that is upgraded again and again most revisions are superseded, and none of those is the newest.
    let which = Pick { namespace: Some(namespace), labels: "owner=helm,status!=superseded", ..Pick::default() };
    match cluster.survey_metadata(which, ReleaseHead::of).await {
        Ok(all) => Ok(Some(newest_heads(all))),
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(None),
        Err(error) => Err(denied(&error, &cluster.server, &format!("list Helm's releases (Secrets) in {namespace}"))),
    }
}

fn newest_heads(mut all: Vec<ReleaseHead>) -> Vec<ReleaseHead> {
    all.sort_by(|one, two| one.name.cmp(&two.name).then(two.revision.cmp(&one.revision)));
    all.dedup_by(|later, first| later.name == first.name);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_revision_is_the_highest_number() {
        let head = |release: &str, version: &str| {
            let labels = [("name", release), ("owner", "helm"), ("version", version), ("status", "deployed")];
            let mut meta = PartialObjectMeta::<KubeSecret>::default();
            meta.metadata.name = Some(format!("sh.helm.release.v1.{release}.v{version}"));
            meta.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
            ReleaseHead::of(meta)
        };
        let all = [head("b", "11"), head("a", "9"), head("a", "10"), head("a", "2")];
        let heads = newest_heads(all.into_iter().flatten().collect());
        let shown: Vec<_> = heads.iter().map(|head| (head.name.as_str(), head.revision)).collect();
        assert_eq!(shown, [("a", 10), ("b", 11)]);
        assert_eq!(head("a", "not a number"), None);
    }
}
