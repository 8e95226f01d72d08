//! Documents: every part knows the place where it was written.

use helm_iris::yaml::{Document, literal_document, parse, pointer_join, pointer_to_path};
use proptest::prelude::*;
use serde_json::Value;

fn any_map() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from)
    ];
    let key = "[a-z~/. :#\"-]{1,5}";
    let nested = leaf.prop_recursive(3, 20, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 1..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(key, nested, 1..4).prop_map(|map| Value::Object(map.into_iter().collect()))
}

/// Every pointer of a value, with the text that must stand at its place.
fn parts(value: &Value, pointer: &str, all: &mut Vec<(String, Option<String>)>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let at = pointer_join(pointer, key);
                all.push((at.clone(), Some(key.clone())));
                parts(inner, &at, all);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let at = pointer_join(pointer, &index.to_string());
                all.push((at.clone(), None));
                parts(inner, &at, all);
            }
        }
        _ => {}
    }
}

/// The text of a document from a place on.
fn from_place<'t>(text: &'t str, document: &Document, pointer: &str) -> &'t str {
    let place = document.place(pointer).unwrap_or_else(|| panic!("{pointer} has a place"));
    let line = text.split('\n').nth(place.line - 1).unwrap_or_else(|| panic!("line {} exists", place.line));
    let column = line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(place.column - 1);
    &line[column.unwrap_or_else(|| panic!("column {} exists in {line:?}", place.column))..]
}

proptest! {
    #![proptest_config(crate::common::cases(256))]

    #[test]
    fn every_key_is_found_at_its_place(value in any_map()) {
        let text = literal_document(&value);
        let document = parse("t", &text).map_err(|problems| TestCaseError::fail(format!("{problems:?}\n{text}")))?;
        let mut all = Vec::new();
        parts(&value, "", &mut all);
        for (pointer, key) in all {
            prop_assert!(document.value.pointer(&pointer).is_some(), "{}", pointer);
            let there = from_place(&text, &document, &pointer);
            if let Some(key) = key {
                let quoted = format!("{}:", helm_iris::yaml::inline(&Value::from(key.as_str())));
                prop_assert!(there.starts_with(&format!("{key}:")) || there.starts_with(&quoted), "{}: {:?} in\n{}", pointer, there, text);
            }
            // What is not there has the place of the nearest part that is.
            prop_assert_eq!(document.place(&format!("{pointer}/no/such")), document.place(&pointer));
        }
    }

    #[test]
    fn a_nested_document_keeps_its_places(value in any_map()) {
        let text = literal_document(&serde_json::json!({"outer": {"inner": value}}));
        let document = parse("t", &text).map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
        let nested = document.nested("/outer/inner", value.clone());
        let mut all = Vec::new();
        parts(&value, "", &mut all);
        for (pointer, _) in all {
            prop_assert_eq!(nested.place(&pointer), document.place(&format!("/outer/inner{pointer}")));
        }
    }

    #[test]
    fn any_text_gives_problems_with_places_or_a_value(text in "\\PC{0,60}|[-a-z:\\[\\]{}#&*!|>'\"%@` \n\t]{0,80}") {
        match parse("t", &text) {
            Ok(document) => {
                // What we take, another parser reads the same.
                let theirs: Result<Value, _> = serde_yaml::from_str(&text);
                if let Ok(theirs) = theirs
                    && !theirs.is_null()
                {
                    prop_assert_eq!(document.value, theirs);
                }
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    let place = problem.place.expect("a place");
                    prop_assert!(place.line >= 1 && place.column >= 1);
                    prop_assert!(place.line <= text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).count() + 1, "{:?} of {:?}", problem, text);
                }
            }
        }
    }

    #[test]
    fn paths_name_every_step(steps in prop::collection::vec("[a-z~/]{1,4}", 1..5)) {
        let pointer = steps.iter().fold(String::new(), |pointer, step| pointer_join(&pointer, step));
        prop_assert_eq!(pointer_to_path(&pointer), steps.join("."));
    }
}
