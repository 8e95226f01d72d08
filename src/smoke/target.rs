//! What a bundle describes that can be tested; of a hub where it is, who may log in, whether it has Dask. Pure.

use serde_json::Value;

use super::USER;
use super::login::Visitor;
use super::shared::Place;
use super::standalone::GatewayTarget;
use crate::bundle::manifest::{Manifest, ReleaseEntry};
use crate::error::{Error, Result};
use crate::login::Rendered;
use crate::secrets::{Ledger, TEST_TOKEN};

/// Where the hub's chart has the token of our service.
const TOKEN_PATH: &str = "hub.services.helm-iris.apiToken";
/// The authenticator whose form takes a password of the ledger, by its entry point.
const SHARED_PASSWORD: &str = "shared-password";

/// What can be tested.
#[derive(Debug, Clone)]
pub enum Target {
    /// A hub.
    Hub(HubTarget),
    /// A Dask Gateway by itself.
    Gateway(GatewayTarget),
}

/// A hub, as its values say.
#[derive(Debug, Clone)]
pub struct HubTarget {
    /// Its release.
    pub entry: ReleaseEntry,
    /// The hub's chart in it.
    pub hub: Place,
    /// The gateway's chart; none where the hub has no Dask.
    pub gateway: Option<Place>,
    values: Value,
}

impl Target {
    /// The hub of a bundle, or its gateway where it has no hub.
    ///
    /// # Errors
    /// When there is none that can be tested.
    pub fn of(manifest: &Manifest, values: impl Fn(&ReleaseEntry) -> Result<Value>) -> Result<Self> {
        if let Some((entry, part)) = filled(manifest, TEST_TOKEN, TOKEN_PATH) {
            return Ok(Self::Hub(HubTarget::of(entry, part, &values(entry)?)));
        }
        if let Some(found) = GatewayTarget::of(manifest, &values)? {
            return Ok(Self::Gateway(found));
        }
        Err(Error::usage(format!("{} makes nothing that can be tested", manifest.chart))
            .because(format!("none of its charts fills {TOKEN_PATH} with the secret {TEST_TOKEN}"))
            .hint("test the hub whose users it is for: helm iris test daskhub, or jupyterhub"))
    }

    /// Its release.
    pub fn entry(&self) -> &ReleaseEntry {
        match self {
            Self::Hub(hub) => &hub.entry,
            Self::Gateway(gateway) => &gateway.entry,
        }
    }

    /// What people call it.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Hub(_) => "hub",
            Self::Gateway(_) => "Dask Gateway",
        }
    }

    /// The address, where no Service leads to it: it answers for https itself, with a certificate for this name alone.
    pub fn address(&self) -> Option<String> {
        match self {
            Self::Hub(hub) => Rendered(&hub.values).own_https_host().map(|host| format!("https://{host}")),
            Self::Gateway(_) => None,
        }
    }

    /// The Services that lead to it, the best one first.
    pub fn services(&self) -> Vec<String> {
        match self {
            // With https, the public one leads to what answers for http with the address of https alone.
            Self::Hub(hub) => {
                let public = hub.entry.public_service.clone().unwrap_or_else(|| "proxy-public".to_owned());
                vec!["proxy-http".to_owned(), public]
            }
            Self::Gateway(gateway) => vec![gateway.service()],
        }
    }
}

/// The release whose value at this path a secret fills, and the part of the release where the chart's values begin.
pub(super) fn filled<'m>(manifest: &'m Manifest, secret: &str, path: &str) -> Option<(&'m ReleaseEntry, &'m str)> {
    let fills = manifest.secrets.iter().filter(|one| one.name == secret).flat_map(|one| &one.fills);
    fills.filter_map(|fill| fill.split_once(':')).find_map(|(chart, at)| {
        let entry = manifest.releases.iter().find(|entry| entry.chart == chart)?;
        Some((entry, at.strip_suffix(path)?.trim_end_matches('.')))
    })
}

impl HubTarget {
    fn of(entry: &ReleaseEntry, part: &str, all: &Value) -> Self {
        let values = if part.is_empty() { all.clone() } else { all[part].clone() };
        let place = |part: &str| Place {
            namespace: entry.namespace.clone(),
            release: entry.name.clone(),
            part: part.to_owned(),
        };
        let gateway = match (part.is_empty(), gateway_url(&values)) {
            (false, _) => Some(place("dask-gateway")),
            (true, url) => url.and_then(namespace_of).map(|namespace| Place {
                release: namespace.clone(),
                namespace,
                part: String::new(),
            }),
        };
        Self { hub: place(part), gateway, entry: entry.clone(), values }
    }

