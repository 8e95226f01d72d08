//! Helm's way to the cluster: through us.
//!
//! Helm asks a door on loopback, and our client asks the API server. So helm meets the very cluster that the
//! plan was made for, whatever becomes of the kubeconfig meanwhile, and holds no credentials; it can do
//! nothing more once we are gone; and a busy API server or a dropped connection does not end its work, which
//! takes a hundred requests and gives up at the first that fails. The door opens to a token of its own,
//! which is made anew each time and is worth nothing afterwards. It is the first part of the path, because
//! helm sends no credentials where there is no TLS.

mod again;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ::kube::Client;
use ::kube::client::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::TryRng;
use rand::rngs::SysRng;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::Cluster;
use crate::error::{Error, Result};
use crate::redact::Secret;
use again::Asked;

/// More than the API server takes.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// What belongs to one connection alone.
const OF_THE_CONNECTION: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

/// A door to a cluster; it closes when this is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    /// The first part of the path.
    token: Secret,
    serving: JoinHandle<()>,
}

impl Cluster {
    /// Opens a door to this cluster.
    ///
    /// # Errors
    /// When there is no free port on loopback, or no randomness.
    pub async fn relay(&self) -> Result<Relay> {
        let failed = |error: std::io::Error| Error::user("cannot open a port on loopback for helm").because(error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut bytes = [0; 32];
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|error| Error::user("the operating system gives no randomness").because(error))?;
        let token = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
        let door = Door { client: self.client.clone(), token: token.clone() };
        Ok(Relay { address, token, serving: tokio::spawn(serve(listener, Arc::new(door))) })
    }
}

impl Relay {
    /// Its URL, for helm alone: whoever knows it can do what we can.
    pub fn url(&self) -> Secret {
        Secret::new(format!("http://{}/{}", self.address, self.token.expose()))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Door {
    client: Client,
    token: Secret,
}

/// What is asked of the API server; none where somebody does not know the token.
fn target(asked: &Uri, token: &Secret) -> Option<Uri> {
    let inside = asked.path_and_query()?.as_str().strip_prefix('/')?.strip_prefix(token.expose())?;
    inside.starts_with('/').then(|| inside.parse().ok()).flatten()
}

async fn serve(listener: TcpListener, door: Arc<Door>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let door = Arc::clone(&door);
        connections.spawn(async move {
            let service = service_fn(|request| answer(&door, request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(door: &Door, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let Some(target) = target(request.uri(), &door.token) else {
        return Ok(said(StatusCode::FORBIDDEN, "this door is for helm"));
    };
    let (mut head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return Ok(said(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large, or was broken off"));
    };
    head.uri = target;
    head.headers.remove(AUTHORIZATION);
    forget_the_connection(&mut head.headers);
    let asked = Asked::new(&head, body.to_bytes());
    let mut response = match asked.ask(&door.client).await {
        Ok(response) => response,
        Err(error) => said(StatusCode::BAD_GATEWAY, &error.to_string()),
    };
    forget_the_connection(response.headers_mut());
    Ok(response)
}

fn forget_the_connection(headers: &mut HeaderMap) {
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
}

/// An answer of our own, in the form of the API server's.
fn said(code: StatusCode, message: &str) -> Response<Body> {
    let status = serde_json::json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "code": code.as_u16()});
    let mut response = Response::new(Body::from(Bytes::from(status.to_string())));
    *response.status_mut() = code;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_opens_to_its_token_alone() {
        let token = Secret::new("abc".to_owned());
        let inside = |path: &str| target(&path.parse().unwrap(), &token).map(|uri| uri.to_string());
        assert_eq!(inside("/abc/api/v1/nodes?limit=1").as_deref(), Some("/api/v1/nodes?limit=1"));
        for other in ["/", "/abc", "/abcd/api", "/ab/c/api", "/api/v1/abc/", "//abc/api"] {
            assert_eq!(inside(other), None, "{other}");
        }
    }
}
