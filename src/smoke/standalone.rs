//! A Dask Gateway that belongs to no hub, as a bundle describes it. Pure.

use serde_json::Value;

use super::target::filled;
use crate::bundle::manifest::{Manifest, ReleaseEntry};
use crate::error::{Error, Result};
use crate::secrets::DASK_PASSWORD;

/// Where the gateway's chart has the password.
const PASSWORD_PATH: &str = "gateway.auth.simple.password";

/// A gateway by itself, as its values say.
#[derive(Debug, Clone)]
pub struct GatewayTarget {
    /// Its release.
    pub entry: ReleaseEntry,
    /// What stands before its paths; without a slash at the end.
    pub prefix: String,
}

impl GatewayTarget {
    /// The gateway of a bundle without a hub; none where there is none.
    ///
    /// # Errors
    /// When its users are those of a hub.
    pub(super) fn of(manifest: &Manifest, values: impl Fn(&ReleaseEntry) -> Result<Value>) -> Result<Option<Self>> {
        if let Some((entry, "")) = filled(manifest, DASK_PASSWORD, PASSWORD_PATH) {
            let values = values(entry)?;
            let prefix = values["gateway"]["prefix"].as_str().unwrap_or_default().trim_matches('/');
            let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
            return Ok(Some(Self { entry: entry.clone(), prefix }));
        }
        for entry in &manifest.releases {
            let values = values(entry)?;
            if let Some(hub) = hub_namespace(&values) {
                return Err(Error::usage(format!("the Dask Gateway in {} is tested with its hub", entry.namespace))
                    .because(format!("its users are those of the hub in {hub}, and come through it"))
                    .hint(format!("in the folder of that hub: helm iris test jupyterhub -n {hub}")));
            }
        }
        Ok(None)
    }

    /// The Service that leads to it.
    pub fn service(&self) -> String {
        self.entry.public_service.clone().unwrap_or_else(|| format!("traefik-{}", self.entry.name))
    }

    /// The address that pods of the cluster have for it.
    pub fn address(&self) -> String {
        format!("http://{}.{}{}", self.service(), self.entry.namespace, self.prefix)
    }
}

/// The namespace of the hub that a gateway asks about its users.
fn hub_namespace(values: &Value) -> Option<&str> {
    let auth = &values["gateway"]["auth"];
    let url = auth["jupyterhub"]["apiUrl"].as_str().filter(|_| auth["type"] == "jupyterhub")?;
    url.strip_prefix("http://hub.")?.split([':', '/']).next()
}
