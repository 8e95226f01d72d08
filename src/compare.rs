//! Values as the cluster has them against values as they shall be, shown without secrets.

use serde::Serialize;
use serde_json::Value;

use crate::helm::Scrub;
use crate::redact::{speaks_of_secrets, without_url_passwords};
use crate::text::shortened;
use crate::yaml::{inline, pointer_join, pointer_to_path};

/// Longer values say too little for their length.
const MAX_SHOWN: usize = 60;

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ValueChange {
    /// Its path, e.g. `jupyterhub.singleuser.memory.limit`.
    pub path: String,
    /// How it differs.
    #[serde(flatten)]
    pub change: Change,
}

impl ValueChange {
    /// One of which nothing is told but its path and who has it.
    pub fn hidden(path: String, have: Option<&Value>, want: Option<&Value>) -> Self {
        Self { path, change: Change::Hidden { how: how(have, want) } }
    }

    /// Tells nothing any more but its path and who has it.
    pub fn hide(&mut self) {
        let how = match &self.change {
            Change::Added { .. } => How::Added,
            Change::Removed { .. } => How::Removed,
            Change::Changed { .. } => How::Changed,
            Change::Hidden { .. } | Change::InUse => return,
        };
        self.change = Change::Hidden { how };
    }
}

/// How a value differs; texts are YAML on one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// Only the bundle has it.
    Added {
        /// The new value.
        to: String,
    },
    /// Only the cluster has it.
    Removed {
        /// The old value.
        from: String,
    },
    /// Both have it.
    Changed {
        /// The old value.
        from: String,
        /// The new value.
        to: String,
    },
    /// It is a secret, or could be one.
    Hidden {
        /// Who has it.
        how: How,
    },
    /// It is a secret that the hub has already, without its values saying so.
    InUse,
}

/// How a value differs that is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Only the bundle has it.
    Added,
    /// Only the cluster has it.
    Removed,
    /// Both have it.
    Changed,
}

/// What tells a secret.
#[derive(Clone)]
pub struct Secrecy<'s> {
    /// Value paths that our secrets fill.
    pub paths: Vec<String>,
    /// Those of them whose secret the hub uses already.
    pub in_use: Vec<String>,
    /// Our secrets, wherever they stand.
    pub scrub: &'s Scrub,
}

/// Every path at which the cluster's values differ from the bundle's, in order.
pub fn differences(have: &Value, want: &Value, secrecy: &Secrecy<'_>) -> Vec<ValueChange> {
    let mut found = Vec::new();
    compare("", Some(have), Some(want), secrecy, &mut found);
    found.sort();
    found
}

/// Whether Helm has the values that a bundle says.
pub fn same_values(have: &Value, want: &Value) -> bool {
    let secrecy = Secrecy { paths: Vec::new(), in_use: Vec::new(), scrub: &Scrub::default() };
    differences(have, want, &secrecy).is_empty()
}

fn compare(
    pointer: &str,
    have: Option<&Value>,
    want: Option<&Value>,
    secrecy: &Secrecy<'_>,
    found: &mut Vec<ValueChange>,
) {
    match (have, want) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                compare(&pointer_join(pointer, key), old.get(key), new.get(key), secrecy, found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                compare(&pointer_join(pointer, &index.to_string()), Some(old), Some(new), secrecy, found);
            }
        }
        (Some(old), Some(new)) if same_scalar(old, new) => {}
        (None, None) => {}
        (None, Some(Value::Object(new))) if secrecy.lies_within(&pointer_to_path(pointer)) => {
            for (key, value) in new {
                compare(&pointer_join(pointer, key), None, Some(value), secrecy, found);
            }
        }
        (None, Some(_)) if secrecy.is_in_use(&pointer_to_path(pointer)) => {
            found.push(ValueChange { path: pointer_to_path(pointer), change: Change::InUse });
        }
        _ => {
            found.push(secrecy.told(pointer_to_path(pointer), have, want));
        }
    }
}

/// Numbers are compared by value: Helm's JSON writes `1.0` as `1`.
pub fn same_scalar(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Number(old), Value::Number(new)) => old == new || old.as_f64() == new.as_f64(),
        _ => old == new,
    }
}

fn how(have: Option<&Value>, want: Option<&Value>) -> How {
    match (have, want) {
        (None, _) => How::Added,
        (_, None) => How::Removed,
        _ => How::Changed,
    }
}

