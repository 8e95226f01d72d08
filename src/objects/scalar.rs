//! Scalars that mean the same in other notations.

use serde_json::Value;

use crate::compare::same_scalar;
use crate::quantity::billionths;

/// Whether two scalars mean the same to Kubernetes.
pub(super) fn same(one: &Value, two: &Value, is_quantity: bool) -> bool {
    if same_scalar(one, two) {
        return true;
    }
    if is_quantity && let (Some(one), Some(two)) = (billionths(one), billionths(two)) {
        return one == two;
    }
    match (one, two) {
        // A port may be kept as a number or as text; a word of YAML 1.1 is read by Helm as what it means there.
        (Value::String(text), other) | (other, Value::String(text)) if other.is_boolean() || other.is_number() => {
            let written = other.to_string();
            *text == written || reads_in_yaml_1_1(text).is_some_and(|read| read == *other)
        }
        _ => false,
    }
}

/// Whether a quantity is less than another.
pub fn is_less(one: &Value, two: &Value) -> bool {
    billionths(one).zip(billionths(two)).is_some_and(|(one, two)| one < two)
}

/// What Helm's YAML 1.1 makes of a word that we read as text.
fn reads_in_yaml_1_1(text: &str) -> Option<Value> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some(Value::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some(Value::Bool(false)),
        _ => {}
    }
    let octal = text.strip_prefix('0').map(|digits| digits.strip_prefix('o').unwrap_or(digits))?;
    i64::from_str_radix(octal, 8).ok().map(Value::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_in_other_notations() {
        for (one, two) in [("1000m", "1"), ("1Gi", "1024Mi"), ("0.5", "500m"), ("1e3", "1k"), ("2.5Gi", "2560Mi")] {
            assert!(same(&json!(one), &json!(two), true), "{one} {two}");
            assert!(!same(&json!(one), &json!(two), false), "{one} {two}: only where it is a quantity");
        }
        assert!(same(&json!(1), &json!("1"), true) && same(&json!(0.25), &json!("250m"), true));
        assert!(same(&json!(80), &json!("80"), false) && same(&json!("0644"), &json!(420), false));
        assert!(same(&json!("yes"), &json!(true), false));
        for (one, two) in [("1G", "1Gi"), ("1", "2"), ("x", "1"), ("1x", "1"), ("", "0"), ("-1", "1"), ("1e99", "1")] {
            assert!(!same(&json!(one), &json!(two), true), "{one} {two}");
        }
        assert!(!same(&json!("no"), &json!(true), false) && !same(&json!(null), &json!("null"), false));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = reads_in_yaml_1_1(&text);
        }
    }
}
