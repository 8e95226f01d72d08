//! Where the hub keeps its state: settings of its database.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Image, form};

/// Where the hub keeps its state.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Database {
    /// The chart that provides the database: `postgresql`, `bitnami`, `cloudnative-pg`, `external` or `sqlite`.
    pub engine: Option<String>,
    /// For `external`: the server's name or IP address.
    #[serde(deserialize_with = "form::host")]
    #[schemars(transform = form::HOST.in_schema())]
    pub host: Option<String>,
    /// For `external`: its port. Unset: 5432.
    pub port: Option<u16>,
    /// For `external`: whether the connection is encrypted.
    pub tls: DatabaseTls,
    /// For `external`: a role that may make the hub's role and database; bring its password by `helm iris secrets
    /// set database-admin-password`. Unset: they are there already, and are only looked at.
    #[serde(deserialize_with = "form::role")]
    #[schemars(transform = form::ROLE.in_schema())]
    pub admin_user: Option<String>,
    /// Name of the database.
    #[serde(deserialize_with = "form::sql_name")]
    #[schemars(transform = form::SQL_NAME.in_schema())]
    pub name: Option<String>,
    /// The role that owns the database.
    #[serde(deserialize_with = "form::sql_name")]
    #[schemars(transform = form::SQL_NAME.in_schema())]
    pub user: Option<String>,
    /// Size of its volume.
    #[serde(deserialize_with = "form::size")]
    #[schemars(transform = form::SIZE.in_schema())]
    pub size: Option<String>,
    /// The database server's image.
    pub image: Image,
    /// Dumps of it, into a volume of their own. The engine `postgresql` alone makes them.
    pub backup: Backup,
}

/// Dumps of the database, made again and again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Backup {
    /// When, as cron says it, in UTC, e.g. `15 2 * * *` for every night. Unset: never.
    #[serde(deserialize_with = "form::schedule")]
    #[schemars(transform = form::SCHEDULE.in_schema())]
    pub schedule: Option<String>,
    /// How many are kept; the oldest go.
    #[schemars(range(min = 1))]
    pub keep: Option<NonZeroU32>,
    /// Size of the volume that they are in.
    #[serde(deserialize_with = "form::size")]
    #[schemars(transform = form::SIZE.in_schema())]
    pub size: Option<String>,
}

/// Whether a hub's connection to its database is encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DatabaseTls {
    /// Unset: where the server can.
    pub mode: Option<TlsMode>,
    /// For `verify-full`: the certificate of the authority that signed the server's, as PEM text.
    pub ca: Option<String>,
}

/// As libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Never.
    Disable,
    /// Always, with whoever answers.
    Require,
    /// Always, and only with the server of that name, by its certificate.
    VerifyFull,
}
