//! The definitions of resources (CRDs) that charts bring, against those of the cluster.
//!
//! Helm installs them with a new release, where they are not there yet, and never upgrades them. They belong to
//! the whole cluster: other hubs, and other software, may use the same. Whether one differs is for the API server
//! to say, by an apply that it only tries: what it adds by itself is no difference then. It need not be asked where both say the same.

use std::collections::BTreeSet;
use std::time::Duration;

use ::kube::Error as KubeError;
use futures::future::try_join_all;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition as Crd;
use serde::Serialize;
use serde_json::{Value, json};

use crate::archive::ChartCrd;
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::objects::{Mode, differences, path_of};

/// How long a new one may take until it is served, and between two looks.
const LOOKS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// A definition that a release brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCrd {
    /// The release.
    pub release: String,
    /// The definition.
    pub crd: ChartCrd,
    /// How the cluster's stands to it.
    pub state: CrdState,
}

/// How the cluster's definition stands to the chart's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CrdState {
    /// As the chart has it.
    Same,
    /// Not there.
    Missing,
    /// Another one.
    Differs,
    /// Another one, and objects may be stored in versions that the chart's does not have.
    Stored {
        /// Those versions.
        versions: Vec<String>,
    },
    /// It cannot be told.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// Looks at each, by its release. Changes nothing.
///
/// # Errors
/// A cluster that does not answer. That we may not look, or try, is a state.
pub async fn look(cluster: &Cluster, wanted: Vec<(String, ChartCrd)>) -> Result<Vec<WantedCrd>> {
    let mut names = BTreeSet::new();
    // One that two charts bring is that of the first.
    let wanted = wanted.into_iter().filter(|(_, crd)| names.insert(crd.name.clone())).collect::<Vec<_>>();
    try_join_all(wanted.into_iter().map(|(release, crd)| async move {
        let state = state(cluster, &crd).await?;
        Ok(WantedCrd { release, crd, state })
    }))
    .await
}

async fn state(cluster: &Cluster, crd: &ChartCrd) -> Result<CrdState> {
    let failed = |error: KubeError| match error {
        KubeError::Api(status) if (400..500).contains(&status.code) => Ok(CrdState::Unknown { why: status.message }),
        error => Err(denied(&error, &cluster.server, &format!("look at the CRD {}", crd.name))),
    };
    let there = match cluster.get_json::<Crd>(&crd.name).await {
        Ok(Some(there)) => there,
        Ok(None) => return Ok(CrdState::Missing),
        Err(error) => return failed(error),
    };
    let versions = lost_versions(&there, &crd.document);
    if !versions.is_empty() {
        return Ok(CrdState::Stored { versions });
    }
    if says_the_same(&there["spec"], &crd.document["spec"]) {
        return Ok(CrdState::Same);
    }
    match cluster.apply::<Crd>(&crd.name, &crd.document, true).await {
        Ok(would_be) if would_be["spec"] == there["spec"] => Ok(CrdState::Same),
        Ok(_) => Ok(CrdState::Differs),
        Err(error) => failed(error),
    }
}

/// Whether two definitions surely say the same, as far as that can be told without the API server.
fn says_the_same(there: &Value, new: &Value) -> bool {
    // What the API server fills in where nothing is said.
    let filled = |path: &str| {
        path == "names.listKind"
            || path == "names.singular"
            || path == "conversion" && there["conversion"] == json!({"strategy": "None"})
    };
    differences(new, there, Mode::Live, false).is_empty()
        && differences(there, new, Mode::Live, false).iter().all(|one| one.to.is_none() && filled(&path_of(&one.steps)))
}

/// The versions in which objects may be stored, and that the new definition lacks.
fn lost_versions(there: &Value, new: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let has: BTreeSet<String> =
        list(&new["spec"]["versions"]).iter().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect();
    let stored = list(&there["status"]["storedVersions"]);
    stored.iter().filter_map(Value::as_str).filter(|one| !has.contains(*one)).map(str::to_owned).collect()
}

/// Makes the cluster's definition that of the chart, and waits until it is served.
///
/// # Errors
/// When that is not allowed, or the cluster refuses it.
pub async fn apply(cluster: &Cluster, crd: &ChartCrd) -> Result<()> {
    let failed = |error: &KubeError| denied(error, &cluster.server, &format!("upgrade the CRD {}", crd.name));
    let mut there = cluster.apply::<Crd>(&crd.name, &crd.document, false).await.map_err(|error| failed(&error))?;
    for _ in 0..LOOKS {
        if is_served(&there) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
        there = cluster.get_json::<Crd>(&crd.name).await.map_err(|error| failed(&error))?.unwrap_or_default();
    }
    Err(Error::user(format!("the CRD {} was applied, and the cluster does not serve it", crd.name))
        .hint(format!("see why: kubectl describe crd {}", crd.name)))
}

fn is_served(crd: &Value) -> bool {
    let conditions = crd["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|one| one["type"] == "Established" && one["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_fills_in_is_no_difference() {
        let new = json!({"group": "g", "names": {"kind": "A", "plural": "as"}, "versions": [{"name": "v1", "schema": {
            "openAPIV3Schema": {"properties": {"a": {"type": "string", "description": ""}}}}}]});
        let mut there = new.clone();
        there["names"]["listKind"] = json!("AList");
        there["names"]["singular"] = json!("a");
        there["conversion"] = json!({"strategy": "None"});
        assert!(says_the_same(&there, &new));
        let changes: [fn(&mut Value, &mut Value); 6] = [
            |_, there| there["conversion"] = json!({"strategy": "Webhook"}),
            |new, _| new["names"]["shortNames"] = json!(["x"]),
            |_, there| there["names"]["shortNames"] = json!(["x"]),
            |new, _| new["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["b"] = json!({"type": "integer"}),
            |_, there| there["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["b"] = json!({"nullable": true}),
            |_, there| there["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["a"]["type"] = json!("integer"),
        ];
        for change in changes {
            let (mut new, mut there) = (new.clone(), there.clone());
            change(&mut new, &mut there);
            assert!(!says_the_same(&there, &new), "{new} {there}");
        }
    }

    #[test]
    fn versions_in_which_objects_are_stored_must_stay() {
        let new = json!({"spec": {"versions": [{"name": "v1"}, {"name": "v1beta1"}]}});
        let there = |versions: &[&str]| json!({"status": {"storedVersions": versions}});
        assert!(lost_versions(&there(&["v1"]), &new).is_empty());
        assert_eq!(lost_versions(&there(&["v1alpha1", "v1"]), &new), ["v1alpha1"]);
        assert!(lost_versions(&json!({}), &new).is_empty(), "never served");
    }
}