fn shown(have: Option<&Value>, want: Option<&Value>) -> Change {
    match (have, want) {
        (None, Some(to)) => Change::Added { to: shortened(&inline(to), MAX_SHOWN) },
        (Some(from), None) => Change::Removed { from: shortened(&inline(from), MAX_SHOWN) },
        (Some(Value::String(from)), Some(Value::String(to))) if from.contains('\n') && to.contains('\n') => {
            let (from, to) = lines_that_differ(from, to);
            Change::Changed { from, to }
        }
        (Some(from), Some(to)) => {
            Change::Changed { from: shortened(&inline(from), MAX_SHOWN), to: shortened(&inline(to), MAX_SHOWN) }
        }
        (None, None) => Change::Hidden { how: How::Changed },
    }
}

/// The first line in which two texts differ, of each: the texts begin alike, more often than not.
fn lines_that_differ(from: &str, to: &str) -> (String, String) {
    let (mut old, mut new) = (from.split('\n'), to.split('\n'));
    let told = |number: usize, line: Option<&str>| match line {
        Some(line) => shortened(&format!("line {number}: {}", inline(&Value::from(line.trim()))), MAX_SHOWN),
        None => format!("line {number}: (none)"),
    };
    let mut number = 0;
    loop {
        number += 1;
        match (old.next(), new.next()) {
            (one, two) if one != two => return (told(number, one), told(number, two)),
            (None, None) => return (told(number, None), told(number, None)),
            _ => {}
        }
    }
}

