//! Revisions that a killed helm left pending: helm refuses to work on such a release. They are marked as
//! failed, as helm marks them itself when it is told to stop; after that helm goes on from there.

use k8s_openapi::api::core::v1::Secret as KubeSecret;

use crate::bundle::manifest::ReleaseEntry;
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::observe;

/// How often it may change under our hands: helm, told to stop, may be marking it at this moment.
const TRIES: u32 = 3;

/// Frees a revision; one that is not pending any more stays as it is.
///
/// # Errors
/// When that is not allowed, or somebody works on it.
pub(super) async fn free(cluster: &Cluster, entry: &ReleaseEntry, revision: u64) -> Result<()> {
    let ReleaseEntry { name, namespace, .. } = entry;
    let doing = format!("free revision {revision} of the release {name} in {namespace}");
    let refused = |error: &::kube::Error| denied(error, &cluster.server, &doing);
    let secret = observe::secret_name(name, revision);
    for _ in 0..TRIES {
        let there = cluster.get::<KubeSecret>(Some(namespace), &secret).await.map_err(|error| refused(&error))?;
        let Some(there) = there else { return Ok(()) };
        let Some(failed) = observe::as_failed(&there, name)? else { return Ok(()) };
        match cluster.replace(Some(namespace), &secret, &failed).await {
            Ok(()) => return Ok(()),
            Err(::kube::Error::Api(status)) if status.is_conflict() => {}
            Err(error) => return Err(refused(&error)),
        }
    }
    Err(Error::user(format!("somebody else works on the release `{name}`"))
        .hint("wait until they are done, then run the same command again"))
}
