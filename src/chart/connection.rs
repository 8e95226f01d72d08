//! How a hub reaches the database that a chart provides.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::release::ReleaseSpec;
use crate::context::{DatabaseEndpoint, DatabaseKind};
use crate::problem::Problem;
use crate::settings::Database;
use crate::yaml::Document;

/// PostgreSQL's own port.
const PORT: u16 = 5432;

/// How a hub reaches the database that a chart provides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Connection {
    /// What it is to the hub: `postgres`, a server; or `sqlite`, a file on a volume of the hub's own.
    pub kind: DatabaseKind,
    /// The Service of the server; `{release}` stands for the release's name. Unset: the setting
    /// `database.host` names it, because somebody else runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port. Unset: 5432, or the setting `database.port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Labels of its pods, for the hub's network policy; `{release}` as in `host`. None: any address.
    pub pod_labels: BTreeMap<String, String>,
}

impl Connection {
    /// Whether somebody else runs the server, so that the settings say where it is.
    pub fn is_elsewhere(&self) -> bool {
        self.kind == DatabaseKind::Postgres && self.host.is_none()
    }

    /// Where the database of this release is.
    pub fn endpoint(&self, release: &str, settings: &Database) -> DatabaseEndpoint {
        if self.kind == DatabaseKind::Sqlite {
            return DatabaseEndpoint::file();
        }
        let named = |text: &String| text.replace("{release}", release);
        let given = settings.port.filter(|_| self.is_elsewhere());
        DatabaseEndpoint {
            kind: self.kind,
            host: self.host.as_ref().map(named).or_else(|| settings.host.clone()),
            port: Some(self.port.or(given).unwrap_or(PORT)),
            pod_labels: self.pod_labels.iter().map(|(key, value)| (key.clone(), named(value))).collect(),
        }
    }
}

/// What is wrong with it.
pub(super) fn problems(spec: &ReleaseSpec, document: &Document) -> Vec<Problem> {
    let at = |pointer: &str, message: &str, fix: &str| {
        Problem::error(&document.file, document.place(pointer), message.to_owned()).fix(fix)
    };
    let provides = spec.provides.as_deref() == Some("database");
    let mut problems = Vec::new();
    match &spec.connection {
        None if provides => problems.push(at(
            "/provides",
            "`provides: database` without `connection`: no hub would know how to reach it",
            "say it, e.g. connection: {host: \"{release}\", podLabels: {…}}",
        )),
        Some(_) if !provides => problems.push(at(
            "/connection",
            "`connection` is for a chart that provides a database",
            "add `provides: database`, or take it out",
        )),
        Some(Connection { kind: DatabaseKind::Sqlite, host, port, pod_labels })
            if host.is_some() || port.is_some() || !pod_labels.is_empty() =>
        {
            problems.push(at("/connection", "a file has no host, port or pods", "leave `kind: sqlite` alone in it"));
        }
        _ => {}
    }
    if !spec.makes_release() {
        let more = [
            ("/needs", !spec.needs.is_empty()),
            ("/secrets", !spec.secrets.is_empty()),
            ("/releaseName", spec.release_name.is_some()),
            ("/publicService", spec.public_service.is_some()),
        ];
        let of_no_use = more.into_iter().filter(|(_, given)| *given);
        problems.extend(of_no_use.map(|(pointer, _)| {
            let message = format!("`{}` is of no use: without `source`, nothing is installed", &pointer[1..]);
            at(pointer, &message, "take it out, or give a source")
        }));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_where_the_chart_says_or_where_the_site_file_does() {
        let labels = [("app".to_owned(), "{release}".to_owned())].into();
        let ours = Connection { host: Some("{release}-rw".into()), pod_labels: labels, ..Connection::default() };
        let elsewhere = Database { host: Some("db.example.org".into()), port: Some(6432), ..Database::default() };
        let endpoint = ours.endpoint("hub-db", &elsewhere);
        assert_eq!((endpoint.host.as_deref(), endpoint.port), (Some("hub-db-rw"), Some(5432)));
        assert_eq!(endpoint.pod_labels["app"], "hub-db");
        let endpoint = Connection::default().endpoint("x", &elsewhere);
        assert_eq!((endpoint.host.as_deref(), endpoint.port), (Some("db.example.org"), Some(6432)));
        assert_eq!(Connection::default().endpoint("x", &Database::default()).port, Some(5432));
        let file = Connection { kind: DatabaseKind::Sqlite, ..Connection::default() };
        assert_eq!(file.endpoint("x", &elsewhere), DatabaseEndpoint::file());
    }
}
