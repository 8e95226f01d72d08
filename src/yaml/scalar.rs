//! How YAML 1.2 and YAML 1.1 read a plain scalar.
//!
//! 1.1 is what Helm uses (sigs.k8s.io/yaml over go-yaml v2, whose `resolve.go` is the source of
//! the words and number forms below), 1.2 is the core schema.

use serde_json::{Number, Value};

/// The largest integer that survives the float64 of Helm's JSON.
const MAX_EXACT: i64 = 1 << 53;

/// Reads a plain scalar by YAML 1.2's core schema.
pub(super) fn read_1_2(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Some(number) = integer(text) {
        return Value::Number(number);
    }
    match float(text) {
        Some(number) => Value::Number(number),
        None => Value::String(text.to_owned()),
    }
}

/// Why YAML 1.1 would read this plain scalar as something else, if it would.
pub(super) fn trap(text: &str, is_key: bool) -> Option<String> {
    const YES_NO: [&str; 16] =
        ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
    if let Some(index) = YES_NO.iter().position(|word| *word == text) {
        return Some(format!("the boolean {}", index < 8));
    }
    if text == "<<" || text == "=" {
        return Some("a YAML 1.1 merge or default key".to_owned());
    }
    if is_key && matches!(text, "~" | "null" | "Null" | "NULL" | "True" | "TRUE" | "False" | "FALSE") {
        return Some("not a string".to_owned());
    }
    number_trap(text, is_key)
}

fn number_trap(text: &str, is_key: bool) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let body = lower.strip_prefix(['-', '+']).unwrap_or(&lower);
    if matches!(body, ".inf" | ".nan") {
        return Some("a number that JSON cannot hold".to_owned());
    }
    let bare = body.replace('_', "");
    if !bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if bare != body && (digits(&bare) || float(&bare).is_some()) {
        return Some(format!("the number {bare}"));
    }
    if bare.starts_with("0x") || bare.starts_with("0b") || bare.starts_with("0o") {
        let radix = match &bare[..2] {
            "0x" => 16,
            "0b" => 2,
            _ => 8,
        };
        let all_digits = bare.len() > 2 && bare[2..].chars().all(|c| c.is_digit(radix));
        return all_digits.then(|| "a number in another base".to_owned());
    }
    if body.len() > 1 && body.starts_with('0') && digits(body) {
        return match i64::from_str_radix(body, 8) {
            Ok(number) => Some(format!("the octal number {number}")),
            Err(_) => Some("a number without its leading zero".to_owned()),
        };
    }
    if body.contains(':') && body.split(':').all(|part| digits(part) && part.len() <= 2) {
        return Some("a base-60 number".to_owned());
    }
    if digits(body) {
        let exact = body.parse::<i64>().is_ok_and(|number| number <= MAX_EXACT);
        return (!exact).then(|| "a number that loses its last digits".to_owned());
    }
    (is_key && float(text).is_some()).then(|| "a number".to_owned())
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn integer(text: &str) -> Option<Number> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits(body) {
        return text.strip_prefix('+').unwrap_or(text).parse::<i64>().ok().map(Number::from);
    }
    None
}

fn float(text: &str) -> Option<Number> {
    let plausible = text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !plausible {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_that_differ_are_traps() {
        for text in [
            "y",
            "On",
            "NO",
            "0755",
            "1_000",
            "0o14",
            "0x1F",
            "12:30:45",
            "9007199254740993",
            "<<",
            ".inf",
            "1_0.5",
            "-_1",
            "0xffffffffffffffff",
        ] {
            assert!(trap(text, false).is_some(), "{text}");
        }
        for text in
            ["yellow", "true", "10", "-3", "1.5", "1e3", "10Gi", "v1.2", "1.2.3", "2026-01-01", "nova", "0", "~"]
        {
            assert!(trap(text, false).is_none(), "{text}");
        }
        for text in ["1.0", "~", "TRUE", "0755"] {
            assert!(trap(text, true).is_some(), "{text}");
        }
    }

    #[test]
    fn core_schema() {
        assert_eq!(read_1_2("0755"), Value::from(755));
        assert_eq!(read_1_2("1_000"), Value::from("1_000"));
        assert_eq!(read_1_2("+12"), Value::from(12));
        assert_eq!(read_1_2("1.5"), Value::from(1.5));
        assert_eq!(read_1_2("1.2.3"), Value::from("1.2.3"));
        assert_eq!(read_1_2("-"), Value::from("-"));
        assert_eq!(read_1_2(""), Value::Null);
    }
}
