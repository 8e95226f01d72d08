//! Secrets that cannot be printed.
//!
//! ```
//! let secret = helm_iris::redact::Secret::new("hunter2".to_owned());
//! assert_eq!(format!("{secret} {secret:?}"), "*** ***");
//! ```

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A secret value: printed as `***`, wiped from memory when dropped, never serialized.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value into custody.
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// The value itself, for the few places that must write it: the ledger and `secrets.yaml`.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A text without what stands before the host of an address, as in `postgresql://user:password@host`. What is
/// between is somebody else's line, in which a password may hold anything: up to the last `@` it goes.
pub fn without_url_passwords(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split_inclusive('\n').map(line_without).collect())
}

fn line_without(line: &str) -> String {
    let Some((scheme, rest)) = line.split_once("://") else { return line.to_owned() };
    // What is pulled from a registry ends in `@` and a digest.
    let mut ends = rest.rmatch_indices('@').map(|(at, _)| &rest[at..]).filter(|end| !end.starts_with("@sha256:"));
    ends.next().map_or_else(|| line.to_owned(), |end| format!("{scheme}://***{end}"))
}

/// A text with one of these in it speaks of a secret, ours or somebody else's.
const SECRET_WORDS: [&str; 10] =
    ["password", "passwd", "passphrase", "pgpass", "pwd", "secret", "token", "key", "credential", "cookie"];

/// Whether a key, or a line of code, speaks of a secret.
pub fn speaks_of_secrets(text: &str) -> bool {
    let lower = text.to_lowercase();
    SECRET_WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_host_alone() {
        let all = [
            ("at postgresql://jhub:pa@s s/w@db:5432/jhub now", "at postgresql://***@db:5432/jhub now"),
            ("a\nredis://:x@h\nb", "a\nredis://***@h\nb"),
            ("https://hub/user/a", "https://hub/user/a"),
            ("oci://host/chart:1@sha256:ab", "oci://host/chart:1@sha256:ab"),
            ("oci://me:pw@host/chart@sha256:ab", "oci://***@host/chart@sha256:ab"),
            ("mail a@b, then https://hub", "mail a@b, then https://hub"),
        ];
        for (text, clean) in all {
            assert_eq!(without_url_passwords(text), clean);
        }
    }
}
