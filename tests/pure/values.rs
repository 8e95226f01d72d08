//! Merging values: what Helm does, and what cannot be lost.

use helm_iris::overlay::{Step, coalesce, get, merge, overlay, parse_path, set};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..5_i64).prop_map(Value::from),
        Just(json!([1, {"a": 2}])),
        Just(json!({}))
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
    })
}

fn any_map() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-c]", any_value(), 0..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// Maps whose keys tell what they hold, as with all our settings.
fn settings() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::btree_map(
        "[a-c]",
        prop_oneof![Just(Value::Null), (0..5_i64).prop_map(Value::from), Just(json!([1]))],
        0..3,
    );
    let map = |map: std::collections::BTreeMap<String, Value>| Value::Object(map.into_iter().collect());
    leaf.prop_map(map).prop_recursive(3, 20, 4, move |inner| {
        let sections = prop::collection::btree_map("[m-o]", inner, 0..3);
        let leaves = prop::collection::btree_map("[a-c]", (0..5_i64).prop_map(Value::from), 0..3);
        (sections, leaves).prop_map(move |(sections, leaves)| map(sections.into_iter().chain(leaves).collect()))
    })
}

fn merged(base: &Value, over: &Value) -> Value {
    let mut all = base.clone();
    merge(&mut all, over);
    all
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().any(has_null),
        _ => false,
    }
}

proptest! {
    #![proptest_config(crate::common::cases(256))]

    /// So layers can be merged in any grouping, as long as none puts something else in a map's place.
    #[test]
    fn merging_is_associative(a in settings(), b in settings(), c in settings()) {
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
    }

    #[test]
    fn merging_twice_or_with_nothing_changes_nothing(a in any_map(), b in any_map()) {
        prop_assert_eq!(merged(&merged(&a, &b), &b), merged(&a, &b));
        prop_assert_eq!(merged(&a, &json!({})), a.clone());
        prop_assert_eq!(merged(&json!({}), &a), a);
    }

    /// Helm lays the merged files over the chart's defaults: the same as one file after another,
    /// but for nulls, which delete.
    #[test]
    fn coalescing_agrees_with_merging_where_nothing_is_null(defaults in any_map(), values in any_map()) {
        prop_assume!(!has_null(&values));
        prop_assert_eq!(coalesce(defaults.clone(), &values), merged(&defaults, &values));
    }

    #[test]
    fn coalescing_deletes_exactly_the_nulls_that_have_a_default(defaults in any_map(), values in any_map()) {
        let result = coalesce(defaults.clone(), &values);
        for (key, value) in values.as_object().unwrap() {
            let default = defaults.get(key);
            match (value, default) {
                (Value::Null, Some(_)) => prop_assert_eq!(result.get(key), None),
                (Value::Object(_), Some(default @ Value::Object(_))) => prop_assert_eq!(result.get(key), Some(&coalesce(default.clone(), value))),
                _ => prop_assert_eq!(result.get(key), Some(value)),
            }
        }
        for (key, default) in defaults.as_object().unwrap() {
            if values.get(key).is_none() {
                prop_assert_eq!(result.get(key), Some(default));
            }
        }
    }

    /// An overlay makes what was wanted, or says what it cannot take away; it never drops a change.
    #[test]
    fn an_overlay_is_right_or_refused(base in any_map(), wanted in any_map()) {
        match overlay(&base, &wanted) {
            Ok(over) => prop_assert_eq!(merged(&base, &over), wanted),
            Err(removed) => {
                prop_assert!(!removed.is_empty());
                for path in removed {
                    let steps: Vec<Step> = path.split('.').map(|key| Step::Key(key.to_owned())).collect();
                    prop_assert!(get(&base, &steps).is_some(), "{} was there", path);
                    prop_assert!(get(&wanted, &steps).is_none(), "{} is gone", path);
                }
            }
        }
    }

    #[test]
    fn what_is_set_is_there_and_nothing_else_changes(base in any_map(), path in "[a-c](\\.[a-c]){0,3}(\\[[0-2]\\])?", leaf in any_value()) {
        let steps = parse_path(&path).unwrap();
        let mut changed = base.clone();
        set(&mut changed, &steps, leaf.clone());
        prop_assert_eq!(get(&changed, &steps), Some(&leaf));
        let Step::Key(first) = &steps[0] else { unreachable!() };
        let others = |value: &Value| -> Map<String, Value> {
            value.as_object().unwrap().iter().filter(|(key, _)| *key != first).map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        prop_assert_eq!(others(&changed), others(&base));
    }

    #[test]
    fn any_text_is_a_path_or_not_one(text in "\\PC{0,20}|[a-z.\\[\\]0-9]{0,12}") {
        if let Some(steps) = parse_path(&text) {
            let back: String = steps.iter().enumerate().map(|(at, step)| match step {
                Step::Key(key) => format!("{}{key}", if at == 0 { "" } else { "." }),
                Step::Index(index) => format!("[{index}]"),
            }).collect();
            prop_assert_eq!(parse_path(&back), Some(steps));
        }
    }
}