    /// Who can log in by the form, with a password of the ledger; or why nobody can.
    pub fn visitor(&self, ledger: &Ledger) -> Result<Visitor, String> {
        let config = &self.values["hub"]["config"];
        let login = Rendered(&self.values);
        let class = login.authenticator();
        if class != SHARED_PASSWORD {
            return Err(format!("people log in by {}, which only a person can", login.service().unwrap_or(class)));
        }
        let names = |key: &str| {
            let names = config["Authenticator"][key].as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let (allowed, admins) = (names("allowed_users"), names("admin_users"));
        let everybody = config["Authenticator"]["allow_all"] == true;
        let plain = allowed.into_iter().find(|name| !admins.contains(name)).filter(|_| !everybody);
        let (name, secret) = match (plain, admins.into_iter().next()) {
            (Some(name), _) => (name, "login-password"),
            (None, Some(admin)) if !everybody => (admin, "login-admin-password"),
            // Where nobody is let in, this shows it.
            _ => (USER.to_owned(), "login-password"),
        };
        match ledger.value(secret) {
            Some(password) => Ok(Visitor { name, password: password.clone() }),
            None => Err(format!("the ledger has no {secret}")),
        }
    }
}

fn gateway_url(values: &Value) -> Option<&str> {
    values["hub"]["services"]["dask-gateway"]["url"].as_str()
}

/// `http://SERVICE.NAMESPACE`, with or without a port.
fn namespace_of(url: &str) -> Option<String> {
    let host = url.split("://").nth(1)?.split(['/', ':']).next()?;
    host.split('.').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::redact::Secret;
    use crate::secrets::{Entry, Need, SecretKind, Source};

    #[expect(clippy::needless_pass_by_value, reason = "callers make it on the spot")]
    fn target(config: Value) -> HubTarget {
        let entry = ReleaseEntry { name: "dhub".into(), namespace: "dhub".into(), ..entry() };
        let hub = Place { namespace: "dhub".into(), release: "dhub".into(), part: String::new() };
        HubTarget { entry, hub, gateway: None, values: json!({"hub": {"config": config}}) }
    }

    fn entry() -> ReleaseEntry {
        serde_json::from_value(json!({
            "name": "", "namespace": "", "chart": "", "helmChart": "", "version": "", "archive": "", "sha256": null,
            "scope": "hub", "needs": [], "condition": null, "timeoutSeconds": 1, "publicService": null, "values": [],
            "command": ""
        }))
        .unwrap()
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::create().unwrap();
        for name in ["login-password", "login-admin-password"] {
            let need = Need {
                name: name.into(),
                kind: SecretKind::Hex32,
                purpose: String::new(),
                fills: Vec::new(),
                shared_with: None,
                min_length: None,
                replacing: String::new(),
                prepend: false,
                keeps_previous: false,
            };
            let entry = Entry::new(&need, Source::Generated, Secret::new(format!("of {name}")));
            ledger.entries.insert(name.into(), entry);
        }
        ledger
    }

    #[test]
    fn somebody_logs_in_who_may() {
        let who = |authenticator: Value| {
            let config =
                json!({"JupyterHub": {"authenticator_class": "shared-password"}, "Authenticator": authenticator});
            let visitor = target(config).visitor(&ledger()).unwrap();
            (visitor.name, visitor.password.expose().to_owned())
        };
        let ours = ("helm-iris-test".to_owned(), "of login-password".to_owned());
        assert_eq!(who(json!({"allow_all": true, "admin_users": ["ada"]})), ours);
        assert_eq!(who(json!({"allow_all": false})), ours, "nobody may: this is how it is seen");
        let some = json!({"allow_all": false, "allowed_users": ["ada", "ben"], "admin_users": ["ada"]});
        assert_eq!(who(some), ("ben".into(), "of login-password".into()));
        let admins = json!({"allow_all": false, "allowed_users": ["ada"], "admin_users": ["ada"]});
        assert_eq!(who(admins), ("ada".into(), "of login-admin-password".into()));
        let github = target(json!({"JupyterHub": {"authenticator_class": "github"}})).visitor(&ledger());
        assert!(github.unwrap_err().contains("by GitHub, which only a person can"));
    }

    #[test]
    fn the_gateways_namespace_is_in_its_url() {
        assert_eq!(namespace_of("http://traefik-dask.dask"), Some("dask".into()));
        assert_eq!(namespace_of("http://traefik-dask.dask:8000/x"), Some("dask".into()));
        assert_eq!(namespace_of("http://localhost"), None);
    }
}
