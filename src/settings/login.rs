//! Who may log in, and how that is kept from others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::form;

/// Who may log in.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Login {
    /// How people prove who they are.
    pub authenticator: Authenticator,
    /// Whether everyone who can authenticate may log in. Unset: with a shared password, if no user is named.
    pub allow_all: Option<bool>,
    /// The users who may log in, where `allowAll` is not true.
    pub allowed_users: Vec<String>,
    /// The users who may manage the hub.
    pub admin_users: Vec<String>,
    /// What the login service knows this hub by. The client's secret: `helm iris secrets set login-client-secret`.
    pub client_id: Option<String>,
    /// `github`: organizations whose members may log in; `ORGANIZATION:TEAM` for a team.
    pub allowed_organizations: Vec<String>,
    /// `generic-oauth`: groups whose members may log in.
    pub allowed_groups: Vec<String>,
    /// `generic-oauth`: groups whose members may log in and manage the hub.
    pub admin_groups: Vec<String>,
    /// `cilogon`: where people may have their accounts; the first is offered first.
    pub identity_providers: Vec<IdentityProvider>,
    /// `generic-oauth`: the login service.
    #[serde(rename = "oauth")]
    pub oauth: OAuth,
}

/// How people prove who they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Authenticator {
    /// Any user name with one generated password, kept in the ledger.
    #[default]
    SharedPassword,
    /// An account at github.com.
    Github,
    /// An account of a university or institute, through CILogon.
    Cilogon,
    /// An account at a service that speaks OAuth 2 or OpenID Connect: EGI Check-in, IRIS IAM, and others.
    GenericOauth,
}

/// A place where people have accounts that CILogon knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IdentityProvider {
    /// Its entity id, one of <https://cilogon.org/idplist>.
    pub entity_id: String,
    /// The claim that is the user's name here, e.g. `eppn` or `email`.
    pub username_claim: String,
    /// Take this domain off the name: `ada@example.org` is `ada`.
    pub strip_domain: Option<String>,
    /// Put this and a colon before the name, so that names of two places stay apart.
    pub prefix: Option<String>,
    /// Whether everyone of this place may log in.
    pub allow_all: Option<bool>,
    /// Whoever has a name of one of these domains may log in; `*` stands for anything.
    pub allowed_domains: Vec<String>,
}

/// A login service that speaks OAuth 2 or OpenID Connect.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OAuth {
    /// A service that is known here; it fills in what is not given below.
    pub provider: Option<Provider>,
    /// The service's address; of `keycloak` with the realm, e.g. `https://sso.example.org/realms/lab`.
    pub issuer: Option<String>,
    /// What people call it; it stands on the button.
    pub name: Option<String>,
    /// Where people are sent to log in.
    pub authorize_url: Option<String>,
    /// Where the hub asks whether they did.
    pub token_url: Option<String>,
    /// Where the hub asks who they are.
    pub userdata_url: Option<String>,
    /// The claim that is the user's name here. Unset: `preferred_username`.
    pub username_claim: Option<String>,
    /// The claim with the user's groups. Unset: `groups`.
    pub groups_claim: Option<String>,
    /// What the hub asks to be told. Unset: `openid` and `profile`.
    pub scopes: Vec<String>,
}

/// A login service that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// EGI Check-in, <https://aai.egi.eu>.
    EgiCheckIn,
    /// IRIS IAM, <https://iris-iam.stfc.ac.uk>.
    IrisIam,
    /// Another INDIGO IAM; `issuer` says where.
    IndigoIam,
    /// A Keycloak; `issuer` says where.
    Keycloak,
}

/// Encrypted access: by Let's Encrypt, or with a certificate of your own.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Https {
    /// The name under which users reach the hub; it must resolve to the hub's address.
    pub host: Option<String>,
    /// For a certificate of Let's Encrypt: where it writes when one is about to expire.
    pub contact_email: Option<String>,
    /// For a certificate of your own: the TLS Secret in the hub's namespace that holds it.
    #[serde(deserialize_with = "form::dns_name")]
    #[schemars(transform = form::DNS_NAME.in_schema())]
    pub secret_name: Option<String>,
    /// For a certificate of your own: it is in the ledger (`secrets set https-certificate`, `https-key`).
    pub own_certificate: Option<bool>,
}
