//! Writing YAML that YAML 1.1 and 1.2 read alike.

use std::fmt::Write as _;

use serde_json::Value;

/// One line of YAML for any value: strings and keys quoted, lists and maps in flow style.
///
/// It can stand anywhere in a document, also inside a block scalar, and cannot change the
/// document's structure, whatever the value holds.
pub fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{}: {}", quote(key), inline(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A whole document in block style, for files that people read.
pub fn literal_document(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let _ = write!(out, "{pad}{}:", key_text(key));
                child(value, indent, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                if let Value::Object(entries) = item
                    && !entries.is_empty()
                {
                    // A map's first key shares the line of its dash.
                    let mut inner = String::new();
                    block(item, indent + 2, &mut inner);
                    let _ = write!(out, "{pad}- {}", inner.trim_start_matches(' '));
                } else {
                    let _ = write!(out, "{pad}-");
                    child(item, indent, out);
                }
            }
        }
        scalar => {
            let _ = writeln!(out, "{pad}{}", inline(scalar));
        }
    }
}

fn child(value: &Value, indent: usize, out: &mut String) {
    let nested = match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        block(value, indent + 2, out);
    } else {
        let _ = writeln!(out, " {}", inline(value));
    }
}

fn key_text(key: &str) -> String {
    let simple = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && super::scalar::trap(key, true).is_none()
        && matches!(super::scalar::read_1_2(key), Value::String(_));
    if simple { key.to_owned() } else { quote(key) }
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // What YAML does not call printable, and its other line breaks, must be escaped.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml::parse;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-9_007_199_254_740_991_i64..9_007_199_254_740_991).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "(y|no|0755|1_0|<<|~|- a|a: b|#|\\{\\}|[ \n\t'\"]*)".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any_value()) {
            let wrapped = json!({"k": value});
            for text in [format!("k: {}\n", inline(&value)), literal_document(&wrapped)] {
                let ours = parse("t", &text).map_err(|p| TestCaseError::fail(format!("{p:?}\n{text}")))?;
                prop_assert_eq!(&ours.value, &wrapped);
                let theirs: Value = serde_yaml::from_str(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;
                prop_assert_eq!(&theirs, &wrapped);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse("t", &text);
        }
    }
}
