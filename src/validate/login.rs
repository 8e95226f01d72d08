//! Whether the people who shall log in can, and nobody else.

use super::settings::At;
use crate::login::{LoginContext, allows_all, callback_url, is_elsewhere, needs_issuer};
use crate::problem::{Problem, Severity};
use crate::settings::{Authenticator, Login, ServiceType, Settings};

use Authenticator::{Cilogon, GenericOauth, Github, SharedPassword};

const CLIENT_ID: &str = "/login/clientId";

/// All problems of `login`.
pub(super) fn check(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let login = &settings.login;
    let mut problems = of_others(login, at);
    match login.authenticator {
        SharedPassword => {}
        Github => problems.extend(organizations(login, at)),
        Cilogon => problems.extend(identity_providers(login, at)),
        GenericOauth => problems.extend(addresses(settings, at)),
    }
    if is_elsewhere(login) && login.client_id.as_deref().is_none_or(str::is_empty) {
        let name = name(login.authenticator);
        let message = format!("`login.authenticator: {name}` needs `login.clientId`");
        problems.push(at("/login/authenticator", message).fix(
            "register the hub at the login service; it gives out an id for login.clientId, and a secret for `helm iris secrets set login-client-secret`",
        ));
    }
    problems.extend(names(login, at));
    problems.extend(nobody(login, at));
    problems.extend(everybody(settings, at));
    problems.extend(plain_http(settings, at));
    problems
}

fn name(authenticator: Authenticator) -> &'static str {
    match authenticator {
        SharedPassword => "shared-password",
        Github => "github",
        Cilogon => "cilogon",
        GenericOauth => "generic-oauth",
    }
}

/// What is said for another way to log in would silently be of no use, and may have been meant to keep people out.
fn of_others(login: &Login, at: At<'_>) -> Vec<Problem> {
    let oauth = serde_json::to_value(&login.oauth).ok() != serde_json::to_value(crate::settings::OAuth::default()).ok();
    let elsewhere: &[Authenticator] = &[Github, Cilogon, GenericOauth];
    let keys = [
        ("clientId", login.client_id.is_some(), elsewhere),
        ("allowedOrganizations", !login.allowed_organizations.is_empty(), &[Github]),
        ("identityProviders", !login.identity_providers.is_empty(), &[Cilogon]),
        ("allowedGroups", !login.allowed_groups.is_empty(), &[GenericOauth]),
        ("adminGroups", !login.admin_groups.is_empty(), &[GenericOauth]),
        ("oauth", oauth, &[GenericOauth]),
    ];
    let wrong = keys.into_iter().filter(|(_, given, of)| *given && !of.contains(&login.authenticator));
    wrong
        .map(|(key, _, of)| {
            let of: Vec<&str> = of.iter().map(|one| name(*one)).collect();
            let message =
                format!("`login.{key}` does nothing with `login.authenticator: {}`", name(login.authenticator));
            at(&format!("/login/{key}"), message)
                .fix(format!("take it out, or set login.authenticator: {}", of.join(", or ")))
        })
        .collect()
}

fn organizations(login: &Login, at: At<'_>) -> Vec<Problem> {
    let is_name = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let is_right = |name: &str| match name.split_once(':') {
        Some((organization, team)) => is_name(organization) && is_name(team),
        None => is_name(name),
    };
    let wrong = login.allowed_organizations.iter().enumerate().filter(|(_, name)| !is_right(name));
    wrong
        .map(|(index, name)| {
            let message = format!("`login.allowedOrganizations`: `{name}` is no organization of GitHub");
            at(&format!("/login/allowedOrganizations/{index}"), message)
                .fix("write the name as in its address, e.g. my-lab; a team of it as my-lab:my-team")
        })
        .collect()
}

