//! One request and its answer.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::timeout;

use super::Door;
use crate::error::{Error, Result};
use crate::redact::Secret;

/// Longer than a hub takes that has much to do.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// No answer that we want is longer.
const MOST_BYTES: usize = 4 << 20;

/// What is asked.
pub struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    within: Duration,
}

/// What came back.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Vec<u8>,
}

impl Ask {
    /// A request for a path of the service, without what stands before it in the URL.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: Bytes::new(), within: ANSWER_TIMEOUT }
    }

    /// A `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// With an answer that is waited for no longer than this.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// With a token of the hub; `scheme` is `token`, or what another service calls it.
    ///
    /// # Errors
    /// When no header can hold it.
    pub fn token(self, scheme: &str, token: &Secret) -> Result<Self> {
        self.secret_header(AUTHORIZATION, &format!("{scheme} {}", token.expose()))
    }

    /// With a name and a password.
    ///
    /// # Errors
    /// When no header can hold them.
    pub fn basic(self, name: &str, password: &Secret) -> Result<Self> {
        let both = Secret::new(STANDARD.encode(format!("{name}:{}", password.expose())));
        self.token("Basic", &both)
    }

    /// With a header that is written to no log.
    ///
    /// # Errors
    /// When no header can hold it.
    pub fn secret_header(mut self, name: HeaderName, value: &str) -> Result<Self> {
        let value = secret_value(&name, value)?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With a JSON document.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// With the fields of a form, as [`form`] writes them.
    #[must_use]
    pub fn form(self, fields: &Secret) -> Self {
        self.body("application/x-www-form-urlencoded", fields.expose().to_owned())
    }

    fn body(mut self, kind: &'static str, body: String) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        self.body = Bytes::from(body);
        self
    }
}

/// The value of a header that is written to no log.
pub(super) fn secret_value(name: &HeaderName, value: &str) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(value).map_err(|_| Error::user(format!("a secret does not fit into {name}")));
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}

/// The fields of a form in one text.
pub fn form(fields: &[(&str, &str)]) -> Secret {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let fields = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    Secret::new(fields.collect::<Vec<_>>().join("&"))
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Door {
    /// Asks once.
    ///
    /// # Errors
    /// When no answer comes; any status is an answer.
    pub async fn ask(&self, ask: Ask) -> Result<Answer> {
        let within = ask.within;
        let answered = timeout(within, async {
            let (status, headers, body) = self.begin(ask).await?;
            let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| self.broken(error))?;
            Ok(Answer { status, headers, body: body.to_bytes().to_vec() })
        });
        answered.await.unwrap_or_else(|_| {
            Err(self.broken(format!("it took the request and did not answer in {} seconds", within.as_secs())))
        })
    }

    /// Asks, and reads no more than the head of the answer.
    pub(super) async fn begin(&self, ask: Ask) -> Result<(u16, HeaderMap, Incoming)> {
        let stream = self.connect().await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(error))?;
        tokio::spawn(connection);
        let mut request = http::Request::new(Full::new(ask.body));
        *request.method_mut() = ask.method;
        *request.uri_mut() =
            self.path(&ask.path).parse().map_err(|error| Error::bug("a path of ours").because(error))?;
        *request.headers_mut() = ask.headers;
        let host = HeaderValue::from_str(&self.host).map_err(|error| Error::bug("a host of ours").because(error))?;
        request.headers_mut().insert(HOST, host);
        let response = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        let (head, body) = response.into_parts();
        Ok((head.status.as_u16(), head.headers, body))
    }

    pub(super) fn broken(&self, why: impl std::fmt::Display) -> Error {
        Error::user(format!("no answer from {}", self.label())).because(why)
    }
}
