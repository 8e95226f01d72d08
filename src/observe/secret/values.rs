//! Values as YAML inside a Secret: the jupyterhub chart keeps all of its own there.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::overlay;

/// The key under which the jupyterhub chart keeps its values.
const VALUES: &str = "values.yaml";

/// The Secret that wins over the one with this data, where the hub's values name one.
pub(super) fn existing_secret(data: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    let values: Value = serde_yaml::from_slice(data.get(VALUES)?).ok()?;
    let name = values.pointer("/hub/existingSecret")?.as_str()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The text at a path of documents that are laid over each other; of a URL the password alone.
pub(super) fn at(path: &str, documents: impl Iterator<Item = String>, url: bool) -> Option<String> {
    let mut values = Value::Null;
    for document in documents {
        // A document that is none says nothing.
        if let Ok(document) = serde_yaml::from_str::<Value>(&document) {
            overlay::merge(&mut values, &document);
        }
    }
    let text = overlay::get(&values, &overlay::parse_path(path)?)?.as_str()?;
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
    fn later_documents_win() {
        let documents = ["a: {b: one, c: kept}", "a: {b: two}", "{{ no yaml"].map(str::to_owned);
        assert_eq!(at("a.b", documents.clone().into_iter(), false).as_deref(), Some("two"));
        assert_eq!(at("a.c", documents.clone().into_iter(), false).as_deref(), Some("kept"));
        assert_eq!(at("a", documents.into_iter(), false), None, "no text");
    }
}
