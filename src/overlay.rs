//! Values laid over values, exactly as Helm does it; and the smallest overlay that makes one
//! document of another.
//!
//! Helm merges several `-f` files map by map, later keys replacing earlier ones, lists whole; a
//! null is kept. Laying the result over the chart's defaults, a null deletes the default
//! (`pkg/cli/values` and `pkg/chartutil/coalesce.go`, Helm 3 and 4).

use serde_json::{Map, Value};

use crate::yaml::{Pointer, pointer_join, pointer_to_path};

/// One step of a value path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// An index of a list.
    Index(usize),
}

/// Reads `hub.config.CryptKeeper.keys[0]`; none if it is no path.
pub fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (key, indexes) = part.split_once('[').map_or((part, None), |(key, rest)| (key, Some(rest)));
        if key.is_empty() || key.chars().any(char::is_whitespace) {
            return None;
        }
        steps.push(Step::Key(key.to_owned()));
        for index in indexes.into_iter().flat_map(|rest| rest.split('[')) {
            steps.push(Step::Index(index.strip_suffix(']')?.parse().ok().filter(|index| *index < 64)?));
        }
    }
    Some(steps)
}

/// The JSON pointer of a path.
pub fn pointer(path: &[Step]) -> String {
    path.iter().fold(String::new(), |pointer, step| match step {
        Step::Key(key) => pointer_join(&pointer, key),
        Step::Index(index) => format!("{pointer}/{index}"),
    })
}

/// Sets a value at a path, making maps and lists on the way.
pub fn set(root: &mut Value, path: &[Step], leaf: Value) {
    let Some((first, rest)) = path.split_first() else {
        *root = leaf;
        return;
    };
    let slot = match first {
        Step::Key(key) => {
            if !root.is_object() {
                *root = Value::Object(Map::new());
            }
            root.as_object_mut().map(|map| map.entry(key.clone()).or_insert(Value::Null))
        }
        Step::Index(index) => {
            if !root.is_array() {
                *root = Value::Array(Vec::new());
            }
            root.as_array_mut().and_then(|list| {
                while list.len() <= *index {
                    list.push(Value::Null);
                }
                list.get_mut(*index)
            })
        }
    };
    if let Some(slot) = slot {
        set(slot, rest, leaf);
    }
}

/// The value at a path.
pub fn get<'v>(root: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(root, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// Lays one value over another: maps are merged, all else is replaced, a null is kept. So Helm
/// merges several `-f` files, and so our layers of settings are merged.
pub fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(key) {
                    Some(slot) => merge(slot, value),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// Lays values over a chart's defaults as Helm does: a null deletes the default.
pub fn coalesce(mut defaults: Value, values: &Value) -> Value {
    lay_over(&mut defaults, values);
    defaults
}

fn lay_over(defaults: &mut Value, values: &Value) {
    let (Value::Object(defaults), Value::Object(values)) = (&mut *defaults, values) else {
        defaults.clone_from(values);
        return;
    };
    for (key, value) in values {
        match (defaults.get_mut(key), value) {
            (Some(_), Value::Null) => {
                defaults.shift_remove(key);
            }
            (Some(default @ Value::Object(_)), Value::Object(_)) => lay_over(default, value),
            (Some(default), _) => default.clone_from(value),
            (None, _) => {
                defaults.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The overlay that makes `wanted` of `base` by [`merge`].
///
/// # Errors
/// The paths that `wanted` lacks and `base` has: no overlay can take a key away so that the
/// chart's default shows again.
pub fn overlay(base: &Value, wanted: &Value) -> Result<Value, Vec<String>> {
    let mut removed = Vec::new();
    let difference = difference(base, wanted, &mut Pointer::default(), &mut removed);
    if removed.is_empty() { Ok(difference.unwrap_or_else(|| Value::Object(Map::new()))) } else { Err(removed) }
}

fn difference(base: &Value, wanted: &Value, at: &mut Pointer, removed: &mut Vec<String>) -> Option<Value> {
    let (Value::Object(base), Value::Object(wanted)) = (base, wanted) else {
        return (base != wanted).then(|| wanted.clone());
    };
    for key in base.keys().filter(|key| !wanted.contains_key(*key)) {
        removed.push(at.within(key, |at| pointer_to_path(at.text())));
    }
    let mut changes = Map::new();
    for (key, value) in wanted {
        let change = match base.get(key) {
            None => Some(value.clone()),
            Some(old) => at.within(key, |at| difference(old, value, at, removed)),
        };
        if let Some(change) = change {
            changes.insert(key.clone(), change);
        }
    }
    // An emptied map cannot be told from an unchanged one by an overlay, but `removed` has said so.
    (!changes.is_empty()).then_some(Value::Object(changes))
}

/// The paths at which `overlay` has null although the chart has no default to delete there.
pub fn useless_nulls(overlay: &Value, defaults: &Value, pointer: &str) -> Vec<String> {
    let Value::Object(map) = overlay else {
        return Vec::new();
    };
    map.iter()
        .flat_map(|(key, value)| {
            let at = pointer_join(pointer, key);
            match (value, defaults.get(key)) {
                (Value::Null, None) => vec![pointer_to_path(&at)],
                (Value::Null, Some(_)) => Vec::new(),
                (_, default) => useless_nulls(value, default.unwrap_or(&Value::Null), &at),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_map() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![any::<bool>().prop_map(Value::from), (0..9i64).prop_map(Value::from), Just(json!([1, 2]))];
        let key = "[a-d]";
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop::collection::hash_map(key, inner, 1..4).prop_map(|map| Value::Object(map.into_iter().collect()))
        })
        .prop_map(|value| if value.is_object() { value } else { json!({"a": value}) })
    }

    proptest! {
        #[test]
        fn an_overlay_makes_what_was_wanted(base in any_map(), over in any_map()) {
            let mut wanted = base.clone();
            merge(&mut wanted, &over);
            match overlay(&base, &wanted) {
                Ok(overlay) => {
                    let mut made = base.clone();
                    merge(&mut made, &overlay);
                    prop_assert_eq!(made, wanted);
                }
                Err(removed) => prop_assert!(!removed.is_empty()),
            }
        }
    }

    #[test]
    fn paths() {
        let path = parse_path("hub.config.CryptKeeper.keys[0]").unwrap();
        let mut value = json!({"hub": {"config": {"JupyterHub": {}}}});
        set(&mut value, &path, json!("k"));
        assert_eq!(value["hub"]["config"]["CryptKeeper"]["keys"], json!(["k"]));
        assert_eq!(get(&value, &path), Some(&json!("k")));
        for bad in ["", "a..b", "a[", "a[x]", "a b", "a[99]"] {
            assert!(parse_path(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn nulls_delete_defaults_and_removals_are_refused() {
        let defaults = json!({"a": {"b": 1, "c": 2}});
        assert_eq!(coalesce(defaults.clone(), &json!({"a": {"b": null}})), json!({"a": {"c": 2}}));
        assert_eq!(overlay(&json!({"a": {"b": 1}}), &json!({"a": {}})), Err(vec!["a.b".to_owned()]));
        assert_eq!(useless_nulls(&json!({"a": {"b": null, "x": null}}), &defaults, ""), vec!["a.x".to_owned()]);
    }
}
