//! How people prove who they are: what the settings say and what is known of login services, put together; and
//! what rendered values say of it. Pure.

mod provider;
mod rendered;

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

pub use provider::needs_issuer;
pub use rendered::{HUB_ROOTS, Rendered, hub_part};

use crate::settings::{Authenticator, IdentityProvider, Login, OAuth, ServiceType, Settings};

/// Where JupyterHub takes people who come back from a login service (oauthenticator, `get_handlers`).
pub const CALLBACK_PATH: &str = "/hub/oauth_callback";

/// What templates see of the login.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginContext {
    /// How people prove who they are; the name that JupyterHub has for it.
    pub authenticator: Authenticator,
    /// Whether everyone who can authenticate may log in.
    pub allow_all: bool,
    /// Who may.
    pub allowed_users: Vec<String>,
    /// Who may manage the hub.
    pub admin_users: Vec<String>,
    /// What the login service knows the hub by.
    pub client_id: Option<String>,
    /// Where the login service sends people back; null: the address is not known yet.
    pub callback_url: Option<String>,
    /// GitHub: whose members may log in.
    pub allowed_organizations: Vec<String>,
    /// Whose members may log in.
    pub allowed_groups: Vec<String>,
    /// Whose members may manage the hub.
    pub admin_groups: Vec<String>,
    /// CILogon: where people may have their accounts.
    pub identity_providers: Vec<IdentityProvider>,
    /// The login service, with all that is known of it.
    pub oauth: OAuth,
}

impl LoginContext {
    /// What settings come to.
    pub fn new(settings: &Settings) -> Self {
        let login = settings.login.clone();
        Self {
            authenticator: login.authenticator,
            allow_all: allows_all(&login),
            callback_url: callback_url(settings).filter(|_| is_elsewhere(&login)),
            oauth: provider::filled(&login.oauth),
            allowed_users: login.allowed_users,
            admin_users: login.admin_users,
            client_id: login.client_id,
            allowed_organizations: login.allowed_organizations,
            allowed_groups: login.allowed_groups,
            admin_groups: login.admin_groups,
            identity_providers: login.identity_providers,
        }
    }

    /// The login service, as people call it; none where the hub itself asks for a password.
    pub fn service(&self) -> Option<&str> {
        match self.authenticator {
            Authenticator::SharedPassword => None,
            Authenticator::Github => Some("GitHub"),
            Authenticator::Cilogon => Some("CILogon"),
            Authenticator::GenericOauth => self.oauth.name.as_deref(),
        }
    }
}

/// Whether people log in at a service of others.
pub fn is_elsewhere(login: &Login) -> bool {
    login.authenticator != Authenticator::SharedPassword
}

/// Whether everyone who can authenticate may log in. A password is given to people on purpose; an account
/// somewhere is not.
pub fn allows_all(login: &Login) -> bool {
    login.allow_all.unwrap_or(!is_elsewhere(login) && login.allowed_users.is_empty())
}

/// Where the login service sends people back, as far as the hub's address is known.
pub fn callback_url(settings: &Settings) -> Option<String> {
    if let Some(host) = &settings.https.host {
        return Some(format!("https://{host}{CALLBACK_PATH}"));
    }
    let balancer = &settings.load_balancer;
    let address = balancer.address.as_ref().filter(|_| balancer.service_type == ServiceType::LoadBalancer)?;
    let host = match address.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => address.clone(),
    };
    Some(format!("http://{host}{CALLBACK_PATH}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn context(settings: Value) -> LoginContext {
        LoginContext::new(&serde_json::from_value(settings).unwrap())
    }

    #[test]
    fn everybody_is_let_in_only_by_a_shared_password_or_on_request() {
        let all = |login: Value| context(json!({"login": login})).allow_all;
        assert!(all(json!({})));
        assert!(all(json!({"adminUsers": ["ada"]})));
        assert!(!all(json!({"allowedUsers": ["ada"]})));
        assert!(all(json!({"allowedUsers": ["ada"], "allowAll": true})));
        assert!(!all(json!({"authenticator": "github"})));
        assert!(all(json!({"authenticator": "github", "allowAll": true})));
    }

    #[test]
    fn the_callback_is_where_the_hub_is() {
        let url = |more: Value| {
            let mut settings = json!({"login": {"authenticator": "github"}});
            crate::overlay::merge(&mut settings, &more);
            context(settings).callback_url
        };
        let https = json!({"https": {"host": "hub.example.org"}, "loadBalancer": {"address": "192.0.2.7"}});
        assert_eq!(url(https).as_deref(), Some("https://hub.example.org/hub/oauth_callback"));
        let address = json!({"loadBalancer": {"address": "192.0.2.7"}});
        assert_eq!(url(address).as_deref(), Some("http://192.0.2.7/hub/oauth_callback"));
        let six = json!({"loadBalancer": {"address": "2001:db8::7"}});
        assert_eq!(url(six).as_deref(), Some("http://[2001:db8::7]/hub/oauth_callback"));
        assert_eq!(url(json!({"loadBalancer": {"address": "192.0.2.7", "serviceType": "NodePort"}})), None);
        assert_eq!(url(json!({"login": {"authenticator": "shared-password"}, "https": {"host": "a.b"}})), None);
    }
}
