//! Ctrl-C and termination signals, as something that long work can ask for and wait for.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Result};

/// Tells long work that it is to stop at the next safe point.
#[derive(Debug, Clone)]
pub struct Interrupt {
    requested: watch::Receiver<bool>,
}

impl Interrupt {
    /// Turns SIGINT, SIGTERM and SIGHUP into a request to stop, instead of sudden death.
    ///
    /// # Errors
    /// When the signals cannot be taken over.
    pub fn on_signals() -> Result<Self> {
        let failed = |error: std::io::Error| Error::bug("cannot take over signals").because(error);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
        let (sender, requested) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            sender.send_replace(true);
            // Kept until the end, so that waiting on it never ends by itself.
            sender.closed().await;
        });
        Ok(Self { requested })
    }

    /// One that never asks, for tests and for work that is never stopped.
    pub fn never() -> Self {
        Self { requested: watch::channel(false).1 }
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until a stop is asked for; forever if it never is.
    pub async fn wait(&mut self) {
        if self.requested.wait_for(|requested| *requested).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
