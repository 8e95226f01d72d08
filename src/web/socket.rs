//! A websocket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use http::header::{AUTHORIZATION, CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Door;
use super::door::Stream;
use super::request::secret_value;
use crate::error::{Error, Result};
use crate::redact::Secret;

/// Longer than a server takes that has just started.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// An open websocket that carries JSON.
pub struct Socket {
    stream: WebSocketStream<Box<dyn Stream>>,
    label: String,
}

impl Door {
    /// Opens a websocket; the status is what the server answers instead.
    ///
    /// # Errors
    /// When the service cannot be reached.
    pub async fn socket(&self, path: &str, token: &Secret) -> Result<Result<Socket, u16>> {
        // TLS, where there is any, is around the stream already.
        let request = http::Request::get(format!("ws://{}{}", self.host, self.path(path)))
            .header(HOST, &self.host)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, generate_key())
            .header(AUTHORIZATION, secret_value(&AUTHORIZATION, &format!("token {}", token.expose()))?)
            .body(())
            .map_err(|_| Error::bug("a request of ours"))?;
        let stream = self.connect().await?;
        match timeout(HANDSHAKE_TIMEOUT, client_async(request, stream)).await {
            Ok(Ok((stream, _))) => Ok(Ok(Socket { stream, label: self.label().to_owned() })),
            Ok(Err(SocketError::Http(answer))) => Ok(Err(answer.status().as_u16())),
            Ok(Err(error)) => Err(self.broken(error)),
            Err(_) => Err(self.broken("no websocket was opened in 30 seconds")),
        }
    }
}

impl Socket {
    /// Sends a document.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, document: &Value) -> Result<()> {
        self.stream.send(Message::text(document.to_string())).await.map_err(|error| self.broken(&error))
    }

    /// The next document; none where the other side closes.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Some(serde_json::from_str(&text).unwrap_or_default())),
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(self.broken(&error)),
            }
        }
    }

    fn broken(&self, error: &SocketError) -> Error {
        Error::user(format!("the connection to {} broke", self.label)).because(error)
    }
}
