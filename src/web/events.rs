//! A stream of events (`text/event-stream`), as the hub tells how a server starts.

use std::ops::ControlFlow;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::{Ask, Door};
use crate::error::Result;

/// No line that we want is longer.
const MOST_BYTES: usize = 1 << 20;

/// One event's data.
pub type Event = Value;

impl Door {
    /// Reads events until one is the last that is wanted, or the stream ends; the status is not 200 where
    /// there is no stream.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn events<T>(
        &self,
        ask: Ask,
        mut each: impl FnMut(&Event) -> ControlFlow<T>,
    ) -> Result<Result<Option<T>, u16>> {
        let (status, _, body) = self.begin(ask).await?;
        if status != 200 {
            return Ok(Err(status));
        }
        let mut lines = Lines { body, rest: Vec::new() };
        while let Some(line) = lines.next(self).await? {
            let event = line.strip_prefix("data:").and_then(|data| serde_json::from_str(data.trim()).ok());
            if let Some(ControlFlow::Break(last)) = event.map(|event| each(&event)) {
                return Ok(Ok(Some(last)));
            }
        }
        Ok(Ok(None))
    }
}

struct Lines {
    body: Incoming,
    rest: Vec<u8>,
}

impl Lines {
    async fn next(&mut self, door: &Door) -> Result<Option<String>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            if self.rest.len() > MOST_BYTES {
                return Err(door.broken("it sends a line without end"));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.rest.extend_from_slice(frame.data_ref().map_or(&[][..], |data| &data[..])),
                Some(Err(error)) => return Err(door.broken(error)),
                None => return Ok(None),
            }
        }
    }
}
