//! Secrets that people bring, or a hub brings along: what is wrong with them, without showing them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::kind::MIN_ALNUM;
use super::{Ledger, Need, SecretKind};
use crate::redact::Secret;

/// What somebody else gives out is longer than this.
const MIN_TEXT: usize = 8;
/// 32 bytes, which is what `JupyterHub` asks for.
const HEX_DIGITS: usize = 64;
/// What guides, tutorials and default values use; the first that attackers try.
const WELL_KNOWN: [&str; 22] = [
    "admin",
    "changeme",
    "dask",
    "default",
    "dummy",
    "example",
    "guest",
    "hunter2",
    "jhub",
    "jupyter",
    "jupyterhub",
    "letmein",
    "pass",
    "passw0rd",
    "password",
    "postgres",
    "qwerty",
    "root",
    "secret",
    "test",
    "token",
    "welcome",
];

/// What is wrong with a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakness {
    /// What is wrong, to follow the secret's name: `is too short`.
    pub what: String,
    /// What would be right.
    pub fix: String,
}

/// Everything that is wrong with a value for a need, in the company of a ledger's other secrets.
pub fn weaknesses(need: &Need, value: &Secret, ledger: &Ledger) -> Vec<Weakness> {
    let text = value.expose();
    let mut found = Vec::new();
    let mut say = |what: String, fix: &str| found.push(Weakness { what, fix: fix.to_owned() });
    if is_placeholder(text) {
        say("is a placeholder".into(), "give the real value");
    } else if is_well_known(text) {
        say("is a well-known example, or a repetition".into(), "choose one that nobody can guess");
    }
    let least = least(need);
    if text.chars().count() < least {
        say(
            format!("is too short ({} characters)", text.chars().count()),
            &format!("at least {least} characters are needed"),
        );
    }
    if let Some((what, fix)) = wrong_form(need, text) {
        say(what.into(), fix);
    }
    let other = ledger.entries.iter().find(|(name, entry)| **name != need.name && entry.value == *value);
    if let Some((other, _)) = other {
        say(format!("is the same as `{other}`"), "who learns one must not know the other: choose another");
    }
    found
}

fn least(need: &Need) -> usize {
    let by_kind = match need.kind {
        // Its form says how long each key is.
        SecretKind::Hex32 if need.prepend => 1,
        SecretKind::Hex32 => HEX_DIGITS,
        SecretKind::Alnum(_) => MIN_ALNUM,
        SecretKind::Text => MIN_TEXT,
    };
    need.min_length.unwrap_or(by_kind)
}

fn wrong_form(need: &Need, text: &str) -> Option<(&'static str, &'static str)> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    // 32 bytes each, in one of the two forms that JupyterHub's CryptKeeper takes.
    let key = |key: &str| {
        key.len() == HEX_DIGITS && hex(key) || STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == HEX_DIGITS / 2)
    };
    match need.kind {
        SecretKind::Hex32 if need.prepend && !text.split(';').all(key) => {
            Some(("is no key of 32 bytes", "make one with: openssl rand -hex 32"))
        }
        SecretKind::Hex32 if !(need.prepend || hex(text) && text.len().is_multiple_of(2)) => {
            Some(("is not an even number of hex digits", "make one with: openssl rand -hex 32"))
        }
        SecretKind::Alnum(_) if !text.bytes().all(unreserved) => {
            Some(("has characters that break URLs and headers", "use letters, digits and - . _ ~"))
        }
        SecretKind::Text if text.starts_with('\u{feff}') => {
            Some(("begins with a byte order mark", "save the file without one"))
        }
        SecretKind::Text if text.chars().any(char::is_control) && !is_pem(text) => {
            Some(("has line breaks or control characters, and is no key in PEM form", "give it on one line"))
        }
        SecretKind::Text if text.trim() != text && !is_pem(text) => {
            Some(("begins or ends with a space", "give it without"))
        }
        _ => None,
    }
}

fn is_pem(text: &str) -> bool {
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r');
    text.starts_with("-----BEGIN ") && text.contains("-----END ") && text.chars().all(plain)
}

fn is_well_known(text: &str) -> bool {
    let lower = text.to_lowercase();
    let letters = lower.trim_end_matches(|c: char| c.is_ascii_digit() || "!.-_".contains(c));
    let repeats = |period: usize| {
        lower.len() >= 2 * period && lower.bytes().zip(lower.bytes().skip(period)).all(|(one, next)| one == next)
    };
    let counts = lower.len() > 3 && lower.bytes().zip(lower.bytes().skip(1)).all(|(one, next)| next == one + 1);
    let digits = lower.len() > 3 && "12345678901234567890".starts_with(&lower);
    WELL_KNOWN.contains(&letters) || (1..=16).any(repeats) || counts || digits
}

