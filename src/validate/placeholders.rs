//! `<insert your value>` and its like: legal strings, installed in silence as real values.

use serde_json::Value;

use super::Merged;
use crate::problem::Problem;
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

pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let inside = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    let bracketed = inside.is_some_and(|inside| !inside.is_empty() && !inside.contains(['<', '>', '\n']));
    bracketed || matches!(text.to_ascii_lowercase().as_str(), "changeme" | "change-me" | "replace-me" | "replaceme")
}

#[cfg(test)]
mod tests {
    use super::is_placeholder;

    #[test]
    fn the_guides_placeholders_are_seen() {
        for text in ["<insert your value>", "<token1>", "<your external IP address here>", "CHANGEME"] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["a<b>c", "<>", "x > y", "<b>bold</b> text", ""] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
