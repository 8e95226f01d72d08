//! The hubs of a cluster.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret as KubeSecret;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::kube::{Cluster, Pick, denied};
use crate::secrets::cluster::NAME;

/// One hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Since when it has a ledger.
    pub since: Option<Timestamp>,
}

/// The hubs of the cluster, by their ledgers.
///
/// # Errors
/// When it may not be searched.
pub async fn hubs(cluster: &Cluster) -> Result<Vec<Place>> {
    // By its name: labels alone would also fetch what else is ours.
    let fields = format!("metadata.name={NAME}");
    let place = |secret: ::kube::api::PartialObjectMeta<KubeSecret>| {
        let since = secret.metadata.creation_timestamp.map(|time| time.0);
        Some(Place { namespace: secret.metadata.namespace?, since })
    };
    let mut found =
        cluster.survey_metadata(Pick { fields: &fields, ..Pick::default() }, place).await.map_err(|error| {
            denied(&error, &cluster.server, "search all namespaces for hubs")
                .hint("name the hub's namespace, e.g. -n dhub: then nothing else is looked at")
        })?;
    found.sort_by(|one, two| one.namespace.cmp(&two.namespace));
    Ok(found)
}

/// That the cluster has no hub.
pub fn no_hub(cluster: &Cluster) -> Error {
    Error::user(format!("there is no hub of helm iris on {}", cluster.label()))
        .because("no namespace has a ledger")
        .hint("install one: helm iris install daskhub --profile PROFILE")
        .hint("or is this the wrong cluster? choose another with --kube-context")
}
