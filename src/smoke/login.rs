//! The login form, as a person uses it: a door that is closed to people shows nowhere else.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, Method};

use super::USER;
use super::hub::{Passed, plain};
use crate::error::{Error, Result};
use crate::redact::Secret;
use crate::web::{Ask, Door, form};

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Secret,
}

/// The cookies of a browser; each may be what lets one in.
#[derive(Default)]
struct Cookies(Vec<(String, Secret)>);

/// Logs in, and as our own user out again.
pub(super) async fn log_in(door: &Door, visitor: &Visitor) -> Passed<()> {
    let mut cookies = Cookies::default();
    let page = door.ask(Ask::get("/hub/login")).await?;
    if page.status != 200 {
        return Err(Error::user("there is no login form")
            .because(format!("HTTP {} from /hub/login", page.status))
            .hint("the hub may log in by another service than the site file says: helm iris plan")
            .into());
    }
    cookies.take(&page.headers);
    let token = cookies.get("_xsrf").map(Secret::expose).unwrap_or_default();
    let fields = [("username", visitor.name.as_str()), ("password", visitor.password.expose()), ("_xsrf", token)];
    let ask = cookies.sent(Ask::new(Method::POST, "/hub/login?next=%2Fhub%2Fhome"))?.form(&form(&fields));
    let answer = door.ask(ask).await?;
    if answer.status != 302 {
        return Err(refused(visitor, answer.status, &answer.text()).into());
    }
    cookies.take(&answer.headers);
    let home = door.ask(cookies.sent(Ask::get("/hub/home"))?).await?;
    if visitor.name == USER {
        // Whatever comes of it: nothing that can be tried depends on it. Not for a person whose name we
        // use: on some hubs it stops their servers.
        let _ = door.ask(cookies.sent(Ask::get("/hub/logout"))?).await;
    }
    if home.status == 200 {
        return Ok(((), format!("as {}, by the form", visitor.name)));
    }
    Err(Error::user(format!("{} logs in, and is not let in", visitor.name))
        .because(format!("HTTP {} from /hub/home, with the cookies of the login", home.status))
        .hint("cookies may be lost on the way: does a proxy in front of the hub change its address?")
        .into())
}

fn refused(visitor: &Visitor, status: u16, page: &str) -> Error {
    let said = page.split("login_error").nth(1).and_then(|rest| rest.split_once('>'));
    let said = said.map_or_else(String::new, |(_, rest)| plain(rest.split('<').next().unwrap_or_default()));
    let said = if said.is_empty() { plain(page) } else { said };
    Error::user(format!("{} cannot log in", visitor.name))
        .because(format!("HTTP {status}: {said}"))
        .because("the hub says this of a wrong password, and also of a name that it does not let in")
        .hint("who may log in: login.allowAll or login.allowedUsers in the site file, then helm iris install")
        .hint("whether the hub has the ledger's password: helm iris plan shows what differs")
}

impl Cookies {
    fn take(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some((name, value)) = header.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            self.0.retain(|(known, _)| known != name.trim());
            self.0.push((name.trim().to_owned(), Secret::new(value.trim_matches('"').to_owned())));
        }
    }

    fn get(&self, name: &str) -> Option<&Secret> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn sent(&self, ask: Ask) -> Result<Ask> {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
        ask.secret_header(COOKIE, &pairs.join("; "))
    }
}
