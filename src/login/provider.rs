//! What is known of login services: `providers.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::settings::{OAuth, Provider};

/// The claim in which OpenID Connect has the name by which people want to be called.
const USERNAME_CLAIM: &str = "preferred_username";
/// What OpenID Connect wants to be asked for that claim.
const SCOPES: [&str; 2] = ["openid", "profile"];

static KNOWN: LazyLock<BTreeMap<Provider, Known>> =
    LazyLock::new(|| serde_yaml::from_str(include_str!("providers.yaml")).unwrap_or_default());

/// A login service.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    name: String,
    issuer: Option<String>,
    authorize: String,
    token: String,
    userdata: String,
    scopes: Vec<String>,
    username_claim: String,
    groups_claim: String,
}

/// Whether the settings must say where the service is.
pub fn needs_issuer(provider: Provider) -> bool {
    KNOWN.get(&provider).is_none_or(|known| known.issuer.is_none())
}

/// The settings with what is known of the service in the place of what they do not say.
pub(super) fn filled(given: &OAuth) -> OAuth {
    let known = given.provider.and_then(|provider| KNOWN.get(&provider));
    let issuer = given.issuer.as_ref().or_else(|| known?.issuer.as_ref());
    let url = |given: &Option<String>, path: fn(&Known) -> &String| {
        let derived = || Some(format!("{}{}", issuer?.trim_end_matches('/'), path(known?)));
        given.clone().or_else(derived)
    };
    let claim =
        |given: &Option<String>, claim: fn(&Known) -> &String| given.clone().or_else(|| known.map(claim).cloned());
    let scopes = || known.map_or_else(|| SCOPES.map(str::to_owned).to_vec(), |known| known.scopes.clone());
    OAuth {
        provider: given.provider,
        issuer: issuer.cloned(),
        name: claim(&given.name, |known| &known.name).or_else(|| Some("the login service".to_owned())),
        authorize_url: url(&given.authorize_url, |known| &known.authorize),
        token_url: url(&given.token_url, |known| &known.token),
        userdata_url: url(&given.userdata_url, |known| &known.userdata),
        username_claim: claim(&given.username_claim, |known| &known.username_claim)
            .or_else(|| Some(USERNAME_CLAIM.to_owned())),
        groups_claim: claim(&given.groups_claim, |known| &known.groups_claim).or_else(|| Some("groups".to_owned())),
        scopes: if given.scopes.is_empty() { scopes() } else { given.scopes.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_of_the_settings_is_known() {
        let schema = crate::schema::of::<Provider>().to_string();
        let names: Vec<String> = KNOWN.keys().map(|name| serde_json::to_string(name).unwrap()).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert!(names.iter().all(|name| schema.contains(name)), "{schema}");
        assert_eq!(schema.matches("\"const\"").count(), names.len(), "{schema}");
    }

    #[test]
    fn addresses_are_made_of_the_issuer_and_what_is_given_stays() {
        let egi = filled(&OAuth { provider: Some(Provider::EgiCheckIn), ..OAuth::default() });
        let url = egi.authorize_url.unwrap();
        assert_eq!(url, "https://aai.egi.eu/auth/realms/egi/protocol/openid-connect/auth");
        let own = OAuth {
            provider: Some(Provider::IndigoIam),
            issuer: Some("https://iam.example.org/".into()),
            token_url: Some("https://other.example.org/token".into()),
            scopes: vec!["openid".into()],
            ..OAuth::default()
        };
        let own = filled(&own);
        assert_eq!(own.authorize_url.unwrap(), "https://iam.example.org/authorize");
        assert_eq!(own.token_url.unwrap(), "https://other.example.org/token");
        assert_eq!((own.scopes, own.groups_claim.unwrap()), (vec!["openid".to_owned()], "groups".to_owned()));
        let unknown = filled(&OAuth::default());
        assert_eq!((unknown.authorize_url, unknown.scopes.len()), (None, 2));
        assert!(needs_issuer(Provider::Keycloak) && !needs_issuer(Provider::IrisIam));
    }
}
