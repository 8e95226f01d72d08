//! Objects of kinds that are known only by name, as manifests have them.

use ::kube::Error as KubeError;
use ::kube::api::GetParams;
use ::kube::core::Request;
use serde::Deserialize;
use serde_json::Value;

use super::{Cluster, Served, request};

/// The newest forms of the list of all kinds in one answer; a server that knows neither gives groups alone.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// One answer about all APIs, in either form.
#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    groups: Vec<Group>,
    #[serde(default)]
    items: Vec<AggregatedGroup>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

#[derive(Deserialize)]
struct AggregatedGroup {
    metadata: AggregatedName,
    #[serde(default)]
    versions: Vec<AggregatedVersion>,
}

#[derive(Deserialize)]
struct AggregatedName {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct AggregatedVersion {
    version: String,
    #[serde(default)]
    resources: Vec<AggregatedResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedResource {
    response_kind: Option<AggregatedKind>,
}

#[derive(Deserialize)]
struct AggregatedKind {
    kind: String,
}

impl Cluster {
    /// One object of a kind; none where the server says that there is none.
    ///
    /// # Errors
    /// Everything else, a refusal included: "may not be read" is never "is not there".
    pub async fn get_object(
        &self,
        served: &Served,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, KubeError> {
        let request = Request::new(served.path(namespace)).get(name, &GetParams::default());
        request::if_any(self.fetch(&request.map_err(KubeError::BuildRequest)?).await)
    }

    /// What `.Capabilities.APIVersions` of a chart holds beyond Kubernetes' own: groups with version,
    /// and their kinds, e.g. `traefik.io/v1alpha1/Middleware`. Asked for once.
    ///
    /// # Errors
    /// When the cluster does not tell.
    pub async fn api_versions(&self) -> Result<&[String], KubeError> {
        let versions = self.versions.get_or_try_init(|| self.ask_for_versions()).await;
        versions.map(Vec::as_slice)
    }

    /// Asks for them while other things are done. What goes wrong is told when they are needed.
    pub fn ask_ahead_for_versions(&self) {
        let cluster = self.clone();
        tokio::spawn(async move { cluster.api_versions().await.map(drop) });
    }

    async fn ask_for_versions(&self) -> Result<Vec<String>, KubeError> {
        let request = http::Request::get("/apis").header(http::header::ACCEPT, AGGREGATED);
        let found: Groups = self.fetch(&request.body(Vec::new()).map_err(KubeError::HttpError)?).await?;
        let plain = found.groups.into_iter().flat_map(|group| group.versions).map(|version| version.group_version);
        let mut versions: Vec<String> = plain.collect();
        for group in found.items {
            for version in group.versions {
                let name = format!("{}/{}", group.metadata.name, version.version);
                let kinds = version.resources.into_iter().filter_map(|resource| resource.response_kind);
                versions.extend(kinds.map(|kind| format!("{name}/{}", kind.kind)));
                versions.push(name);
            }
        }
        versions.retain(|version| !is_built_in(version.split('/').next().unwrap_or_default()));
        versions.sort();
        versions.dedup();
        Ok(versions)
    }
}

/// Whether an API group is one of Kubernetes itself, which Helm is built with: it knows how their objects
/// are merged.
pub fn is_built_in(group: &str) -> bool {
    !group.contains('.') || BUILT_IN.contains(&group)
}

/// The groups of Kubernetes itself with a dot in their names.
const BUILT_IN: [&str; 14] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];
