//! Scalars that mean the same in other notations.

use serde_json::Value;

use crate::compare::same_scalar;

/// Quantities are compared in billionths, the smallest that Kubernetes keeps.
const BILLION: i128 = 1_000_000_000;

/// Whether two scalars mean the same to Kubernetes.
pub(super) fn same(one: &Value, two: &Value, is_quantity: bool) -> bool {
    if same_scalar(one, two) {
        return true;
    }
    if is_quantity && let (Some(one), Some(two)) = (quantity(one), quantity(two)) {
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
    quantity(one).zip(quantity(two)).is_some_and(|(one, two)| one < two)
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

/// A quantity in billionths.
fn quantity(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

fn parse(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (sign, digits) = match number.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let (up, down) = scale(suffix)?;
    let shift = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let units: i128 = format!("{whole}{part}").parse().ok()?;
    let scaled = units.checked_mul(up)?.checked_mul(BILLION)?;
    Some(sign * scaled / down.checked_mul(shift)?)
}

/// What a suffix multiplies and divides by.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    const DECIMAL: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let power = |names: &[&str], base: i128| {
        let index = names.iter().position(|name| *name == suffix)?;
        base.checked_pow(u32::try_from(index).ok()?)
    };
    if let Some(up) = power(&DECIMAL, 1000).or_else(|| power(&BINARY, 1024)) {
        return Some((up, 1));
    }
    match suffix {
        "m" => Some((1, 1000)),
        "u" => Some((1, 1_000_000)),
        "n" => Some((1, BILLION)),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
            Some(if exponent < 0 { (1, power) } else { (power, 1) })
        }
    }
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
            let _ = parse(&text);
            let _ = reads_in_yaml_1_1(&text);
        }

        #[test]
        fn thousandths_are_what_they_say(number in 0_u64..1_000_000_000) {
            prop_assert_eq!(parse(&format!("{number}m")), parse(&format!("{}.{:03}", number / 1000, number % 1000)));
            prop_assert_eq!(parse(&format!("{number}Ki")), parse(&format!("{}", number * 1024)));
        }
    }
}
