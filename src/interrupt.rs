//! Ctrl-C and termination signals, as something that long work can ask for and wait for.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, Result};

/// How soon work is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    /// It is not.
    Never,
    /// At the next safe point: the first Ctrl-C.
    Soon,
    /// At once: the second one, or a signal of a machine that will not wait.
    Now,
}

/// Tells long work that it is to stop.
#[derive(Debug, Clone)]
pub struct Interrupt {
    requested: watch::Receiver<Stop>,
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
        let (sender, requested) = watch::channel(Stop::Never);
        tokio::spawn(async move {
            while *sender.borrow() < Stop::Now {
                let soon = *sender.borrow() == Stop::Never;
                let stop = tokio::select! {
                    _ = interrupt.recv() => if soon { Stop::Soon } else { Stop::Now },
                    _ = terminate.recv() => Stop::Now,
                    _ = hangup.recv() => Stop::Now,
                };
                sender.send_replace(stop);
            }
            // Kept until the end, so that waiting on it never ends by itself.
            sender.closed().await;
        });
        Ok(Self { requested })
    }

    /// One that never asks, for tests and for work that is never stopped.
    pub fn never() -> Self {
        Self { requested: watch::channel(Stop::Never).1 }
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow() >= Stop::Soon
    }

    /// Whether it was asked for at once.
    pub fn is_now(&self) -> bool {
        *self.requested.borrow() == Stop::Now
    }

    /// Waits until a stop is asked for; forever if it never is.
    pub async fn wait(&mut self) {
        self.wait_for(Stop::Soon).await;
    }

    /// Waits until a stop is asked for that cannot wait for a safe point.
    pub async fn wait_for_now(&mut self) {
        self.wait_for(Stop::Now).await;
    }

    async fn wait_for(&mut self, wanted: Stop) {
        if self.requested.wait_for(|stop| *stop >= wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
