//! Values as YAML inside a Secret: the jupyterhub chart keeps all of its own there.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::overlay;

/// The key under which the jupyterhub chart keeps its values.
pub(super) const KEY: &str = "values.yaml";

/// The Secret that wins over the one with these values, where they name one.
pub(super) fn existing_secret(values: &Value) -> Option<String> {
    let name = values.pointer("/hub/existingSecret")?.as_str()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The database that a hub's values lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Database {
    /// The role.
    pub(super) user: String,
    /// The Service, without its namespace.
    host: String,
}

impl Database {
    /// Whether a Secret of this name is this database's: it has the Service's name, or, for
    /// `CloudNativePG`, both begin with the cluster's (`db-rw`, `db-app`).
    pub(super) fn is_of(&self, secret: &str) -> bool {
        let cluster = secret.strip_suffix("-app").and_then(|cluster| self.host.strip_prefix(cluster));
        secret == self.host || cluster.is_some_and(|rest| matches!(rest, "-rw" | "-ro" | "-r"))
    }
}

/// Reads it from the hub's values, if they name one.
pub(super) fn database(values: &Value) -> Option<Database> {
    let (_, rest) = values.pointer("/hub/db/url")?.as_str()?.split_once("://")?;
    let (user, host) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    let user = percent_decode_str(user.split(':').next()?).decode_utf8().ok()?.into();
    let host = host.split(['.', ':']).next()?.to_owned();
    Some(Database { user, host })
}

/// The text at a path of a document; of a URL the password alone.
pub(super) fn at(path: &str, document: &Value, url: bool) -> Option<String> {
    let text = overlay::get(document, &overlay::parse_path(path)?)?.as_str()?;
    if url { url_password(text) } else { Some(text.to_owned()) }
}

/// The password of `scheme://user:password@host/…`.
pub(super) fn url_password(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (authority, _) = rest.split_once(['/', '?', '#']).unwrap_or((rest, ""));
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    percent_decode_str(password).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn passwords_of_urls() {
        for (url, password) in [
            ("postgresql+psycopg2://jhub:p%40ss%2Fword@postgresql:5432/jhub", Some("p@ss/word")),
            ("postgres://u:a:b@h/d?sslmode=require", Some("a:b")),
            ("postgresql://jhub@postgresql/jhub", None),
            ("sqlite:///jupyterhub.sqlite", None),
            ("sqlite:///with:colon@sign", None),
            ("no url", None),
        ] {
            assert_eq!(url_password(url).as_deref(), password, "{url}");
        }
    }

    #[test]
    fn databases_and_their_secrets() {
        let of = |url: &str| database(&json!({"hub": {"db": {"url": url}}}));
        let bitnami = of("postgresql+psycopg2://jhub:p%40w@jhub-db-postgresql.jhub.svc:5432/jhub").unwrap();
        assert_eq!(bitnami.user, "jhub");
        assert!(bitnami.is_of("jhub-db-postgresql"));
        assert!(!bitnami.is_of("wiki-postgresql") && !bitnami.is_of("jhub-app"));
        let cnpg = of("postgresql://app@db-rw:5432/app").unwrap();
        assert!(cnpg.is_of("db-app") && !cnpg.is_of("d-app") && !cnpg.is_of("thing-app"));
        assert_eq!(of("sqlite:///jupyterhub.sqlite"), None);
        assert_eq!(of("postgresql:///no-host"), None);
    }

    #[test]
    fn texts_of_documents() {
        let document = json!({"a": {"b": "text", "c": {}}});
        assert_eq!(at("a.b", &document, false).as_deref(), Some("text"));
        assert_eq!(at("a.c", &document, false), None, "no text");
    }
}
