//! Lists, which may be long: page by page, and nothing is kept but what was asked for.

use ::kube::api::{ListParams, ObjectMeta, PartialObjectMeta};
use ::kube::core::Request;
use ::kube::{Error as KubeError, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Cluster;
use super::survey::OnlyMeta;

/// Objects in one answer. As many as kubectl asks for: more fill the memory of both sides, fewer take longer.
const PAGE: u32 = 500;
/// A list that goes on for longer than the server remembers is begun anew, but not for ever.
const STARTS: usize = 3;

/// Which objects of a kind: by namespace (none: all of them), labels and fields.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pick<'p> {
    /// The namespace.
    pub namespace: Option<&'p str>,
    /// Labels as `a=b,c=d`.
    pub labels: &'p str,
    /// Fields as `status.phase!=Failed`.
    pub fields: &'p str,
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    /// An empty list is `null`.
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
struct PageMeta {
    #[serde(default, rename = "continue")]
    rest: String,
}

impl Cluster {
    /// All objects of a kind, as far as the labels (`a=b,c=d`, or empty) pick them.
    ///
    /// # Errors
    /// When the list cannot be read whole.
    pub async fn list<K>(&self, namespace: Option<&str>, labels: &str) -> Result<Vec<K>, KubeError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        self.pages::<K, K>(Pick { namespace, labels, fields: "" }).await
    }

    /// Objects of a kind by field, e.g. `type=Warning` for events.
    ///
    /// # Errors
    /// When the list cannot be read whole.
    pub async fn list_by_field<K>(&self, namespace: &str, fields: &str) -> Result<Vec<K>, KubeError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        self.pages::<K, K>(Pick { namespace: Some(namespace), labels: "", fields }).await
    }

    /// The metadata alone of all objects of a kind that the labels pick.
    ///
    /// # Errors
    /// When the list cannot be read whole.
    pub async fn list_metadata<K>(&self, namespace: &str, labels: &str) -> Result<Vec<PartialObjectMeta<K>>, KubeError>
    where
        K: Resource<DynamicType = ()>,
    {
        self.survey_metadata(Pick { namespace: Some(namespace), labels, fields: "" }, Some).await
    }

    /// The names of all objects of a kind that the fields pick, e.g. `type=Opaque`.
    ///
    /// # Errors
    /// When the list cannot be read whole.
    pub async fn list_names<K>(&self, namespace: &str, fields: &str) -> Result<Vec<String>, KubeError>
    where
        K: Resource<DynamicType = ()>,
    {
        let name = |item: PartialObjectMeta<K>| item.metadata.name;
        self.survey_metadata(Pick { namespace: Some(namespace), labels: "", fields }, name).await
    }

    /// All objects of a kind that are picked, each read as `T`: what of it is of no interest is never kept.
    ///
    /// # Errors
    /// When the list cannot be read whole.
    pub async fn pages<K, T>(&self, pick: Pick<'_>) -> Result<Vec<T>, KubeError>
    where
        K: Resource<DynamicType = ()>,
        T: DeserializeOwned,
    {
        self.every(&K::url_path(&(), pick.namespace), pick, false, Some).await
    }

    /// The metadata alone of all objects of a kind that are picked.
    ///
    /// # Errors
    /// When the list cannot be read whole.
    pub async fn metadata_pages<K>(&self, pick: Pick<'_>) -> Result<Vec<ObjectMeta>, KubeError>
    where
        K: Resource<DynamicType = ()>,
    {
        let metadata = |item: OnlyMeta| Some(item.metadata);
        self.every(&K::url_path(&(), pick.namespace), pick, true, metadata).await
    }

    /// What `of` makes of each object that is picked: of thousands, only that is kept.
    ///
    /// # Errors
    /// When the list cannot be read whole.
    pub async fn survey<K, T>(&self, pick: Pick<'_>, of: impl FnMut(K) -> Option<T>) -> Result<Vec<T>, KubeError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        self.every(&K::url_path(&(), pick.namespace), pick, false, of).await
    }

    /// As [`Self::survey`], of the metadata alone.
    ///
    /// # Errors
    /// When the list cannot be read whole.
    pub async fn survey_metadata<K, T>(
        &self,
        pick: Pick<'_>,
        of: impl FnMut(PartialObjectMeta<K>) -> Option<T>,
    ) -> Result<Vec<T>, KubeError>
    where
        K: Resource<DynamicType = ()>,
    {
        self.every(&K::url_path(&(), pick.namespace), pick, true, of).await
    }

    async fn every<I: DeserializeOwned, T>(
        &self,
        path: &str,
        pick: Pick<'_>,
        only_metadata: bool,
        mut of: impl FnMut(I) -> Option<T>,
    ) -> Result<Vec<T>, KubeError> {
        let first = ListParams::default().labels(pick.labels).fields(pick.fields).limit(PAGE);
        let (mut all, mut params, mut starts) = (Vec::new(), first.clone(), 1);
        loop {
            let request = Request::new(path);
            let request = if only_metadata { request.list_metadata(&params) } else { request.list(&params) };
            match self.fetch::<Page<I>>(&request.map_err(KubeError::BuildRequest)?).await {
                Ok(page) => {
                    all.extend(page.items.into_iter().flatten().filter_map(&mut of));
                    if page.metadata.rest.is_empty() {
                        return Ok(all);
                    }
                    params = first.clone().continue_token(&page.metadata.rest);
                }
                Err(KubeError::Api(status)) if status.code == 410 && starts < STARTS => {
                    (all, params, starts) = (Vec::new(), first.clone(), starts + 1);
                }
                Err(error) => return Err(error),
            }
        }
    }
}
