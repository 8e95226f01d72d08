//! Names of Secrets with one `*` for anything.

/// Whether a name is a pattern.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

/// Whether a pattern fits a name; one without `*` fits itself alone.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn one_star_is_anything() {
        for (pattern, name) in [("hub", "hub"), ("*-app", "db-app"), ("api-*-x", "api-a-x"), ("*", "")] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("hub", "hubs"), ("*-app", "app"), ("ab*ba", "aba"), ("api-*", "xapi-a")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
