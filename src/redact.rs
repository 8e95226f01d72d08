//! Secrets that cannot be printed.
//!
//! ```
//! let secret = helm_iris::redact::Secret::new("hunter2".to_owned());
//! assert_eq!(format!("{secret} {secret:?}"), "*** ***");
//! ```

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
/// A text with one of these in it speaks of a secret, ours or somebody else's.
const SECRET_WORDS: [&str; 10] =
    ["password", "passwd", "passphrase", "pgpass", "pwd", "secret", "token", "key", "credential", "cookie"];

/// Whether a key, or a line of code, speaks of a secret.
pub fn speaks_of_secrets(text: &str) -> bool {
    let lower = text.to_lowercase();
    SECRET_WORDS.iter().any(|word| lower.contains(word))
}
