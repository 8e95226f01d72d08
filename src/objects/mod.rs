//! Kubernetes objects as manifests say them, and where two of them differ.

mod difference;
mod list;
mod scalar;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use difference::{Difference, Mode, Step, differences, path_of, says_nothing};
pub use list::key_of;
pub use scalar::is_less;

use crate::error::{Error, Result};
use crate::kube::is_built_in;
use crate::redact::Secret;

/// Which object it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    /// E.g. `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, where that is not its release's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Group and version, e.g. `apps/v1`.
    pub api_version: String,
}

impl ObjectId {
    /// The group of its API; empty for the oldest.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Whether its kind is one of Kubernetes itself, whose lists and quantities are known.
    pub fn is_built_in(&self) -> bool {
        is_built_in(self.group())
    }

    /// Whether both are one object, of whichever version, as Helm sees it.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.group(), &self.kind, &self.name, &self.namespace)
            == (other.group(), &other.kind, &other.name, &other.namespace)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, " in {namespace}"))
    }
}

/// An object as a manifest says it. It may hold secrets, so it cannot be printed.
#[derive(Clone)]
pub struct Object {
    /// Which it is.
    pub id: ObjectId,
    /// All of it; the content of a Secret in base64.
    pub value: Value,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    metadata: HeadMetadata,
}

#[derive(Deserialize)]
struct HeadMetadata {
    name: String,
    namespace: Option<String>,
}

/// The objects of a release's manifest, in its order.
///
/// # Errors
/// When it is not what Helm writes.
pub fn parse(manifest: &Secret, release: &str, namespace: &str) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    for document in documents(manifest.expose()) {
        // The parser's message could quote a value of an environment variable.
        let broken = |_| {
            Error::user(format!("the objects of the release `{release}` cannot be read"))
                .because("an object of it is not YAML")
                .hint(format!("try: helm get manifest {release} -n {namespace}"))
        };
        let value: Value = serde_yaml::from_str(document).map_err(broken)?;
        objects.extend(unlisted(value).into_iter().filter_map(|value| object(value, namespace)));
    }
    Ok(objects)
}

/// The documents of a manifest, each with its last line end: a text may end with it.
pub fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        // Helm puts `---` on a line of its own before each.
        if line.trim_end() == "---" {
            documents.push(&text[start..at]);
            start = at + line.len();
        }
        at += line.len();
    }
    documents.push(&text[start..]);
    documents
}

/// An object by itself, or those of a list.
pub fn unlisted(mut value: Value) -> Vec<Value> {
    let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match value.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => items.into_iter().flat_map(unlisted).collect(),
        Some(items) => {
            value["items"] = items;
            vec![value]
        }
        None => vec![value],
    }
}

/// An object as a manifest says it. What is none (a template that rendered to nothing) is left out.
fn object(value: Value, namespace: &str) -> Option<Object> {
    let Head { api_version, kind, metadata } = Head::deserialize(&value).ok()?;
    let elsewhere = metadata.namespace.filter(|other| other != namespace && !other.is_empty());
    let id = ObjectId { kind, name: metadata.name, namespace: elsewhere, api_version };
    let value = if id.kind == "Secret" && id.api_version == "v1" { with_data(value) } else { value };
    Some(Object { id, value })
}

/// A Secret with its text as data, as the API server keeps it.
fn with_data(mut secret: Value) -> Value {
    let Some(map) = secret.as_object_mut() else { return secret };
    let text = map.remove("stringData");
    let mut data = match map.remove("data") {
        Some(Value::Object(data)) => data,
        _ => Map::new(),
    };
    for value in data.values_mut() {
        if let Value::String(base64) = value {
            base64.retain(|c| !c.is_whitespace());
        }
    }
    for (key, value) in text.as_ref().and_then(Value::as_object).into_iter().flatten() {
        data.insert(key.clone(), Value::String(STANDARD.encode(value.as_str().unwrap_or_default())));
    }
    map.insert("data".to_owned(), Value::Object(data));
    secret
}

#[cfg(test)]
mod tests;
