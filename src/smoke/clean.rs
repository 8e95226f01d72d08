//! Takes away what a test made, and what one that was killed left.

use std::time::Duration;

use serde_json::Value;

use super::compute::{Dask, sweep};
use super::hub::{Hub, Passed};
use super::kernel::{self, Kernel};
use crate::error::Error;

/// How long a server may take to stop, a start that must first fail included.
const STOP: Duration = Duration::from_mins(3);
/// How long the program that stops Dask clusters may take.
const SWEEP: Duration = Duration::from_mins(1);

/// How often it is looked whether another test is at work, and between two looks.
const LOOKS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

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

/// What another test is doing with our user now; none where what is there was left by one that is gone.
///
/// Who tests is connected to a kernel, and that ends with it, however it ends.
async fn at_work(hub: &Hub<'_>, user: &Value) -> Result<Option<&'static str>, Error> {
    let server = &user["servers"][""];
    if server["pending"] == "spawn" || user["pending"] == "spawn" {
        return Ok(Some("its server is being started"));
    }
    if server["ready"] != true {
        return Ok(None);
    }
    for _ in 0..LOOKS {
        // A server that does not answer is nobody's any more.
        if !kernel::is_anybody_connected(hub).await.unwrap_or_default() {
            return Ok(None);
        }
        // The server may not have noticed yet that one is gone.
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Some("somebody is connected to a kernel of its server"))
}

/// Refuses to take away what a test that runs now is using.
///
/// # Errors
/// When there is one.
pub(super) async fn refuse_another(hub: &Hub<'_>) -> Result<(), Error> {
    let Some(user) = hub.user().await? else { return Ok(()) };
    let Some(seen) = at_work(hub, &user).await? else { return Ok(()) };
    Err(Error::user("another test of this hub is running, by somebody else or in another terminal")
        .because(format!("{}: {seen}", super::USER))
        .hint("wait until it is done; a start that nobody waits for ends by itself after users.startTimeout")
        .hint("if it is none of yours: the hub's admin page shows the server, and can stop it"))
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