/// `<insert your value>` and its like: legal texts that nobody meant.
pub fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let inside = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    let bracketed = inside.is_some_and(|inside| !inside.is_empty() && !inside.contains(['<', '>', '\n']));
    let variable = text.strip_prefix("${").is_some_and(|rest| rest.ends_with('}'));
    bracketed
        || variable
        || matches!(text.to_ascii_lowercase().as_str(), "changeme" | "change-me" | "replace-me" | "replaceme")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn need(kind: &str) -> Need {
        Need { name: "a".into(), kind: kind.parse().unwrap(), ..Need::default() }
    }

    fn wrong(kind: &str, value: &str) -> String {
        let mut ledger = Ledger::create().unwrap();
        let other = Need { name: "other".into(), ..need("text") };
        ledger.replace(&other, crate::secrets::Source::Given, Secret::new("of-another-use-0".into()));
        let found = weaknesses(&need(kind), &Secret::new(value.into()), &ledger);
        let found: Vec<_> = found.into_iter().map(|one| one.what).collect();
        found.join(", ")
    }

    #[test]
    fn each_weakness_is_told() {
        let hex = "4f".repeat(31) + "a9";
        for (kind, value, told) in [
            ("alnum(32)", "<token1>", "placeholder"),
            ("alnum(32)", "password123", "well-known"),
            ("alnum(32)", "JupyterHub", "well-known"),
            ("alnum(32)", "aaaaaaaaaaaaaaaa", "well-known"),
            ("hex32", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "well-known"),
            ("alnum(32)", "123456789012", "well-known"),
            ("alnum(32)", "short1x", "too short (7"),
            ("hex32", "abcdef12", "too short"),
            ("hex32", &hex[1..], "even number"),
            ("hex32", &hex.replace('9', "g"), "even number"),
            ("alnum(32)", "p@ss/word:with%20", "break URLs"),
            ("alnum(32)", "two words are here", "break URLs"),
            ("text", "two\nlines of text", "line breaks"),
            ("text", " a client secret", "space"),
            ("alnum(32)", "of-another-use-0", "same as `other`"),
        ] {
            let found = wrong(kind, value);
            assert!(found.contains(told), "{kind} {value}: {found}");
        }
    }

    #[test]
    fn what_is_right_passes() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIH\n-----END PRIVATE KEY-----\n";
        let hex = "4f".repeat(31) + "a9";
        for (kind, value) in [
            ("hex32", hex.as_str()),
            ("alnum(16)", "correct-horse-battery"),
            ("text", "ghs_16C7e42F292c6912E7!"),
            ("text", pem),
        ] {
            assert_eq!(wrong(kind, value), "", "{kind} {value}");
        }
        let keys = Need { prepend: true, ..need("hex32") };
        let empty = Ledger::create().unwrap();
        let base64 = STANDARD.encode([7; 32]);
        for (value, right) in [
            (format!("{hex};{}", "b7".repeat(31) + "11"), true),
            (base64, true),
            (format!("{hex}ab"), false),
            (format!("{hex};"), false),
            (hex[..16].repeat(4).replace("4f4f4f4f4f4f4f4f4f", "4f;"), false),
        ] {
            assert_eq!(weaknesses(&keys, &Secret::new(value.clone()), &empty).is_empty(), right, "{value}");
        }
        assert_ne!(wrong("hex32", &format!("{hex};{hex}")), "", "a cookie secret is one");
        let strict = Need { min_length: Some(32), ..need("alnum(32)") };
        let short = Secret::new("correct-horse-battery".into());
        assert_eq!(weaknesses(&strict, &short, &Ledger::create().unwrap()).len(), 1);
    }

    #[test]
    fn the_guides_placeholders_are_seen() {
        for text in ["<insert your value>", "<token1>", "<your external IP address here>", "CHANGEME"] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["a<b>c", "<>", "x > y", "<b>bold</b> text", ""] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    proptest! {
        /// What we make ourselves is never refused; whatever else comes in does not stop the check.
        #[test]
        fn generated_secrets_pass_and_nothing_panics(length in 12_usize..=128, text in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
            let ledger = Ledger::create().unwrap();
            for kind in [SecretKind::Hex32, SecretKind::Alnum(length)] {
                let need = Need { name: "a".into(), kind, ..Need::default() };
                prop_assert_eq!(weaknesses(&need, &kind.generate().unwrap(), &ledger), vec![]);
                let told = weaknesses(&need, &Secret::new(text.clone()), &ledger);
                let shows = |text: &str| text.len() > 3 && told.iter().any(|one| one.what.contains(text));
                prop_assert!(!shows(&text) || "is a placeholder, too short".contains(&text));
            }
        }
    }
}
