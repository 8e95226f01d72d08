//! Sizes as Kubernetes writes them. Pure.

/// What the suffixes of sizes mean, the longer ones first.
const SUFFIXES: [(&str, f64); 12] = [
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("m", 0.001),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("", 1.0),
];

/// The bytes of a size such as `10Gi` or `1e9`; none where it is no size.
pub(super) fn bytes(text: &str) -> Option<f64> {
    let (number, factor) =
        SUFFIXES.iter().find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|number| (number, factor)))?;
    number.parse::<f64>().ok().map(|number| number * factor).filter(|bytes| bytes.is_finite() && *bytes >= 0.0)
}

/// A number of bytes for people: `400Gi`, `1.5Ti`.
pub fn shown(bytes: f64) -> String {
    let units = SUFFIXES[..5].iter().rev();
    let (unit, factor) = units.into_iter().find(|(_, factor)| bytes >= *factor).copied().unwrap_or(("", 1.0));
    let text = format!("{:.1}", bytes / factor);
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "these are exact")]
    fn sizes_are_read_and_shown() {
        for (text, value) in [("10Gi", 10_737_418_240.0), ("1G", 1e9), ("5", 5.0), ("1e3", 1e3), ("500m", 0.5)] {
            assert_eq!(bytes(text).unwrap(), value, "{text}");
        }
        for text in ["", "Gi", "ten", "-1Gi", "inf", "NaN"] {
            assert_eq!(bytes(text), None, "{text}");
        }
        let total = |all: &[&str]| shown(all.iter().filter_map(|text| bytes(text)).sum());
        assert_eq!(total(&["10Gi"; 40]), "400Gi");
        assert_eq!(total(&["1Ti", "512Gi"]), "1.5Ti");
        assert_eq!(shown(0.0), "0");
    }
}
