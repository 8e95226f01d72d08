//! What the values of a hub's chart say of its login.

use serde_json::Value;

/// Where the hub's chart has its values: at the top, or under its name in an umbrella.
pub const HUB_ROOTS: [&str; 2] = ["", "/jupyterhub"];
/// The authenticators that ask for a password in the hub's own form.
const FORMS: [&str; 2] = ["shared-password", "dummy"];

/// The part of a release's values that the hub's chart gets; none where it has no hub.
pub fn hub_part(values: &Value) -> Option<&Value> {
    let parts = HUB_ROOTS.iter().filter_map(|part| values.pointer(part));
    parts.into_iter().find(|part| part.get("hub").is_some_and(Value::is_object))
}

/// The login of a hub, by the values of its chart.
#[derive(Debug, Clone, Copy)]
pub struct Rendered<'v>(pub &'v Value);

impl<'v> Rendered<'v> {
    fn text(self, path: &str) -> Option<&'v str> {
        self.0.pointer(path).and_then(Value::as_str)
    }

    /// The authenticator, by the name that JupyterHub has for it.
    pub fn authenticator(self) -> &'v str {
        self.text("/hub/config/JupyterHub/authenticator_class").unwrap_or("dummy")
    }

    /// Whether people type a password into the hub's own form.
    pub fn asks_for_password(self) -> bool {
        FORMS.contains(&self.authenticator())
    }

    /// The login service's name for people, where it is known here.
    pub fn service(self) -> Option<&'v str> {
        match self.authenticator() {
            "github" => Some("GitHub"),
            "cilogon" => Some("CILogon"),
            "generic-oauth" => self.text("/hub/config/GenericOAuthenticator/login_service"),
            _ => None,
        }
    }

    /// Where the login service sends people back, if the values say it.
    pub fn callback_url(self) -> Option<&'v str> {
        self.text("/hub/config/OAuthenticator/oauth_callback_url")
    }

    /// The name under which people reach the hub by https; none where it has no https.
    pub fn https_host(self) -> Option<&'v str> {
        self.text("/proxy/https/hosts/0").filter(|_| self.is_encrypted())
    }

    /// That name, where the hub itself, not something before it, answers under it.
    pub fn own_https_host(self) -> Option<&'v str> {
        self.https_host().filter(|_| matches!(self.text("/proxy/https/type"), Some("secret" | "manual")))
    }

    /// Whether what people send is encrypted on its way.
    pub fn is_encrypted(self) -> bool {
        self.0.pointer("/proxy/https/enabled").and_then(Value::as_bool).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_login_is_read_in_either_form_of_values() {
        let hub = json!({"config": {
            "JupyterHub": {"authenticator_class": "generic-oauth"},
            "GenericOAuthenticator": {"login_service": "IRIS IAM"},
            "OAuthenticator": {"oauth_callback_url": "https://h/hub/oauth_callback"},
        }});
        for values in [json!({"hub": hub}), json!({"jupyterhub": {"hub": hub}})] {
            let login = Rendered(hub_part(&values).unwrap());
            assert_eq!((login.service(), login.asks_for_password()), (Some("IRIS IAM"), false));
            assert_eq!(login.callback_url(), Some("https://h/hub/oauth_callback"));
        }
        assert!(hub_part(&json!({"gateway": {}})).is_none());
        assert!(Rendered(&json!({"hub": {}})).asks_for_password(), "the chart's own default");
    }

    #[test]
    fn who_answers_for_https_is_told() {
        let host = |https: Value| {
            let values = json!({"hub": {}, "proxy": {"https": https}});
            Rendered(&values).own_https_host().map(str::to_owned)
        };
        let hosts = json!(["hub.example.org"]);
        let own = json!({"enabled": true, "type": "secret", "hosts": hosts});
        assert_eq!(host(own).as_deref(), Some("hub.example.org"));
        let another = json!({"enabled": true, "type": "letsencrypt", "hosts": hosts});
        assert_eq!(host(another.clone()), None);
        assert_eq!(Rendered(&json!({"proxy": {"https": another}})).https_host(), Some("hub.example.org"));
        assert_eq!(host(json!({"enabled": false, "type": "manual", "hosts": hosts})), None);
        assert_eq!(host(json!({})), None);
    }
}
