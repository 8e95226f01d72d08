//! Dask Gateway's API, as a user with the gateway's password has it; and what its schedulers tell of their workers.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::USER;
use super::explain::explained;
use super::hub::{PROMPT, Passed, words};
use super::step::{Failure, Step};
use crate::error::{Error, Result};
use crate::redact::Secret;
use crate::web::{Answer, Ask, Door};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the route to a scheduler that runs may take to be made.
const ROUTE: Duration = Duration::from_secs(30);
/// How long Dask clusters may take to end.
const STOP: Duration = Duration::from_mins(2);
/// In which a cluster shows that was asked for.
const SHOWS: Duration = Duration::from_secs(5);
/// States of a cluster that is not gone.
const PRESENT: &str = "/api/v1/clusters/?status=pending,running,stopping";

/// The state of a cluster that the gateway does not know.
const UNKNOWN: &str = "unknown";

/// The gateway, and who we are there.
#[derive(Clone, Copy)]
pub(super) struct Gateway<'g> {
    pub(super) door: &'g Door,
    /// What stands before its paths; without a slash at the end.
    pub(super) prefix: &'g str,
    pub(super) password: &'g Secret,
}

/// The version of the gateway whose paths begin so.
pub(super) async fn version(door: &Door, prefix: &str) -> Result<String> {
    let version = door.ask(Ask::get(format!("{prefix}/api/version")).within(PROMPT)).await?.json();
    Ok(format!("Dask Gateway {}", version["version"].as_str().unwrap_or("of unknown version")))
}

