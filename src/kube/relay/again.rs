//! A request of helm, sent again where the answer was lost or the API server was busy.
//!
//! All that helm asks can be repeated: it reads, it makes objects that have a name, it changes and deletes
//! objects by name. Where the answer to a writing request was lost, nobody knows whether it was done. A second
//! one then meets its own work: an object that is there already, or one that is gone. That is told as what it
//! is, a success, if the object is what helm wanted to make; otherwise the refusal is passed on.

use ::kube::client::Body;
use ::kube::{Client, Error as KubeError};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use serde_json::Value;

use crate::kube::is_passing;
use crate::kube::request::PAUSES;

pub(super) struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    pub(super) fn new(head: &Parts, body: Bytes) -> Self {
        Self { method: head.method.clone(), uri: head.uri.clone(), headers: head.headers.clone(), body }
    }

    /// Sends it until there is an answer.
    pub(super) async fn ask(&self, client: &Client) -> Result<Response<Body>, KubeError> {
        match self.answer(client).await? {
            (response, true) => Ok(self.own_work(client, response).await),
            (response, false) => Ok(response),
        }
    }

    /// The answer, and whether an earlier request may have been done, the answer to which was lost.
    async fn answer(&self, client: &Client) -> Result<(Response<Body>, bool), KubeError> {
        let mut pauses = PAUSES.iter();
        let mut perhaps_done = false;
        loop {
            let answered = self.once(client).await;
            let passing = match &answered {
                Ok(response) => is_busy(response.status()),
                Err(error) => is_passing(error),
            };
            let Some(pause) = pauses.next().filter(|_| passing) else {
                return answered.map(|response| (response, perhaps_done));
            };
            let refused = matches!(&answered, Ok(response) if is_unheard(response.status()));
            perhaps_done |= !refused;
            tracing::info!("{} {}: asked again", self.method, self.uri.path());
            tokio::time::sleep(*pause).await;
        }
    }

    async fn once(&self, client: &Client) -> Result<Response<Body>, KubeError> {
        let response = client.send(self.request()).await?;
        if self.is_stream() || is_busy(response.status()) {
            return Ok(response);
        }
        // Read whole, so that one that breaks off is asked for again.
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| KubeError::Service(error.into()))?.to_bytes();
        Ok(Response::from_parts(head, Body::from(body)))
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        request
    }

    /// Whether the answer goes on as long as somebody listens.
    fn is_stream(&self) -> bool {
        let mut options = self.uri.query().unwrap_or_default().split('&');
        options.any(|option| matches!(option, "watch=true" | "watch=1" | "follow=true"))
    }

    /// A refusal that only says that the one before was done.
    async fn own_work(&self, client: &Client, response: Response<Body>) -> Response<Body> {
        if self.method == Method::DELETE && response.status() == StatusCode::NOT_FOUND {
            return with_status(response, StatusCode::OK, r#"{"kind":"Status","apiVersion":"v1","status":"Success"}"#);
        }
        if self.method == Method::POST && response.status() == StatusCode::CONFLICT {
            return match self.made(client).await {
                Some(object) => with_status(response, StatusCode::CREATED, &object),
                None => response,
            };
        }
        response
    }

    /// The object that this makes, if it is there and is what was asked for.
    async fn made(&self, client: &Client) -> Option<String> {
        let wanted: Value = serde_json::from_slice(&self.body).ok()?;
        let name = wanted.pointer("/metadata/name")?.as_str()?;
        let uri: Uri = format!("{}/{name}", self.uri.path()).parse().ok()?;
        // Where one answer was lost, the next one may be too.
        let look = Self { method: Method::GET, uri, headers: self.headers.clone(), body: Bytes::new() };
        let (response, _) = look.answer(client).await.ok()?;
        let there = response.into_body().collect().await.ok()?.to_bytes();
        let object: Value = serde_json::from_slice(&there).ok()?;
        holds(&object, &wanted).then(|| object.to_string())
    }
}

/// The API server does not get to it now; it may have done something with it all the same.
fn is_busy(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// The API server has done nothing with it.
fn is_unheard(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
}

fn with_status(response: Response<Body>, status: StatusCode, body: &str) -> Response<Body> {
    let (mut head, _) = response.into_parts();
    head.status = status;
    Response::from_parts(head, Body::from(Bytes::copy_from_slice(body.as_bytes())))
}

/// Whether an object says all that another one says.
fn holds(object: &Value, wanted: &Value) -> bool {
    match (object, wanted) {
        (Value::Object(object), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
            empty || object.get(key).is_some_and(|have| holds(have, value))
        }),
        (Value::Array(object), Value::Array(wanted)) => {
            object.len() == wanted.len() && object.iter().zip(wanted).all(|(object, wanted)| holds(object, wanted))
        }
        _ => object == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_what_was_asked_for_if_it_says_all_of_it() {
        let wanted = json!({"metadata": {"name": "a", "creationTimestamp": null}, "data": {"k": "v"}, "status": {}});
        let there = json!({"metadata": {"name": "a", "uid": "7"}, "data": {"k": "v"}, "type": "Opaque"});
        assert!(holds(&there, &wanted));
        for other in [json!({"k": "w"}), json!({}), json!({"k": "v", "l": "w"})] {
            let mut wanted = wanted.clone();
            wanted["data"] = other.clone();
            assert_eq!(holds(&there, &wanted), other == json!({}), "{other}");
        }
        assert!(!holds(&json!([1, 2]), &json!([1])) && holds(&json!([{"a": 1, "b": 2}]), &json!([{"a": 1}])));
    }
}
