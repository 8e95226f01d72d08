//! The hub's API, as far as a test needs it. Everything goes through the proxy, as users do.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use super::USER;
use super::gateway::version;
use super::step::{Failure, Step};
use crate::error::{Error, Result};
use crate::redact::Secret;
use crate::text::one_line;
use crate::web::{Answer, Ask, Door};

/// Longer than a hub or a gateway takes to say that it is there; one that hangs is told soon.
pub(super) const PROMPT: Duration = Duration::from_secs(10);
/// What may pass by itself: a hub that has just started is not known to its proxy yet.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Where the hub passes Dask Gateway on.
const GATEWAY: &str = "/services/dask-gateway";

/// The hub, and who we are there.
pub(super) struct Hub<'h> {
    pub(super) door: &'h Door,
    pub(super) token: &'h Secret,
}

/// What a step gives: a value for the next ones, and what is told.
pub(super) type Passed<T> = Result<(T, String), Failure>;

impl Hub<'_> {
    /// A request as our service.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer> {
        let ask = Ask::new(method, path).token("token", self.token)?;
        self.door.ask(if let Some(body) = body { ask.json(&body) } else { ask }).await
    }

    /// Whether the hub answers through its proxy.
    pub(super) async fn reach(&self) -> Passed<()> {
        let since = Instant::now();
        loop {
            let answer = self.door.ask(Ask::get("/hub/api").within(PROMPT)).await;
            let passing = answer.as_ref().is_ok_and(|answer| matches!(answer.status, 404 | 502 | 503));
            if !passing || since.elapsed() > PATIENCE {
                return reached(answer, self.door.label());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether the hub takes our token, and for what we need.
    pub(super) async fn token(&self) -> Passed<()> {
        let ask = Ask::get("/hub/api/user").token("token", self.token)?.within(PROMPT);
        let answer = self.door.ask(ask).await?;
        if matches!(answer.status, 401 | 403) {
            return Err(Error::user("the hub does not take the token of its service helm-iris")
                .because("the ledger's test-token is not the hub's, or the hub has no such service")
                .hint("what is installed may be older than this program, or by other secrets: helm iris plan")
                .into());
        }
        let who = check_status(&answer, &[200], "say who we are")?.json();
        let has = |scope: &str| who["scopes"].as_array().is_some_and(|all| all.iter().any(|one| one == scope));
        let wanted = ["admin:users", "servers", "access:servers"].map(|scope| format!("{scope}!user={USER}"));
        let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|scope| !has(scope)).collect();
        if missing.is_empty() {
            let name = who["name"].as_str().unwrap_or("?");
            return Ok(((), format!("service {name}, which may manage {USER} alone")));
        }
        Err(Error::user("the hub's service helm-iris may not do what a test needs")
            .because(format!("it lacks the scope {}", missing.join(", ")))
            .hint("hub.loadRoles.helm-iris-test in the hub's values says them: helm iris plan shows what differs")
            .into())
    }

    /// Whether Dask Gateway answers at the hub's address.
    pub(super) async fn gateway(&self) -> Passed<()> {
        let health = self.door.ask(Ask::get(format!("{GATEWAY}/api/health")).within(PROMPT)).await?;
        let failed = match health.status {
            200 => {
                return Ok(((), version(self.door, GATEWAY).await?));
            }
            // The proxy leaves to the hub what it does not know, and the hub leads to its own pages.
            301..=308 | 404 => Error::user(format!("the hub does not know Dask Gateway: nothing is at {GATEWAY}"))
                .because("the hub has no service dask-gateway with a URL, or the gateway has another prefix")
                .hint(
                    "hub.services.dask-gateway and gateway.prefix are in the values: helm iris plan shows what differs",
                ),
            502..=504 => Error::user("Dask Gateway does not answer behind the hub")
                .because(format!("HTTP {} from {GATEWAY}/api/health", health.status))
                .hint("do its pods run? kubectl get pods -l app.kubernetes.io/name=dask-gateway --all-namespaces"),
            status => Error::user(format!("Dask Gateway is not healthy: HTTP {status}")).because(words(&health)),
        };
        Err(failed.into())
    }

    /// Makes our user; true where it was there already.
    pub(super) async fn make_user(&self) -> Passed<bool> {
        let answer = self.call(Method::POST, &user_path(), None).await?;
        if answer.status == 409 {
            return Ok((true, format!("{USER}, left by an earlier test")));
        }
        check_status(&answer, &[200, 201], "make a user").map_err(|error| Failure::of(Step::Token, error))?;
        Ok((false, USER.to_owned()))
    }

    /// Our user as the hub knows it; none where there is none.
    pub(super) async fn user(&self) -> Result<Option<Value>> {
        let answer = self.call(Method::GET, &user_path(), None).await?;
        match answer.status {
            404 => Ok(None),
            _ => Ok(Some(check_status(&answer, &[200], "look at our user")?.json())),
        }
    }

    /// Stops our user's server and waits until it is gone.
    pub(super) async fn stop_server(&self, patience: Duration) -> Result<()> {
        let since = Instant::now();
        loop {
            let Some(user) = self.user().await? else { return Ok(()) };
            let pending = user["pending"].as_str();
            if pending.is_none() && user["servers"].as_object().is_none_or(serde_json::Map::is_empty) {
                return Ok(());
            }
            if since.elapsed() > patience {
                let what = pending.unwrap_or("running");
                return Err(Error::user(format!("the server of {USER} does not stop"))
                    .because(format!("after {} seconds it is still {what}", patience.as_secs())));
            }
            if pending != Some("stop") {
                // While it starts the hub refuses, and is asked again.
                self.call(Method::DELETE, &format!("{}/server", user_path()), None).await?;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Deletes our user.
    pub(super) async fn delete_user(&self) -> Result<()> {
        let answer = self.call(Method::DELETE, &user_path(), None).await?;
        check_status(&answer, &[204, 404], "delete our user").map(drop)
    }

    /// Asks for our user's server.
    pub(super) async fn start_server(&self) -> Result<()> {
        let options = json!({});
        let answer = self.call(Method::POST, &format!("{}/server", user_path()), Some(options)).await?;
        match answer.status {
            // The reason of a failed start is in the progress.
            201 | 202 | 500 => Ok(()),
            400 if answer.text().contains("already") => Ok(()),
            _ => check_status(&answer, &[], "start a server").map(drop),
        }
    }
}

/// The path of our user in the API.
pub(super) fn user_path() -> String {
    format!("/hub/api/users/{USER}")
}

fn reached(answer: Result<Answer>, label: &str) -> Passed<()> {
    let answer = answer.map_err(|error| {
        if error.hints.is_empty() {
            error.hint("is the hub's proxy running, and does its address lead there? helm iris plan, kubectl get pods,services")
                .hint("if only the hub hangs: kubectl logs deploy/hub")
        } else {
            error
        }
    })?;
    let version = answer.json()["version"].as_str().map(str::to_owned);
    if let (200, Some(version)) = (answer.status, version) {
        return Ok(((), format!("JupyterHub {version} at {label}")));
    }
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
    let failed = match (answer.status, location) {
        (301..=308, Some(location)) => {
            Error::user(format!("{label} leads elsewhere: {}", one_line(location, usize::MAX)))
                .hint("give the address itself: --url https://…")
        }
        (404, _) => Error::user("the proxy answers, and knows no hub")
            .because(format!("HTTP 404 from {label}/hub/api"))
            .hint("does the hub run? kubectl get pods -l component=hub; kubectl logs deploy/hub"),
        (502..=504, _) => Error::user("the proxy answers, and the hub behind it does not")
            .because(format!("HTTP {} from {label}/hub/api", answer.status))
            .hint("does the hub run? kubectl get pods -l component=hub; kubectl logs deploy/hub"),
        (status, _) => {
            Error::user(format!("{label} is no JupyterHub")).because(format!("HTTP {status} from its /hub/api"))
        }
    };
    Err(failed.into())
}

/// The answer, if its status is one of these.
pub(super) fn check_status<'a>(answer: &'a Answer, good: &[u16], doing: &str) -> Result<&'a Answer> {
    if good.contains(&answer.status) {
        return Ok(answer);
    }
    Err(Error::user(format!("the hub refuses to {doing}")).because(format!(
        "HTTP {}: {}",
        answer.status,
        words(answer)
    )))
}

/// What an answer says, in a line: the message of JSON, or a page without its markup.
pub(super) fn words(answer: &Answer) -> String {
    match answer.json()["message"].as_str() {
        Some(message) => one_line(message, usize::MAX),
        None => plain(&answer.text()),
    }
}

/// A text of somebody else in a line; a page of HTML without its markup.
pub(super) fn plain(text: &str) -> String {
    let Some(start) = text.find("<!DOCTYPE").or_else(|| text.find("<html")) else { return one_line(text, usize::MAX) };
    let body = text[start..].find("<h1").map_or(start, |at| start + at);
    let mut out = text[..start].to_owned();
    let mut inside = false;
    for c in text[body..].chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    one_line(&out, usize::MAX)
}
