//! Looking at a cluster as a whole: lists that may be long, rights, and which kinds there are.

use ::kube::api::{GetParams, ObjectMeta};
use ::kube::core::Request;
use ::kube::{Error as KubeError, Resource};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use serde::Deserialize;

use super::{Cluster, is_missing};

/// A resource as the API server serves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Served {
    /// API group; empty for the core.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind, e.g. `ClusterRole`.
    pub kind: String,
    /// Plural name in paths, e.g. `clusterroles`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

#[derive(Deserialize)]
pub(super) struct OnlyMeta {
    pub(super) metadata: ObjectMeta,
}

impl Cluster {
    /// The metadata of an object of any kind; none where the server says that there is none.
    ///
    /// # Errors
    /// Everything else, a refusal included.
    pub async fn metadata_of(
        &self,
        served: &Served,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<ObjectMeta>, KubeError> {
        let request = Request::new(served.path(namespace)).get_metadata(name, &GetParams::default());
        match self.fetch::<OnlyMeta>(&request.map_err(KubeError::BuildRequest)?).await {
            Ok(object) => Ok(Some(object.metadata)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The resources of a group and version, e.g. `apps/v1`; none where it is not served.
    ///
    /// # Errors
    /// Whatever keeps the server from telling.
    pub async fn served(&self, group_version: &str) -> Result<Vec<Served>, KubeError> {
        let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
        let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let request = http::Request::get(path).body(Vec::new()).map_err(KubeError::HttpError)?;
        let list = match self.fetch::<APIResourceList>(&request).await {
            Ok(list) => list,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let whole = list.resources.into_iter().filter(|resource| !resource.name.contains('/'));
        Ok(whole
            .map(|resource| Served {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: resource.kind,
                plural: resource.name,
                namespaced: resource.namespaced,
            })
            .collect())
    }

    /// Whether we may do this.
    ///
    /// # Errors
    /// When the server does not say.
    pub async fn may(&self, verb: &str, what: (&str, &str), namespace: Option<&str>) -> Result<bool, KubeError> {
        #[derive(Deserialize)]
        struct Answer {
            status: Option<SubjectAccessReviewStatus>,
        }
        let (group, resource) = what;
        let attributes = ResourceAttributes {
            verb: Some(verb.to_owned()),
            group: Some(group.to_owned()),
            resource: Some(resource.to_owned()),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let body = serde_json::to_vec(&review).map_err(KubeError::SerdeError)?;
        let request = Request::new(SelfSubjectAccessReview::url_path(&(), None));
        // A question that is asked by POST changes nothing, and may be asked again like any read.
        let request = request.create(&::kube::api::PostParams::default(), body).map_err(KubeError::BuildRequest)?;
        Ok(self.fetch::<Answer>(&request).await?.status.is_some_and(|status| status.allowed))
    }
}

impl Served {
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let Self { group, version, plural, .. } = self;
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{plural}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_any_kind() {
        let served = |group: &str, plural: &str, namespaced| Served {
            group: group.into(),
            version: "v1".into(),
            kind: String::new(),
            plural: plural.into(),
            namespaced,
        };
        assert_eq!(served("", "secrets", true).path(Some("dhub")), "/api/v1/namespaces/dhub/secrets");
        let role = served("rbac.authorization.k8s.io", "clusterroles", false);
        assert_eq!(role.path(Some("dhub")), "/apis/rbac.authorization.k8s.io/v1/clusterroles");
    }
}
