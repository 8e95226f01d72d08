//! Names that Kubernetes takes.

use crate::error::{Error, Result};

/// The most characters of a DNS label, such as a namespace or a Service's name.
pub const MAX_LABEL: usize = 63;

/// Refuses what Kubernetes would not take as a namespace.
///
/// # Errors
/// A name that is no DNS label.
pub fn check_namespace(name: &str) -> Result<()> {
    let fits = !name.is_empty()
        && name.len() <= MAX_LABEL
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        return Ok(());
    }
    Err(Error::usage(format!("`{name}` cannot be a namespace"))
        .because(format!("Kubernetes takes at most {MAX_LABEL} of a-z, 0-9 and -, with a letter or digit at both ends"))
        .hint("choose a short name, e.g. -n dhub"))
}
/// What to do about [`holds_credentials`].
pub const NO_CREDENTIALS: &str = "take it out, and name a mirror that asks for none";

/// Whether the address of a repository has a user part.
pub fn holds_credentials(address: &str) -> bool {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest).split(['/', '?', '#']).next();
    authority.is_some_and(|authority| authority.contains('@'))
}
