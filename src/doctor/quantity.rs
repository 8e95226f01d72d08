//! Quantities of Kubernetes, and sizes as JupyterHub and Dask Gateway write them.

use serde_json::Value;

/// Thousandths, so that CPU can be counted.
const MILLI: f64 = 1000.0;

/// A quantity of Kubernetes in thousandths of its unit, e.g. `250m` of CPU or `16Gi` of memory.
pub(super) fn milli(text: &str) -> Option<u128> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c)).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        "Ei" => 1024_f64.powi(6),
        exponent => 10_f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    whole(number * factor * MILLI)
}

/// A number of cores, or a text that Kubernetes would take.
pub(super) fn cores(value: &Value) -> Option<u128> {
    match value {
        Value::Number(number) => whole(number.as_f64()? * MILLI),
        Value::String(text) => milli(text),
        _ => None,
    }
}

/// Bytes, or a size as `1G`: for JupyterHub and Dask Gateway K, M, G and T are powers of 1024.
pub(super) fn bytes(value: &Value) -> Option<u128> {
    let text = match value {
        Value::Number(number) => return whole(number.as_f64()?),
        Value::String(text) => text,
        _ => return None,
    };
    let power = text.chars().last().and_then(|unit| "KMGT".find(unit)).map_or(0, |at| at + 1);
    let number: f64 = text[..text.len() - usize::from(power > 0)].trim().parse().ok()?;
    whole(number * 1024_f64.powi(i32::try_from(power).ok()?))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "out of range it saturates")]
fn whole(number: f64) -> Option<u128> {
    (number.is_finite() && number >= 0.0).then(|| number.ceil() as u128)
}

/// Cores for people.
pub(super) fn shown_cores(milli: u128) -> String {
    if milli.is_multiple_of(1000) { format!("{}", milli / 1000) } else { format!("{milli}m") }
}

/// Memory for people, in GiB or MiB, never more than there is.
pub(super) fn shown_bytes(bytes: u128) -> String {
    const MI: u128 = 1 << 20;
    match bytes / MI {
        mib if mib >= 1024 => format!("{}.{} GiB", mib / 1024, mib % 1024 * 10 / 1024).replace(".0 ", " "),
        mib => format!("{mib} MiB"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_read() {
        let all = [
            ("4", 4000),
            ("250m", 250),
            ("1.5", 1500),
            ("100u", 1),
            ("16Gi", 16 * (1u128 << 30) * 1000),
            ("1e3", 1_000_000),
            ("2G", 2_000_000_000_000),
            ("0", 0),
        ];
        for (text, expected) in all {
            assert_eq!(milli(text), Some(expected), "{text}");
        }
        for wrong in ["", "x", "-1", "1Xi", "1e", "NaN"] {
            assert_eq!(milli(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_of_values_are_read() {
        assert_eq!(bytes(&json!("1G")), Some(1 << 30));
        assert_eq!(bytes(&json!("512M")), Some(512 << 20));
        assert_eq!(bytes(&json!(1024)), Some(1024));
        assert_eq!(bytes(&json!("many")), None);
        assert_eq!(bytes(&json!(null)), None);
        assert_eq!(cores(&json!(0.5)), Some(500));
        assert_eq!(cores(&json!("250m")), Some(250));
        assert_eq!((shown_cores(2000), shown_cores(250)), ("2".into(), "250m".into()));
        assert_eq!((shown_bytes(1 << 30), shown_bytes(1536 << 20)), ("1 GiB".into(), "1.5 GiB".into()));
        assert_eq!(shown_bytes(512 << 20), "512 MiB");
    }
}
