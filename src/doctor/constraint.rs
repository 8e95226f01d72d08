//! `kubeVersion` of a Helm chart: whether a version of Kubernetes meets it.
//!
//! The grammar is that of Masterminds/semver, which Helm uses: `>=1.28.0-0`, `>=1.26 <1.32 || ~1.34`,
//! `1.x`, `1.26 - 1.30`, `^1.28`.

type Version = [u64; 3];

/// Whether a version, e.g. `v1.36.2`, meets a constraint; none where the constraint cannot be read.
/// What follows the three numbers (`-gke.1`, `+k3s1`) is the provider's, and does not count.
pub(super) fn is_met(constraint: &str, version: &str) -> Option<bool> {
    let version = exact(version)?;
    let mut met = false;
    for way in constraint.split("||") {
        met |= all(way, version)?;
    }
    Some(met)
}

fn all(way: &str, version: Version) -> Option<bool> {
    let words = words(way);
    if let [from, dash, to] = words.as_slice()
        && dash == "-"
    {
        return Some(holds(&format!(">={from}"), version)? && holds(&format!("<={to}"), version)?);
    }
    let mut met = true;
    for word in &words {
        met &= holds(word, version)?;
    }
    Some(met)
}

/// Each comparison as one word; an operator may stand apart from its version.
fn words(way: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in way.split([' ', ',']).filter(|word| !word.is_empty()) {
        match words.last_mut() {
            Some(last) if last != "-" && last.chars().all(|c| "<>=!~^".contains(c)) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn holds(word: &str, version: Version) -> Option<bool> {
    let operator = word.chars().take_while(|c| "<>=!~^".contains(*c)).count();
    let (operator, text) = word.split_at(operator);
    let (low, given) = partial(text)?;
    // The first version that is no longer of what was written: 1.28 is all of 1.28.
    let next = |place: usize| {
        let mut next = [0; 3];
        next[..=place].copy_from_slice(&low[..=place]);
        next[place] += 1;
        next
    };
    let within = |place: Option<usize>| version >= low && place.is_none_or(|place| version < next(place));
    let last = given.checked_sub(1);
    let first_not_zero = low.iter().take(given).position(|number| *number > 0).or(last);
    Some(match operator {
        "" | "=" | "==" => within(last),
        "!=" => !within(last),
        ">=" | "=>" => version >= low,
        "<" => version < low,
        ">" => version > low && !within(last),
        "<=" | "=<" => version < low || within(last),
        "~" | "~>" => within(last.map(|last| last.min(1))),
        "^" => within(first_not_zero),
        _ => return None,
    })
}

/// The numbers that are written, the others as zero, and how many are written.
fn partial(text: &str) -> Option<(Version, usize)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.split(['-', '+']).next()?;
    let (mut version, mut given) = ([0; 3], 0);
    for (at, part) in core.split('.').enumerate() {
        if matches!(part, "x" | "X" | "*") {
            break;
        }
        *version.get_mut(at)? = part.parse().ok()?;
        given = at + 1;
    }
    Some((version, given))
}

fn exact(text: &str) -> Option<Version> {
    partial(text).filter(|(_, given)| *given == 3).map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_hold_as_in_helm() {
        let all = [
            (">=1.28.0-0", "v1.36.2", true),
            (">=1.28.0-0", "v1.27.16-gke.100", false),
            (">= 1.28", "v1.28.0", true),
            (">=1.26 <1.32", "v1.32.0", false),
            (">=1.26, <1.32", "v1.31.9+k3s1", true),
            ("~1.30 || ^1.34.1", "v1.36.2", true),
            ("~1.30 || >1.36", "v1.36.2", false),
            ("~1.30.4", "v1.31.0", false),
            ("1.26 - 1.30", "v1.30.9", true),
            ("1.x", "v1.99.0", true),
            ("!=1.28.3", "v1.28.3", false),
            ("*", "v1.36.2", true),
            ("", "v1.36.2", true),
            ("<=1.30", "v1.30.5", true),
            ("^0.3", "v0.4.0", false),
        ];
        for (constraint, version, met) in all {
            assert_eq!(is_met(constraint, version), Some(met), "{constraint} {version}");
        }
        for wrong in [">=one", "?1.2", "1.2.3.4"] {
            assert_eq!(is_met(wrong, "v1.36.2"), None, "{wrong}");
        }
        assert_eq!(is_met(">=1.28", "v1"), None);
    }
}
