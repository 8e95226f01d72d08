//! Quantities of Kubernetes, and sizes as JupyterHub and Dask Gateway write them: read exactly, shown for
//! people. Pure.

use serde_json::Value;

/// The smallest part of a unit that Kubernetes keeps.
const BILLION: i128 = 1_000_000_000;

/// A quantity of Kubernetes in billionths of its unit, e.g. `250m` of CPU, `16Gi` of memory, or `1e3`.
pub fn billionths(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text, scale),
        Value::Number(number) => parse(&number.to_string(), scale),
        _ => None,
    }
}

/// A quantity in thousandths, rounded up, e.g. of a core; none where it is less than nothing.
pub fn milli(text: &str) -> Option<u128> {
    whole(parse(text, scale)?, BILLION / 1000)
}

/// A quantity in whole units, rounded up, e.g. bytes; none where it is less than nothing.
pub fn units(text: &str) -> Option<u128> {
    whole(parse(text, scale)?, BILLION)
}

/// Cores in thousandths: a number, or a text that Kubernetes would take.
pub fn cores(value: &Value) -> Option<u128> {
    whole(billionths(value)?, BILLION / 1000)
}

/// The bytes of a size as JupyterHub and Dask Gateway write it, e.g. `1G`: K, M, G and T are powers of 1024.
pub fn hub_size(text: &str) -> Option<u128> {
    whole(parse(text, |unit| Some((power(&["", "K", "M", "G", "T"], 1024, unit)?, 1)))?, BILLION)
}

/// The bytes of such a size, or of a number of bytes.
pub fn hub_bytes(value: &Value) -> Option<u128> {
    match value {
        Value::String(text) => hub_size(text),
        number => count(number),
    }
}

/// A quantity of what comes in whole pieces, e.g. GPUs.
pub fn count(value: &Value) -> Option<u128> {
    whole(billionths(value)?, BILLION)
}

fn whole(quantity: i128, unit: i128) -> Option<u128> {
    u128::try_from(quantity).ok().map(|quantity| quantity.div_ceil(unit.unsigned_abs()))
}

/// Cores for people.
pub fn shown_cores(milli: u128) -> String {
    if milli.is_multiple_of(1000) { format!("{}", milli / 1000) } else { format!("{milli}m") }
}

/// Bytes for people, e.g. `1.5 GiB`; never more than there are.
pub fn shown_bytes(bytes: u128) -> String {
    const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (unit, factor) = (0_u32..)
        .zip(UNITS)
        .map(|(power, unit)| (unit, 1024_u128.pow(power)))
        .take_while(|(_, factor)| *factor == 1 || bytes >= *factor)
        .last()
        .unwrap_or((UNITS[0], 1));
    match bytes % factor * 10 / factor {
        0 => format!("{} {unit}", bytes / factor),
        tenths => format!("{}.{tenths} {unit}", bytes / factor),
    }
}

/// A number with a unit, in billionths; the unit says what it multiplies and divides by.
fn parse(text: &str, scale: impl Fn(&str) -> Option<(i128, i128)>) -> Option<i128> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (sign, digits) = match number.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let (up, down) = scale(unit)?;
    let shift = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let units: i128 = format!("{whole}{part}").parse().ok()?;
    let scaled = units.checked_mul(up)?.checked_mul(BILLION)?;
    Some(sign * scaled / down.checked_mul(shift)?)
}

/// What a suffix of Kubernetes multiplies and divides by.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    const DECIMAL: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if let Some(up) = power(&DECIMAL, 1000, suffix).or_else(|| power(&BINARY, 1024, suffix)) {
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

/// The power of the base that a unit stands for: its place in the list.
fn power(units: &[&str], base: i128, unit: &str) -> Option<i128> {
    let place = units.iter().position(|name| *name == unit)?;
    base.checked_pow(u32::try_from(place).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
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
        for wrong in ["", "x", "-1", "1Xi", "1e", "NaN", "Gi", "inf", "1.2.3", "1e99"] {
            assert_eq!(milli(wrong), None, "{wrong}");
        }
        assert_eq!((cores(&json!(0.5)), cores(&json!("250m")), cores(&json!(null))), (Some(500), Some(250), None));
        assert_eq!((units("10Gi"), units("500m")), (Some(10 << 30), Some(1)));
    }

    #[test]
    fn sizes_of_values_are_read() {
        assert_eq!(hub_bytes(&json!("1G")), Some(1 << 30));
        assert_eq!(hub_bytes(&json!("1.5G")), Some(3 << 29));
        assert_eq!(hub_bytes(&json!("512M")), Some(512 << 20));
        assert_eq!(hub_bytes(&json!(1024)), Some(1024));
        for wrong in [json!("many"), json!("1Gi"), json!(null), json!("-1G")] {
            assert_eq!(hub_bytes(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn people_read_them() {
        assert_eq!((shown_cores(2000), shown_cores(250)), ("2".into(), "250m".into()));
        let all = [(0, "0 bytes"), (1 << 30, "1 GiB"), (1536 << 20, "1.5 GiB"), (512 << 20, "512 MiB")];
        for (bytes, shown) in all {
            assert_eq!(shown_bytes(bytes), shown);
        }
        assert_eq!(shown_bytes(3 << 39), "1.5 TiB");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), number in any::<u128>()) {
            let text = json!(text);
            let _ = (billionths(&text), cores(&text), hub_bytes(&text), shown_bytes(number));
        }

        #[test]
        fn thousandths_are_what_they_say(number in 0_u64..1_000_000_000) {
            let read = |text: String| billionths(&json!(text));
            prop_assert_eq!(read(format!("{number}m")), read(format!("{}.{:03}", number / 1000, number % 1000)));
            prop_assert_eq!(read(format!("{number}Ki")), read(format!("{}", number * 1024)));
        }
    }
}
