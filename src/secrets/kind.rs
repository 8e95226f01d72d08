//! What a secret looks like, and making one.

use std::fmt;
use std::str::FromStr;

use rand::TryRng;
use rand::rngs::SysRng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::redact::Secret;
use crate::schema::Form;

/// Shorter would be guessable.
pub(super) const MIN_ALNUM: usize = 12;
const MAX_ALNUM: usize = 128;
const ALNUM: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8; 16] = b"0123456789abcdef";

const FORM: Form = Form {
    pattern: r"^(hex32|alnum\((1[2-9]|[2-9][0-9]|1[01][0-9]|12[0-8])\)|text)$",
    wrong: "no kind of secret",
    fix: "use hex32, alnum(n) with n from 12 to 128, or text",
};

/// What a secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", transform = FORM.in_schema())]
pub enum SecretKind {
    /// 32 random bytes as 64 hex digits, as JupyterHub asks for tokens and cookie secrets.
    #[default]
    Hex32,
    /// So many letters and digits: safe in URLs and shells, and can be typed.
    Alnum(usize),
    /// What somebody else gave to a person, e.g. a client secret or a private key. It cannot be made.
    Text,
}

impl SecretKind {
    /// Whether [`Self::generate`] can make one.
    pub fn can_be_made(self) -> bool {
        self != Self::Text
    }

    /// Makes a new secret of this kind from the operating system's generator.
    ///
    /// # Errors
    /// When the operating system gives no randomness; for a kind that cannot be made.
    pub fn generate(self) -> Result<Secret> {
        let (alphabet, length): (&[u8], usize) = match self {
            Self::Hex32 => (HEX, 64),
            Self::Alnum(length) => (ALNUM, length),
            Self::Text => {
                return Err(Error::user("a secret that somebody else gives out cannot be made here")
                    .hint("get it from where it is given out, then: helm iris secrets set NAME"));
            }
        };
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let byte = random_byte()?;
            // Take whole multiples of the alphabet only, or its first characters would be likelier.
            let limit = 256 - 256 % alphabet.len();
            if usize::from(byte) < limit {
                text.push(char::from(alphabet[usize::from(byte) % alphabet.len()]));
            }
        }
        Ok(Secret::new(text))
    }
}

fn random_byte() -> Result<u8> {
    let mut byte = [0u8; 1];
    SysRng
        .try_fill_bytes(&mut byte)
        .map_err(|error| Error::user("the operating system gives no randomness for secrets").because(error))?;
    Ok(byte[0])
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex32 => f.write_str("hex32"),
            Self::Alnum(length) => write!(f, "alnum({length})"),
            Self::Text => f.write_str("text"),
        }
    }
}

impl From<SecretKind> for String {
    fn from(kind: SecretKind) -> Self {
        kind.to_string()
    }
}

impl TryFrom<String> for SecretKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for SecretKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "hex32" => return Ok(Self::Hex32),
            "text" => return Ok(Self::Text),
            _ => {}
        }
        text.strip_prefix("alnum(")
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|length| length.parse().ok())
            .filter(|length| (MIN_ALNUM..=MAX_ALNUM).contains(length))
            .map(Self::Alnum)
            .ok_or_else(|| {
                format!(
                    "`{text}` is no kind of secret: use hex32, alnum(n) with n from {MIN_ALNUM} to {MAX_ALNUM}, or text"
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_secrets_are_of_their_kind_and_differ() {
        for kind in [SecretKind::Hex32, SecretKind::Alnum(16)] {
            let (one, two) = (kind.generate().unwrap(), kind.generate().unwrap());
            assert_ne!(one, two);
            assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert!(SecretKind::Hex32.generate().unwrap().expose().bytes().all(|byte| HEX.contains(&byte)));
        assert!(SecretKind::Text.generate().is_err());
        assert_eq!(SecretKind::Alnum(16).generate().unwrap().expose().len(), 16);
        assert_eq!(SecretKind::Hex32.generate().unwrap().expose().len(), 64);
    }

    #[test]
    fn every_character_is_as_likely() {
        let text: String = (0..200).map(|_| SecretKind::Alnum(62).generate().unwrap().expose().to_owned()).collect();
        for &letter in ALNUM {
            let count = text.bytes().filter(|b| *b == letter).count();
            assert!((100..320).contains(&count), "{} {count}", char::from(letter));
        }
    }

    #[test]
    fn kinds_round_trip_and_weak_ones_are_refused() {
        for text in ["hex32", "alnum(24)", "text"] {
            assert_eq!(text.parse::<SecretKind>().unwrap().to_string(), text);
        }
        for text in ["alnum(4)", "hex16", "alnum(x)", "", "alnum(1000)"] {
            assert!(text.parse::<SecretKind>().is_err(), "{text}");
        }
    }
}
