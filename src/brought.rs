//! `{secret: NAME}` where a value belongs: a secret that a person brings, named and never written.

use serde_json::Value;

use crate::bundle::manifest::SecretEntry;
use crate::library::require_name;
use crate::overlay;
use crate::redact::speaks_of_secrets;
use crate::secrets::SecretKind;
use crate::yaml::{Pointer, pointer_to_path};

/// The only key of a reference.
const KEY: &str = "secret";

/// One place that names a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The secret's name.
    pub name: String,
    /// JSON pointer of the place in the chart's values.
    pub pointer: String,
}

impl Reference {
    /// The value path that it fills.
    pub fn path(&self) -> String {
        pointer_to_path(&self.pointer)
    }
}

/// Takes all references out of a value; a map that is left empty by that goes too.
pub fn take(value: &mut Value) -> Vec<Reference> {
    let mut found = Vec::new();
    walk(value, &mut Pointer::default(), &mut found);
    for reference in &found {
        remove(value, &reference.pointer);
    }
    found
}

fn walk(value: &Value, at: &mut Pointer, found: &mut Vec<Reference>) {
    match value {
        Value::Object(map) => match map.get(KEY).filter(|_| map.len() == 1) {
            Some(Value::String(name)) => {
                found.push(Reference { name: name.clone(), pointer: at.text().to_owned() });
            }
            _ => map.iter().for_each(|(key, item)| at.within(key, |at| walk(item, at, found))),
        },
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                at.within(&index.to_string(), |at| walk(item, at, found));
            }
        }
        _ => {}
    }
}

/// Removes what a pointer names from the maps that it leads through; lists stay as they are.
fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    let Some(map) = value.pointer_mut(parent).and_then(Value::as_object_mut) else { return };
    map.shift_remove(&key);
    if map.is_empty() && !parent.is_empty() {
        remove(value, parent);
    }
}

/// A map that is nearly a reference, and would go to the chart as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Almost {
    /// JSON pointer of the map.
    pub pointer: String,
    /// What makes it none.
    pub why: String,
    /// The secret that may be meant.
    pub name: Option<String>,
    /// Whether it can be nothing else: a chart's own maps may have a key `secret` too, such as `tls: {secret: NAME,
    /// hosts: […]}`. A number there is no name of anything, and what is called a password or a token is one value.
    pub certain: bool,
}

/// The maps in what is left of a value that are nearly references.
pub fn almost(value: &Value) -> Vec<Almost> {
    let mut found = Vec::new();
    look("", value, &mut Pointer::default(), &mut found);
    found
}

fn look(key: &str, value: &Value, at: &mut Pointer, found: &mut Vec<Almost>) {
    match value {
        Value::Object(map) => {
            let others: Vec<&str> = map.keys().map(String::as_str).filter(|key| *key != KEY).collect();
            let path = pointer_to_path(at.text());
            let almost = |why: String, name: Option<&String>, certain| Almost {
                pointer: at.text().to_owned(),
                why,
                name: name.cloned(),
                certain,
            };
            match map.get(KEY) {
                // The number is not shown: it may be the secret itself.
                Some(Value::Number(_)) if others.is_empty() => {
                    found.push(almost(format!("`{path}` names its secret by a number"), None, true));
                }
                Some(Value::String(name)) if !others.is_empty() => {
                    let why = format!("`{path}` has `secret` and other keys ({})", others.join(", "));
                    found.push(almost(why, Some(name), speaks_of_secrets(key)));
                }
                _ => {}
            }
            map.iter().for_each(|(key, item)| at.within(key, |at| look(key, item, at, found)));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                at.within(&index.to_string(), |at| look("", item, at, found));
            }
        }
        _ => {}
    }
}

/// The value with a text in the place of each reference.
pub fn as_texts(mut value: Value, references: &[Reference]) -> Value {
    for reference in references {
        if let Some(place) = value.pointer_mut(&reference.pointer) {
            *place = Value::String(String::new());
        }
    }
    value
}