impl Gateway<'_> {
    /// Whether the gateway answers.
    pub(super) async fn health(&self) -> Passed<()> {
        let (path, label) = (format!("{}/api/health", self.prefix), self.door.label());
        let health = self.door.ask(Ask::get(&path).within(PROMPT)).await.map_err(|error| {
            error.hint(
                "does it run, and does the address lead to its Traefik? helm iris status, kubectl get pods,services",
            )
        })?;
        let status = health.status;
        let failed = match status {
            200 if health.json()["status"].is_string() => {
                return Ok(((), format!("{} at {label}", version(self.door, self.prefix).await?)));
            }
            503 if health.json()["status"].is_string() => {
                Error::user("Dask Gateway is not healthy").because(words(&health))
            }
            404 | 502..=504 => Error::user("Traefik answers, and no Dask Gateway behind it")
                .because(format!("HTTP {status} from {label}{path}"))
                .hint("does the gateway run? kubectl get pods -l app.kubernetes.io/component=gateway")
                .hint("or has it another gateway.prefix than this folder says? helm iris plan"),
            _ => Error::user(format!("{label} is no Dask Gateway"))
                .because(format!("HTTP {status} from {path}"))
                .hint("is the address that of the Service of its Traefik?"),
        };
        Err(failed.into())
    }

    /// Whether the password lets in, and another one does not.
    pub(super) async fn let_in(&self) -> Passed<()> {
        let answer = self.call(Method::GET, PRESENT, None).await?;
        if matches!(answer.status, 401 | 403) {
            return Err(Error::user("Dask Gateway does not take the ledger's dask-password")
                .because(format!("HTTP {}: {}", answer.status, said(&answer)))
                .hint("what is installed may be by other secrets or another login: helm iris plan")
                .into());
        }
        checked(&answer, 200, "list Dask clusters")?;
        let other = Secret::new("no password of this gateway".to_owned());
        let stranger = self.door.ask(self.to(Method::GET, PRESENT).basic(USER, &other)?).await?;
        if stranger.status != 401 {
            return Err(Error::user("Dask Gateway lets everybody in, whatever the password")
                .because(format!("HTTP {} to a wrong one", stranger.status))
                .hint("gateway.auth in the values must be as rendered: helm iris plan shows what differs")
                .into());
        }
        Ok(((), "the password lets users in, another one does not".to_owned()))
    }

    /// Asks for a cluster as users get it who choose nothing: its name.
    pub(super) async fn start(&self) -> Result<String, Failure> {
        let answer = self.call(Method::POST, "/api/v1/clusters/", Some(json!({"cluster_options": {}}))).await?;
        let made = checked(&answer, 201, "start a Dask cluster")
            .map_err(|error| error.hint("kubectl logs -l app.kubernetes.io/component=gateway tells more"))?;
        match made["name"].as_str() {
            Some(name) if is_name(name) => Ok(name.to_owned()),
            _ => Err(Error::user("Dask Gateway gives the cluster no name").into()),
        }
    }

    /// Waits until a cluster's scheduler runs and is reached through the gateway's address.
    pub(super) async fn wait_until_it_runs(&self, name: &str, patience: Duration) -> Result<(), Failure> {
        let since = Instant::now();
        loop {
            match self.state(name).await?.as_str() {
                "RUNNING" => break,
                // It is not seen by the gateway itself yet.
                "PENDING" | UNKNOWN => {}
                "FAILED" => return Err(explained(Step::Scheduler, &format!("Cluster {name} failed to start"))),
                state => return Err(ended(name, state)),
            }
            if since.elapsed() > patience {
                return Err(late("the scheduler does not run", patience, "the gateway has not seen it run yet").into());
            }
            tokio::time::sleep(PAUSE).await;
        }
        let since = Instant::now();
        loop {
            let Err(why) = self.workers(name).await? else { return Ok(()) };
            if since.elapsed() > ROUTE {
                return Err(Error::user("the scheduler runs, and cannot be reached through the gateway's address")
                    .because(why)
                    .hint("Traefik's log tells of its route: kubectl logs -l app.kubernetes.io/component=traefik")
                    .hint("does a NetworkPolicy keep Traefik from the schedulers?")
                    .into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks for so many workers, and waits until the scheduler has them.
    pub(super) async fn scale(
        &self,
        (name, workers): (&str, u32),
        patience: Duration,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), Failure> {
        let step = if workers == 0 { Step::ScaleDown } else { Step::Workers };
        let path = format!("/api/v1/clusters/{name}/scale");
        let answer = self.call(Method::POST, &path, Some(json!({"count": workers}))).await?;
        let scaled = checked(&answer, 200, "scale a Dask cluster")?;
        if scaled["ok"] != true {
            return Err(explained(step, scaled["msg"].as_str().unwrap_or("it does not say why")));
        }
        let since = Instant::now();
        let mut last = String::new();
        loop {
            let now = match self.workers(name).await? {
                Ok(count) if count == u64::from(workers) => return Ok(()),
                Ok(count) => format!("{count} of {workers}"),
                Err(why) => why,
            };
            if since.elapsed() > patience {
                let why = format!("{now} workers after {} seconds", patience.as_secs());
                return Err(explained(step, &why));
            }
            if now != last {
                tell(&now);
                last = now;
            }
            // What has ended does not come back.
            let state = self.state(name).await?;
            if state != "RUNNING" {
                return Err(ended(name, &state));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Stops all clusters of our user and waits until they are gone: how many there were. One that was just asked
    /// for may be `hidden` yet.
    pub(super) async fn stop_all(&self, hidden: bool) -> Result<usize> {
        let since = Instant::now();
        let mut stopped = std::collections::BTreeSet::new();
        loop {
            let answer = self.call(Method::GET, PRESENT, None).await?;
            let list = checked(&answer, 200, "list Dask clusters")?;
            let present: Vec<(&String, &Value)> = list.as_object().into_iter().flatten().collect();
            if present.is_empty() && (!hidden || !stopped.is_empty() || since.elapsed() > SHOWS) {
                return Ok(stopped.len());
            }
            if since.elapsed() > STOP {
                return Err(Error::user(format!("Dask clusters of {USER} do not stop")).because(format!(
                    "after {} seconds there are still {}",
                    STOP.as_secs(),
                    present.len()
                )));
            }
            for (name, cluster) in present {
                stopped.insert(name.clone());
                if cluster["status"] != "STOPPING" {
                    let answer = self.call(Method::DELETE, &format!("/api/v1/clusters/{name}"), None).await?;
                    // It may be gone since it was listed.
                    if answer.status != 404 {
                        checked(&answer, 204, "stop a Dask cluster")?;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What the gateway says of a cluster.
    async fn state(&self, name: &str) -> Result<String> {
        let answer = self.call(Method::GET, &format!("/api/v1/clusters/{name}"), None).await?;
        if answer.status == 404 {
            return Ok(UNKNOWN.to_owned());
        }
        let cluster = checked(&answer, 200, "look at a Dask cluster")?;
        Ok(cluster["status"].as_str().unwrap_or(UNKNOWN).to_owned())
    }

    /// How many workers a scheduler has; or why it does not tell.
    async fn workers(&self, name: &str) -> Result<Result<u64, String>> {
        let path = format!("{}/clusters/{name}/json/counts.json", self.prefix);
        let answer = self.door.ask(Ask::get(&path)).await?;
        let count = answer.json()["workers"].as_u64();
        Ok(count.filter(|_| answer.status == 200).ok_or_else(|| format!("HTTP {} from {path}", answer.status)))
    }

    fn to(&self, method: Method, path: &str) -> Ask {
        Ask::new(method, format!("{}{path}", self.prefix))
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer> {
        let ask = self.to(method, path).basic(USER, self.password)?;
        self.door.ask(if let Some(body) = body { ask.json(&body) } else { ask }).await
    }
}

/// It becomes a part of paths.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
}

fn ended(name: &str, state: &str) -> Failure {
    let error = Error::user(format!("the Dask cluster {name} has ended: {state}"))
        .because("its scheduler was taken away, or somebody stopped it: all who know the password can")
        .hint(format!("another test stops what it finds of {USER}: one at a time"));
    error.into()
}

fn late(what: &str, patience: Duration, why: &str) -> Error {
    Error::user(format!("{what} after {} seconds", patience.as_secs()))
        .because(why)
        .hint("are the nodes full? dask.scheduler in the site file asks for its size")
        .hint("longer, if images must be pulled or nodes added: --timeout")
}

/// The document of an answer, if its status is this.
fn checked(answer: &Answer, good: u16, doing: &str) -> Result<Value> {
    if answer.status == good {
        return Ok(answer.json());
    }
    Err(Error::user(format!("Dask Gateway refuses to {doing}")).because(format!(
        "HTTP {}: {}",
        answer.status,
        said(answer)
    )))
}

fn said(answer: &Answer) -> String {
    answer.json()["error"].as_str().map_or_else(|| words(answer), str::to_owned)
}