fn identity_providers(login: &Login, at: At<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let places = &login.identity_providers;
    if places.is_empty() {
        let message = "`login.authenticator: cilogon` needs `login.identityProviders`".to_owned();
        problems.push(
            at("/login/authenticator", message).fix("name each by its entity id, from https://cilogon.org/idplist"),
        );
    }
    for (index, place) in places.iter().enumerate() {
        let mut say = |key: &str, message: &str, fix: &str| {
            let message = format!("`login.identityProviders`: {message}");
            problems.push(at(&format!("/login/identityProviders/{index}{key}"), message).fix(fix));
        };
        let id = place.entity_id.as_str();
        if !["urn:", "http://", "https://"].iter().any(|scheme| id.starts_with(scheme)) {
            let fix = "take it from https://cilogon.org/idplist, e.g. https://idp.example.org/shibboleth";
            say("/entityId", &format!("`{id}` is no entity id"), fix);
        }
        if places[..index].iter().any(|other| other.entity_id == id) {
            say("/entityId", &format!("`{id}` stands there twice"), "let one of them say all");
        }
        if place.username_claim.is_empty() {
            say("", "one without `usernameClaim`", "say which claim is the user's name, e.g. eppn or email");
        }
        if place.strip_domain.is_some() && place.prefix.is_some() {
            say("/prefix", "`stripDomain` and `prefix` cannot be both", "take one of them out");
        }
    }
    let bare = places.iter().filter(|place| place.prefix.is_none() && place.strip_domain.is_some()).count();
    if bare > 1 {
        let message = "two places without their domains: `ada` of one is `ada` of the other, with her files".to_owned();
        problems
            .push(at("/login/identityProviders", message).fix("give all but one a `prefix` instead of stripDomain"));
    }
    problems
}

fn addresses(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let given = &settings.login.oauth;
    let mut problems = Vec::new();
    if let Some(provider) = given.provider.filter(|provider| needs_issuer(*provider) && given.issuer.is_none()) {
        let provider = serde_json::to_value(provider).unwrap_or_default();
        let message =
            format!("`login.oauth.provider: {}` needs `login.oauth.issuer`", provider.as_str().unwrap_or_default());
        problems.push(
            at("/login/oauth/provider", message)
                .fix("give the address of yours, e.g. https://sso.example.org/realms/lab"),
        );
        return problems;
    }
    let known = LoginContext::new(settings).oauth;
    let urls = [
        ("issuer", &given.issuer, true),
        ("authorizeUrl", &known.authorize_url, given.provider.is_some()),
        ("tokenUrl", &known.token_url, given.provider.is_some()),
        ("userdataUrl", &known.userdata_url, given.provider.is_some()),
    ];
    let missing: Vec<&str> =
        urls.iter().filter(|(_, url, known)| url.is_none() && !known).map(|(key, ..)| *key).collect();
    if !missing.is_empty() {
        let message =
            format!("`login.authenticator: generic-oauth` needs `login.oauth.{}`", missing.join("`, `login.oauth."));
        problems.push(at("/login/oauth", message).fix(
            "give login.oauth.provider, if it is one of those known; else see ISSUER/.well-known/openid-configuration",
        ));
    }
    for (key, url, _) in urls {
        let Some(url) = url.as_deref() else { continue };
        let host = url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if host.is_empty() || host.contains('@') || url.contains(|c: char| c.is_whitespace() || c == '#') {
            let message = format!("`login.oauth.{key}` is no https address");
            problems.push(at(&format!("/login/oauth/{key}"), message).fix("write it as https://sso.example.org/path"));
        }
    }
    problems
}

