//! `<insert your value>` and its like: legal strings, installed in silence as real values.

use serde_json::Value;

use super::Merged;
use crate::problem::Problem;
use crate::secrets::is_placeholder;
use crate::yaml::{Pointer, pointer_to_path};

pub(super) fn check(merged: &Merged<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    texts(&merged.value, &mut |pointer, text| {
        if is_placeholder(text) {
            let path = pointer_to_path(pointer);
            let message = format!("`{path}` still holds the placeholder `{text}`");
            problems.push(merged.error(pointer, message).fix("put the real value in its place"));
        }
    });
    problems
}

/// Shows every text in a value, with its pointer.
pub(super) fn texts(value: &Value, visit: &mut impl FnMut(&str, &str)) {
    walk(value, &mut Pointer::default(), visit);
}

fn walk(value: &Value, at: &mut Pointer, visit: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => visit(at.text(), text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                at.within(&index.to_string(), |at| walk(item, at, visit));
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                at.within(key, |at| walk(item, at, visit));
            }
        }
        _ => {}
    }
}