/// What is wrong with the name or the place of a reference, and what to do about it.
pub fn wrong_place(reference: &Reference, values: &Value) -> Option<(String, &'static str)> {
    let path = reference.path();
    if require_name("secret", &reference.name).is_err() {
        let why = format!("`{}` cannot be the name of a secret", reference.name);
        return Some((why, "a name has the letters a-z, digits and -"));
    }
    let in_list = (1..reference.pointer.len())
        .filter(|at| reference.pointer.as_bytes()[*at] == b'/')
        .any(|at| values.pointer(&reference.pointer[..at]).is_some_and(Value::is_array));
    if in_list {
        let why = format!("`{path}` is inside a list, and Helm merges lists whole: no secret can be filled in there");
        return Some((why, "use the chart's map form of this value, or a Kubernetes Secret of your own"));
    }
    let readable = overlay::parse_path(&path).is_some_and(|steps| overlay::get(values, &steps).is_some());
    (!readable).then(|| {
        (format!("`{path}` has a key that no value path can name"), "use a key of letters, digits, `-`, `_` and `/`")
    })
}

/// Adds what is referred to to a manifest's secrets.
pub fn add<'r>(secrets: &mut Vec<SecretEntry>, chart: &str, references: impl IntoIterator<Item = &'r Reference>) {
    for reference in references {
        let place = format!("{chart}:{}", reference.path());
        match secrets.iter_mut().find(|secret| secret.name == reference.name) {
            Some(secret) => secret.fills.push(place),
            None => secrets.push(SecretEntry {
                name: reference.name.clone(),
                kind: SecretKind::Text,
                purpose: format!("brought by a person, for {}", reference.path()),
                fills: vec![place],
                ..SecretEntry::default()
            }),
        }
    }
    secrets.sort_by(|one, other| one.name.cmp(&other.name));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_taken_out_and_nothing_else() {
        let mut value = json!({
            "hub": {"config": {"GitHub": {"client_id": "id", "client_secret": {"secret": "github"}}, "B": {"c/d": {"secret": "x"}}}},
            "volumes": [{"name": "v", "secret": {"secretName": "s"}}, {"secret": {"name": "p"}}],
            "tls": {"secret": "s", "more": 1},
        });
        let found = take(&mut value);
        let paths: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.path())).collect();
        assert_eq!(paths, [("github", "hub.config.GitHub.client_secret".to_owned()), ("x", "hub.config.B.c/d".into())]);
        assert_eq!(value["hub"], json!({"config": {"GitHub": {"client_id": "id"}}}));
        assert_eq!(value["volumes"][1], json!({"secret": {"name": "p"}}));
        assert_eq!(value["tls"], json!({"secret": "s", "more": 1}));
    }

    #[test]
    fn what_is_nearly_a_reference_is_told_from_a_charts_own_maps() {
        let value = json!({
            "hub": {"config": {"GitHub": {"client_secret": {"secret": "github", "extra": 1}, "id": {"secret": 5}}}},
            "volumes": [{"name": "v", "secret": {"secretName": "s"}}, {"secret": {"name": "p"}}],
            "tls": {"secret": "own", "hosts": []},
            "features": {"secret": true}, "none": {"secret": null}, "fine": {"secret": "a"},
        });
        let found: Vec<_> = almost(&value).into_iter().map(|one| (one.pointer, one.name, one.certain)).collect();
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(
            found,
            [
                ("/hub/config/GitHub/client_secret".into(), name("github"), true),
                ("/hub/config/GitHub/id".into(), None, true),
                ("/tls".to_owned(), name("own"), false),
            ]
        );
        assert!(!almost(&value)[1].why.contains('5'), "it may be the secret itself");
    }

    #[test]
    fn places_where_helm_could_not_fill_it_in_are_told() {
        for (value, word) in [
            (json!({"env": [{"name": "X", "value": {"secret": "x"}}]}), "inside a list"),
            (json!({"annotations": {"a.b/c": {"secret": "x"}}}), "no value path"),
        ] {
            let before = value.clone();
            let found = take(&mut value.clone());
            let (why, _) = wrong_place(&found[0], &before).unwrap();
            assert!(why.contains(word), "{why}");
        }
        let value = json!({"a": {"b": {"secret": "x"}}});
        assert_eq!(wrong_place(&take(&mut value.clone())[0], &value), None);
    }

    #[test]
    fn what_is_referred_to_is_needed() {
        let mut secrets = vec![SecretEntry { name: "b".into(), fills: vec!["c:x".into()], ..SecretEntry::default() }];
        let reference = |name: &str| Reference { name: name.into(), pointer: "/hub/p".into() };
        add(&mut secrets, "c", &[reference("b"), reference("a"), reference("a")]);
        let told: Vec<_> = secrets.iter().map(|one| (one.name.as_str(), one.fills.join(" "))).collect();
        assert_eq!(told, [("a", "c:hub.p c:hub.p".to_owned()), ("b", "c:x c:hub.p".into())]);
        assert_eq!(secrets[0].kind, SecretKind::Text);
    }
}
