//! Requests to the cluster.
//!
//! All of them try again: a busy API server or a dropped connection is no answer. A write may have
//! happened although its answer was lost; all of ours can be repeated, because they make an object that
//! has a name, or replace one in exactly one state: the second one is refused then, and whoever writes
//! looks who was first. None goes through `kube::Client::request`, which logs an answer that it cannot
//! understand, and an answer may be a Secret.

use std::error::Error as StdError;
use std::io::ErrorKind as IoKind;
use std::time::Duration;

use ::kube::api::{DeleteParams, GetParams, Patch, PatchParams, PostParams, Preconditions, TypeMeta};
use ::kube::core::Request;
use ::kube::{Client, Error as KubeError, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Cluster;

/// Pauses before each new try. In all about two seconds: long enough for a hiccup, short enough
/// for a person who waits.
pub(super) const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1)];

/// Whose the fields are that we write; what somebody else writes is drift.
const FIELD_MANAGER: &str = "helm-iris";

fn as_us() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

impl Cluster {
    /// One object; none where the server says that there is none.
    ///
    /// # Errors
    /// Everything else, a refusal included: "may not be read" is never "is not there".
    pub async fn get<K>(&self, namespace: Option<&str>, name: &str) -> Result<Option<K>, KubeError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let _place = self.places.acquire().await;
        get(&self.client, namespace, name).await
    }

    pub(super) async fn fetch<T: DeserializeOwned>(&self, request: &http::Request<Vec<u8>>) -> Result<T, KubeError> {
        let _place = self.places.acquire().await;
        fetch(&self.client, request).await
    }

    /// Makes an object.
    ///
    /// # Errors
    /// Also when there is one of that name.
    pub async fn create<K>(&self, namespace: Option<&str>, object: &K) -> Result<(), KubeError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let body = serde_json::to_vec(object).map_err(KubeError::SerdeError)?;
        let request = resource::<K>(namespace).create(&as_us(), body).map_err(KubeError::BuildRequest)?;
        send(&self.client, &request).await.map(drop)
    }

    /// Replaces an object, in exactly the state that its `resourceVersion` names.
    ///
    /// # Errors
    /// Also when it was changed since.
    pub async fn replace<K>(&self, namespace: Option<&str>, name: &str, object: &K) -> Result<(), KubeError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let body = serde_json::to_vec(object).map_err(KubeError::SerdeError)?;
        let request = resource::<K>(namespace).replace(name, &as_us(), body).map_err(KubeError::BuildRequest)?;
        send(&self.client, &request).await.map(drop)
    }

    /// Changes some fields of an object; null takes one away.
    ///
    /// # Errors
    /// Also when it is not there.
    pub async fn patch<K>(&self, namespace: Option<&str>, name: &str, fields: &Value) -> Result<(), KubeError>
    where
        K: Resource<DynamicType = ()>,
    {
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let request = resource::<K>(namespace).patch(name, &params, &Patch::Merge(fields));
        send(&self.client, &request.map_err(KubeError::BuildRequest)?).await.map(drop)
    }

    /// One object of the whole cluster as the API server has it, with what a type of ours would leave out.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_json<K: Resource<DynamicType = ()>>(&self, name: &str) -> Result<Option<Value>, KubeError> {
        let request = resource::<K>(None).get(name, &GetParams::default()).map_err(KubeError::BuildRequest)?;
        match self.fetch(&request).await {
            Err(error) if is_missing(&error) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Makes an object of the whole cluster what is given, by server-side apply; gives what it is then. With
    /// `only_tried`, what it would be.
    ///
    /// # Errors
    /// Also when the API server refuses what it would be.
    pub async fn apply<K>(&self, name: &str, object: &Value, only_tried: bool) -> Result<Value, KubeError>
    where
        K: Resource<DynamicType = ()>,
    {
        let params = PatchParams { dry_run: only_tried, ..PatchParams::apply(FIELD_MANAGER).force() };
        let request = resource::<K>(None).patch(name, &params, &Patch::Apply(object));
        self.fetch(&request.map_err(KubeError::BuildRequest)?).await
    }

    /// Deletes an object; in exactly the state that a `resourceVersion` names, where one is given. One
    /// that is gone already is no error.
    ///
    /// # Errors
    /// Also when it was changed since.
    pub async fn delete<K>(&self, namespace: &str, name: &str, resource_version: Option<&str>) -> Result<(), KubeError>
    where
        K: Resource<DynamicType = ()>,
    {
        let preconditions =
            resource_version.map(|state| Preconditions { resource_version: Some(state.to_owned()), uid: None });
        // What an object has made goes too; of Jobs, the API would leave the pods.
        let params = DeleteParams { preconditions, ..DeleteParams::background() };
        let request = resource::<K>(Some(namespace)).delete(name, &params).map_err(KubeError::BuildRequest)?;
        match send(&self.client, &request).await {
            Err(error) if is_missing(&error) => Ok(()),
            answer => answer.map(drop),
        }
    }
}

