//! The servers of users: how many, and why some do not start.

use ::kube::ResourceExt;
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;

use super::allowed;
use crate::apply::{self, Reason};
use crate::error::Result;
use crate::kube::{Cluster, Pick};

/// The label by which JupyterHub marks them.
const LABEL: &str = "component=singleuser-server";

/// The servers of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Servers {
    /// How many run.
    pub running: usize,
    /// How many are starting.
    pub starting: usize,
    /// Why some do not start; in order of their pods' names.
    pub failing: Vec<Reason>,
}

/// Counts them; none where they may not be looked at.
pub(super) async fn look(cluster: &Cluster, namespace: &str) -> Result<Option<Servers>> {
    let which = |fields| Pick { namespace: Some(namespace), labels: LABEL, fields };
    let (running, pending) = futures::join!(
        cluster.survey_metadata::<Pod, ()>(which("status.phase=Running"), |pod| pod
            .metadata
            .deletion_timestamp
            .is_none()
            .then_some(())),
        cluster.survey::<Pod, (String, Option<Reason>)>(which("status.phase=Pending"), |pod| {
            Some((pod.name_any(), apply::pod_reason(&pod)))
        }),
    );
    let doing = format!("count the servers of users in {namespace}");
    let both = allowed(running, cluster, &doing)?.zip(allowed(pending, cluster, &doing)?);
    Ok(both.map(|(running, pending)| count(running.len(), pending)))
}

fn count(running: usize, mut pending: Vec<(String, Option<Reason>)>) -> Servers {
    pending.sort_by(|one, two| one.0.cmp(&two.0));
    let all = pending.len();
    let failing: Vec<_> = pending.into_iter().filter_map(|(_, reason)| reason.filter(|one| one.failing)).collect();
    Servers { running, starting: all - failing.len(), failing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_starts_is_told_from_what_cannot() {
        let pending = [("b", Some(Reason::failing("no image"))), ("c", Some(Reason::waiting("soon"))), ("a", None)];
        let servers = count(7, pending.map(|(name, reason)| (name.to_owned(), reason)).to_vec());
        assert_eq!((servers.running, servers.starting, servers.failing.len()), (7, 2, 1));
    }
}
