//! Where a hub keeps its state, by its values.

use serde_json::Value;

use crate::login::HUB_ROOTS;

/// What the jupyterhub chart does where nothing is said.
pub(super) const DEFAULT_TYPE: &str = "sqlite-pvc";

/// The database of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HubDatabase {
    /// The chart's word for its kind, e.g. `postgres` or `sqlite-pvc`.
    pub kind: String,
    /// Host and name, where it is a server's.
    pub at: Option<(String, String)>,
}

impl HubDatabase {
    /// What values with the hub's at `root` come to.
    pub(super) fn at(values: &Value, root: &str) -> Self {
        let kind = text(values, root, "type").unwrap_or_else(|| DEFAULT_TYPE.to_owned());
        let url = text(values, root, "url").filter(|_| !kind.starts_with("sqlite"));
        Self { at: url.as_deref().and_then(database_of), kind }
    }

    /// As [`Self::at`]; none where the values say nothing of it there.
    pub(super) fn said(values: &Value, root: &str) -> Option<Self> {
        text(values, root, "type").map(|_| Self::at(values, root))
    }

    /// That of the hub that runs with these values.
    pub(super) fn of(values: &Value) -> Self {
        let said = HUB_ROOTS.iter().find_map(|root| Self::said(values, root));
        said.unwrap_or_else(|| Self { kind: DEFAULT_TYPE.to_owned(), at: None })
    }

    pub(super) fn shown(&self) -> String {
        let place = |(host, name): &(String, String)| format!("{}, database {name} at {host}", self.kind);
        self.at.as_ref().map_or_else(|| self.kind.clone(), place)
    }
}

fn text(values: &Value, root: &str, key: &str) -> Option<String> {
    values.pointer(&format!("{root}/hub/db/{key}")).and_then(Value::as_str).map(str::to_owned)
}

/// Host and name of the database of a URL, without user and port.
fn database_of(url: &str) -> Option<(String, String)> {
    let (_, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next()?.split([':', '.']).next()?;
    Some((host.to_owned(), path.split('?').next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_compared_without_users_and_ports() {
        let ours = database_of("postgresql+psycopg2://jhub@postgresql:5432/jhub");
        assert_eq!(database_of("postgres://jhub:p%40w@postgresql.dhub.svc/jhub?sslmode=require"), ours);
        assert_ne!(database_of("postgres://jhub@elsewhere/jhub"), ours);
        assert_ne!(database_of("postgres://jhub@postgresql/other"), ours);
    }
}