fn resource<K: Resource<DynamicType = ()>>(namespace: Option<&str>) -> Request {
    Request::new(K::url_path(&(), namespace))
}

/// One object; none where the server says that there is none.
pub(super) async fn get<K>(client: &Client, namespace: Option<&str>, name: &str) -> Result<Option<K>, KubeError>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    let request = resource::<K>(namespace).get(name, &GetParams::default()).map_err(KubeError::BuildRequest)?;
    if_any(fetch(client, &request).await)
}

/// Whether the server says that there is none. Of a kind that it does not serve it says so in a few words, without the
/// reason that it gives otherwise.
pub fn is_missing(error: &KubeError) -> bool {
    matches!(error, KubeError::Api(status) if status.code == 404)
}

/// What is there; none where the server says that there is none.
pub(super) fn if_any<T>(answer: Result<T, KubeError>) -> Result<Option<T>, KubeError> {
    match answer {
        Ok(object) => Ok(Some(object)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sends a read.
pub(super) async fn fetch<T: DeserializeOwned>(
    client: &Client,
    request: &http::Request<Vec<u8>>,
) -> Result<T, KubeError> {
    understand(&send(client, request).await?)
}

/// Sends a request, again if need be.
async fn send(client: &Client, request: &http::Request<Vec<u8>>) -> Result<String, KubeError> {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match client.request_text(request.clone()).await {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        match pauses.next() {
            Some(pause) if is_passing(&error) => tokio::time::sleep(*pause).await,
            _ => return Err(error),
        }
    }
}

fn understand<T: DeserializeOwned>(text: &str) -> Result<T, KubeError> {
    serde_json::from_str(text).map_err(|error| {
        // serde's own message can quote what it did not expect, so only the place is passed on.
        let what =
            serde_json::from_str::<TypeMeta>(text).map_or_else(|_| "it is no object".to_owned(), |meta| meta.kind);
        let place = format!("{what}, line {} column {}", error.line(), error.column());
        KubeError::SerdeError(serde::de::Error::custom(place))
    })
}

/// Whether trying again may help: too busy, restarting, or the connection was cut.
pub fn is_passing(error: &KubeError) -> bool {
    if let KubeError::Api(status) = error {
        return matches!(status.code, 429 | 500 | 502 | 503 | 504);
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return matches!(
                io.kind(),
                IoKind::ConnectionReset | IoKind::ConnectionAborted | IoKind::BrokenPipe | IoKind::UnexpectedEof
            );
        }
        if current.to_string().contains("connection closed before message completed") {
            return true;
        }
        cause = current.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of a kind that is not served: `404 page not found`, in plain text.
    #[test]
    fn not_found_is_known_without_a_reason() {
        let answer = |code| {
            let status = serde_json::json!({"code": code, "message": "404 page not found", "reason": ""});
            KubeError::Api(Box::new(serde_json::from_value(status).unwrap()))
        };
        assert!(is_missing(&answer(404)) && !is_missing(&answer(403)));
    }
}