/// Whether a value path is another one or leads on from it.
fn is_below(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether a path is the value of a variable of which only the place in a list is known: `env[3].value`.
fn is_nameless_variable(path: &str) -> bool {
    let place = path.strip_suffix("].value").and_then(|path| path.rsplit_once('['));
    place.is_some_and(|(list, at)| list.to_lowercase().ends_with("env") && at.bytes().all(|byte| byte.is_ascii_digit()))
}

impl<'s> Secrecy<'s> {
    /// Where no value paths are known, as in manifests: names and our secrets' values tell.
    pub fn of(scrub: &'s Scrub) -> Self {
        Self { paths: Vec::new(), in_use: Vec::new(), scrub }
    }

    /// What may be told of a value that differs.
    pub fn told(&self, path: String, have: Option<&Value>, want: Option<&Value>) -> ValueChange {
        let hidden = self.hides(&path, have) || self.hides(&path, want);
        if hidden { ValueChange::hidden(path, have, want) } else { ValueChange { path, change: shown(have, want) } }
    }

    /// Whether a secret is filled in somewhere within a path.
    fn lies_within(&self, path: &str) -> bool {
        self.paths.iter().any(|secret| path.is_empty() || is_below(secret, path))
    }

    /// Whether what is at a path is a secret that the hub uses already, and nothing else: a list with
    /// it in it counts, since lists are filled whole.
    fn is_in_use(&self, path: &str) -> bool {
        self.in_use.iter().any(|secret| is_below(secret, path))
            && self.paths.iter().filter(|secret| is_below(secret, path)).all(|secret| self.in_use.contains(secret))
    }

    /// Rather hides too much: the values in the cluster may be of a hub made by hand, with secrets
    /// of which we know nothing.
    fn hides(&self, path: &str, value: Option<&Value>) -> bool {
        let Some(value) = value else { return false };
        let covered = |secret: &String| is_below(path, secret) || is_below(secret, path);
        self.paths.iter().any(covered)
            || speaks_of_secrets(path)
            || is_nameless_variable(path)
            || self.holds_secret(value)
    }

    fn holds_secret(&self, value: &Value) -> bool {
        match value {
            Value::Object(map) => map.iter().any(|(key, value)| speaks_of_secrets(key) || self.holds_secret(value)),
            Value::Array(list) => list.iter().any(|value| self.holds_secret(value)),
            // Also an address with a password in it, and code that sets one.
            Value::String(text) => {
                *text != without_url_passwords(text) || self.scrub.finds(text) || speaks_of_secrets(text)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(have: &Value, want: &Value) -> Vec<String> {
        let scrub = Scrub::default();
        let secrecy = Secrecy { paths: vec!["hub.db.url[0]".into()], in_use: Vec::new(), scrub: &scrub };
        differences(have, want, &secrecy).into_iter().map(|one| format!("{} {:?}", one.path, one.change)).collect()
    }

    #[test]
    fn variables_that_hold_a_secret_are_not_shown() {
        let hidden = |from: Value, to: Value| {
            let found = run(&json!({ "extraEnv": from }), &json!({ "extraEnv": to }));
            assert!(!found.is_empty() && !found.join("").contains("hunter"), "{found:?}");
        };
        hidden(json!([]), json!([{"name": "DB_PASSWORD", "value": "hunter2"}]));
        hidden(json!([{"name": "A", "value": "hunter1"}]), json!([{"name": "A", "value": "hunter2"}]));
        hidden(json!("x"), json!("host=db password=hunter2"));
        hidden(json!(["--a"]), json!(["--client-secret=hunter2"]));
        let shown = run(&json!({"args": ["--a=1"]}), &json!({"args": ["--a=2"]}));
        assert!(shown.join("").contains("--a=2"), "{shown:?}");
    }

    #[test]
    fn equal_values_in_other_notations_are_equal() {
        let have = json!({"a": 1, "b": {"c": [1, null, {"d": 2.5}], "e": null}, "f": 1e25});
        let want = json!({"b": {"e": null, "c": [1.0, null, {"d": 2.5}]}, "a": 1.0, "f": 1e25});
        assert_eq!(run(&have, &want), Vec::<String>::new());
    }

    #[test]
    fn what_differs_is_shown() {
        let have = json!({"a": 1, "b": {"old": "x"}, "l": [1, 2], "n": null, "t": "1"});
        let want = json!({"a": 2, "b": {"new": true}, "l": [1, 2, 3], "t": 1});
        assert_eq!(
            run(&have, &want),
            [
                r#"a Changed { from: "1", to: "2" }"#,
                r#"b.new Added { to: "true" }"#,
                r#"b.old Removed { from: "\"x\"" }"#,
                r#"l Changed { from: "[1, 2]", to: "[1, 2, 3]" }"#,
                r#"n Removed { from: "null" }"#,
                r#"t Changed { from: "\"1\"", to: "1" }"#,
            ]
        );
        let long = "x".repeat(100);
        assert!(run(&json!({}), &json!({"a": long}))[0].len() < 100);
    }

    #[test]
    fn what_the_hub_uses_already_is_no_change_of_a_secret() {
        let scrub = Scrub::default();
        let paths = ["hub.cookie", "hub.keys[0]", "hub.services.a.token"].map(str::to_owned).to_vec();
        let secrecy = Secrecy { in_use: paths[..2].to_vec(), paths, scrub: &scrub };
        let want = json!({"hub": {"cookie": "c", "keys": ["k"], "size": 1, "services": {"a": {"token": "t"}}}});
        let told = |have: &Value| -> Vec<String> {
            let changes = differences(have, &want, &secrecy);
            changes.into_iter().map(|one| format!("{} {:?}", one.path, one.change)).collect()
        };
        let first = told(&json!({}));
        let size = "hub.size Added { to: \"1\" }";
        assert_eq!(first, ["hub.cookie InUse", "hub.keys InUse", "hub.services.a.token Hidden { how: Added }", size]);
        let other = told(&json!({"hub": {"cookie": "x", "size": 1, "services": {"a": {"token": "t"}}}}));
        assert_eq!(other, ["hub.cookie Hidden { how: Changed }", "hub.keys InUse"], "another value is a change");
    }

    #[test]
    fn json_says_how_a_secret_differs() {
        let scrub = Scrub::default();
        let secrecy = Secrecy { paths: Vec::new(), in_use: Vec::new(), scrub: &scrub };
        let changes = differences(&json!({}), &json!({"token": "hunter2"}), &secrecy);
        let json = serde_json::to_value(&changes).unwrap();
        assert_eq!(json, json!([{"path": "token", "change": "hidden", "how": "added"}]));
    }

    #[test]
    fn secrets_are_never_shown() {
        let cases = [
            (json!({"hub": {"db": {"url": ["a"]}}}), json!({"hub": {"db": {"url": ["b"]}}}), "Changed"),
            (json!({"hub": {"db": "hunter2"}}), json!({"hub": {"db": null}}), "Changed"),
            (json!({"x": {"apiToken": "hunter2"}}), json!({}), "Removed"),
            (json!({"x": {"apiToken": "hunter2"}}), json!({"x": {}}), "Removed"),
            (json!({"x": {}}), json!({"x": {"apiToken": "hunter2"}}), "Added"),
            (json!({"x": {"GitHub": {"client_secret": "hunter2"}}}), json!({"x": 1}), "Changed"),
            (json!({"u": "postgres://me:hunter2@host/db"}), json!({"u": "postgres://host/db"}), "Changed"),
            (json!({"code": "c.X.client_secret =\n 'hunter2'"}), json!({"code": "pass"}), "Changed"),
        ];
        for (have, want, how) in cases {
            let found = run(&have, &want);
            assert_eq!(found.len(), 1);
            assert!(found[0].ends_with(&format!("Hidden {{ how: {how} }}")), "{found:?}");
        }
    }
}
