//! Takes away what a test made, and what one that was killed left.

use std::time::Duration;

use super::compute::{Dask, sweep};
use super::hub::{Hub, Passed};
use super::kernel::Kernel;
use crate::error::Error;

/// How long a server may take to stop, a start that must first fail included.
const STOP: Duration = Duration::from_mins(3);
/// How long the program that stops Dask clusters may take.
const SWEEP: Duration = Duration::from_mins(1);

/// What a test made, as far as it is not taken away yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Made {
    /// Our user.
    pub(super) user: bool,
    /// Its server.
    pub(super) server: bool,
    /// Its Dask clusters.
    pub(super) dask: Dask,
}

/// Takes it all away.
pub(super) async fn all(hub: &Hub<'_>, made: &mut Made) -> Passed<()> {
    let mut problem = None;
    if made.server && made.dask.left {
        // The user's server alone may stop the user's clusters; a fresh kernel, whatever the old one does.
        problem = stop_clusters(hub).await.err();
        made.dask.left = problem.is_some();
    }
    if made.server {
        hub.stop_server(STOP).await.map_err(left)?;
        made.server = false;
    }
    hub.delete_user().await.map_err(left)?;
    made.user = false;
    match problem {
        None => Ok(((), "nothing is left".to_owned())),
        Some(error) => {
            Err(Error { message: format!("the test's Dask cluster may be left: {}", error.message), ..error }
                .hint("the next test stops it; else it ends by itself after dask.idleTimeout")
                .into())
        }
    }
}

/// Takes away the server of a test that was killed; its Dask clusters are stopped by the new one's kernel.
pub(super) async fn leftovers(hub: &Hub<'_>) -> Result<bool, Error> {
    let running = hub.user().await?.is_some_and(|user| {
        user["pending"].is_string() || user["servers"].as_object().is_some_and(|servers| !servers.is_empty())
    });
    if running {
        hub.stop_server(STOP).await?;
    }
    Ok(running)
}

async fn stop_clusters(hub: &Hub<'_>) -> Result<(), Error> {
    let mut kernel = Kernel::start(hub).await?;
    sweep(&mut kernel, SWEEP).await.map(drop)
}

fn left(error: Error) -> Error {
    error.hint(format!("the next test takes it away; the user is {}, see the hub's admin page", super::USER))
}