/// Names that `JupyterHub` takes for none (`Authenticator.validate_username`): with one of them it does not start.
fn names(login: &Login, at: At<'_>) -> Vec<Problem> {
    // Python's `strip` takes these as well.
    let is_blank = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
    let wrong = |name: &String| match name.trim_matches(is_blank) {
        "" => Some(("a name is empty".to_owned(), "take it out".to_owned())),
        bare if name.contains('/') => {
            Some((format!("`{bare}` has a /"), "write the name as the hub has it, e.g. ada".to_owned()))
        }
        bare if bare != name => Some((format!("there are blanks around `{bare}`"), format!("write {bare}"))),
        _ => None,
    };
    let lists = [("allowedUsers", &login.allowed_users), ("adminUsers", &login.admin_users)];
    let of = |(key, list): (&'static str, &Vec<String>)| {
        let found = list.iter().enumerate().filter_map(|(index, name)| Some((index, wrong(name)?)));
        let problem = |(index, (why, fix))| {
            let message = format!("`login.{key}`: {why}, so JupyterHub would not start");
            at(&format!("/login/{key}/{index}"), message).fix(fix)
        };
        found.map(problem).collect::<Vec<_>>()
    };
    lists.into_iter().flat_map(of).collect()
}

/// Since `JupyterHub` 5 nobody may log in who is not allowed by name or by `allow_all`.
fn nobody(login: &Login, at: At<'_>) -> Option<Problem> {
    let place =
        login.identity_providers.iter().any(|place| place.allow_all == Some(true) || !place.allowed_domains.is_empty());
    let lists = [
        &login.allowed_users,
        &login.admin_users,
        &login.allowed_organizations,
        &login.allowed_groups,
        &login.admin_groups,
    ];
    if allows_all(login) || place || lists.into_iter().flatten().any(|name| !name.trim().is_empty()) {
        return None;
    }
    let more = match login.authenticator {
        SharedPassword => "",
        Github => ", or organizations in login.allowedOrganizations",
        Cilogon => ", or set allowedDomains or allowAll of an identity provider",
        GenericOauth => ", or groups in login.allowedGroups",
    };
    let (pointer, why) = match login.allow_all {
        Some(_) => ("/login/allowAll", "`login.allowAll` is false and no user is named"),
        None if login.allowed_users.is_empty() => {
            ("/login/authenticator", "no user is named, and `login.allowAll` is not set")
        }
        None => ("/login/allowedUsers", "no user is named"),
    };
    let problem = at(pointer, format!("nobody could log in: {why}"));
    Some(problem.fix(format!("name them in login.allowedUsers or login.adminUsers{more}")))
}

/// `allow_all` overrides all that would keep somebody out.
fn everybody(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let login = &settings.login;
    if login.allow_all != Some(true) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let warning = |message: String| Problem { severity: Severity::Warning, ..at("/login/allowAll", message) };
    if is_elsewhere(login) {
        let who = match login.authenticator {
            Github => "anyone with a GitHub account".to_owned(),
            Cilogon => "anyone with an account at one of the identity providers".to_owned(),
            _ => format!("anyone with an account at {}", LoginContext::new(settings).service().unwrap_or_default()),
        };
        problems.push(
            warning(format!("{who} may log in, because `login.allowAll` is true"))
                .fix("take it out and say who may: login.allowedUsers"),
        );
    }
    let lists = [
        ("allowedUsers", &login.allowed_users),
        ("allowedOrganizations", &login.allowed_organizations),
        ("allowedGroups", &login.allowed_groups),
    ];
    let useless: Vec<String> =
        lists.iter().filter(|(_, list)| !list.is_empty()).map(|(key, _)| format!("`login.{key}`")).collect();
    if !useless.is_empty() {
        let message = format!("{} keeps nobody out: `login.allowAll` is true", useless.join(" and "));
        problems.push(warning(message).fix("take login.allowAll out"));
    }
    problems
}

/// Login services send people back to https only; GitHub alone takes anything.
fn plain_http(settings: &Settings, at: At<'_>) -> Option<Problem> {
    let local = settings.load_balancer.service_type == ServiceType::ClusterIP;
    let plain = is_elsewhere(&settings.login) && settings.https.host.is_none() && !local;
    plain.then(|| {
        let where_to = callback_url(settings).map_or_else(String::new, |url| format!(" ({url})"));
        let message =
            format!("people come back from the login service over plain http{where_to}: most services refuse that");
        Problem { severity: Severity::Warning, ..at(CLIENT_ID, message) }.fix("set https.host, see docs/login.md")
    })
}
