//! The token that hub and gateway have for each other, compared as both were given it. A gateway of 2025.4 or
//! later never uses it, so that nothing else would tell.

use k8s_openapi::api::core::v1::Secret as KubeSecret;
use serde_json::Value;

use super::hub::Passed;
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::observe::newest_if_any;
use crate::redact::Secret;

/// Where the hub reads it.
const HUB_KEY: &str = "hub.services.dask-gateway.apiToken";

/// Both sides of the token.
#[derive(Debug, Clone)]
pub struct SharedToken {
    /// The cluster.
    pub cluster: Cluster,
    /// The hub's chart.
    pub hub: Place,
    /// The gateway's.
    pub gateway: Place,
}

/// A chart's values in a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The release's namespace.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// Where the chart's values begin in the release's; empty where they are all.
    pub part: String,
}

impl SharedToken {
    /// Whether both sides have the same.
    pub(super) async fn compare(&self) -> Passed<()> {
        let (hub, gateway) = futures::try_join!(self.of_hub(), self.of_gateway())?;
        let missing = |side: &str| Error::user(format!("the {side} has no token for the other side"));
        match (hub, gateway) {
            (Some(hub), Some(gateway)) if hub == gateway => {
                Ok(((), "the hub and Dask Gateway were given the same".to_owned()))
            }
            (Some(_), Some(_)) => Err(Error::user("the hub and Dask Gateway were given different tokens")
                .because(format!("jupyterhub: {HUB_KEY}; dask-gateway: gateway.auth.jupyterhub.apiToken"))
                .hint("helm iris plan shows which of them is not the ledger's; helm iris install mends it")
                .into()),
            (None, _) => Err(missing("hub").hint("helm iris plan").into()),
            (_, None) => Err(missing("gateway").hint("helm iris plan").into()),
        }
    }

    async fn of_hub(&self) -> Result<Option<Secret>> {
        let values = self.values(&self.hub).await?;
        let own = text(&values, &["hub", "services", "dask-gateway", "apiToken"]);
        match text(&values, &["hub", "existingSecret"]) {
            Some(name) => Ok(self.secret(&self.hub.namespace, &name, HUB_KEY).await?.or(own.map(Secret::new))),
            None => Ok(own.map(Secret::new)),
        }
    }

    async fn of_gateway(&self) -> Result<Option<Secret>> {
        let values = self.values(&self.gateway).await?;
        let of = |key: &str| text(&values, &["gateway", "auth", "jupyterhub", key]);
        match (of("apiTokenFromSecretName"), of("apiTokenFromSecretKey")) {
            (Some(name), Some(key)) => self.secret(&self.gateway.namespace, &name, &key).await,
            _ => Ok(of("apiToken").map(Secret::new)),
        }
    }

    async fn values(&self, place: &Place) -> Result<Value> {
        let Some(release) = newest_if_any(&self.cluster, &place.namespace, &place.release).await? else {
            return Err(Error::user(format!("there is no release {} in {}", place.release, place.namespace)));
        };
        let config = release.config;
        Ok(if place.part.is_empty() { config } else { config[&place.part].clone() })
    }

    async fn secret(&self, namespace: &str, name: &str, key: &str) -> Result<Option<Secret>> {
        let doing = format!("read the Secret {name} in {namespace}");
        let secret = self.cluster.get::<KubeSecret>(Some(namespace), name).await;
        let secret = secret.map_err(|error| denied(&error, &self.cluster.server, &doing))?;
        let bytes = secret.and_then(|secret| secret.data?.remove(key)).map(|bytes| bytes.0);
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(Secret::new))
    }
}

fn text(values: &Value, path: &[&str]) -> Option<String> {
    let found = path.iter().try_fold(values, |value, key| value.get(key))?;
    found.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
