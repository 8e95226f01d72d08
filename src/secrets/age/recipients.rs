//! To whom an age file is encrypted.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use ::age::{Encryptor, Recipient, x25519};

use crate::error::{Error, Result};

/// Marks a recipient in the head of the encrypted text.
const MARK: &str = "# recipient ";

/// Public keys, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients(BTreeMap<String, x25519::Recipient>);

impl Recipients {
    /// Reads `--recipient` as typed.
    ///
    /// # Errors
    /// The first that is no public key of age's own kind.
    pub fn from_arguments(arguments: &[String]) -> Result<Self> {
        let read = |(index, text): (usize, &String)| {
            parse(text.trim()).ok_or_else(|| no_recipient(index + 1, arguments.len(), text.trim()))
        };
        arguments.iter().enumerate().map(read).collect()
    }

    /// Reads the head of a decrypted text; none where a line of it names no recipient.
    pub(super) fn from_head(text: &str) -> Option<Self> {
        let head = text.lines().take_while(|line| line.starts_with('#'));
        head.filter_map(|line| line.strip_prefix(MARK)).map(|line| parse(line.trim())).collect()
    }

    /// The lines that [`Self::from_head`] reads.
    pub(super) fn head(&self) -> String {
        self.0.keys().map(|recipient| format!("{MARK}{recipient}\n")).collect()
    }

    /// Each as what a file is encrypted to.
    pub(super) fn each(&self) -> impl Iterator<Item = &dyn Recipient> {
        self.0.values().map(|recipient| recipient as &dyn Recipient)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each shortened, one's own first and marked: for people to recognise.
    pub fn brief(&self, own: &Self) -> String {
        let short = |recipient: &String| {
            let (start, end) = recipient.split_at(12.min(recipient.len()));
            let end = &end[end.len().saturating_sub(6)..];
            let mark = if own.0.contains_key(recipient) { " (yours)" } else { "" };
            format!("{start}…{end}{mark}")
        };
        let mut all: Vec<&String> = self.0.keys().collect();
        all.sort_by_key(|recipient| !own.0.contains_key(*recipient));
        all.into_iter().map(short).collect::<Vec<_>>().join(", ")
    }

    /// Those of these that are not among the others.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        let mut left = self.clone();
        left.0.retain(|recipient, _| !others.0.contains_key(recipient));
        left
    }

    /// Whether somebody is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.keys().any(|recipient| other.0.contains_key(recipient))
    }
}

/// As the command line takes them.
impl fmt::Display for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.keys().map(|recipient| format!("--recipient {recipient}")).collect();
        f.write_str(&all.join(" "))
    }
}

impl FromIterator<x25519::Recipient> for Recipients {
    fn from_iter<I: IntoIterator<Item = x25519::Recipient>>(recipients: I) -> Self {
        Self(recipients.into_iter().map(|recipient| (recipient.to_string(), recipient)).collect())
    }
}

/// A public key that can be encrypted to.
fn parse(text: &str) -> Option<x25519::Recipient> {
    let recipient: x25519::Recipient = text.parse().ok()?;
    // A few keys are well formed and of no use; age takes them for its own defect and panics.
    let tried = AssertUnwindSafe(|| Encryptor::with_recipients(std::iter::once(&recipient as &dyn Recipient)).is_ok());
    panic::catch_unwind(tried).unwrap_or(false).then_some(recipient)
}

fn no_recipient(number: usize, of: usize, text: &str) -> Error {
    // Anything else than a public key may be a secret by mistake, and is not shown.
    let shown = if text.starts_with("age1") { format!(" (`{text}`)") } else { String::new() };
    let which = if of == 1 { String::new() } else { format!(" number {number}") };
    let error = Error::usage(format!("--recipient{which}{shown} is no age recipient"));
    if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
        return error
            .because("it is a secret key, which must not stand in a command line")
            .hint("show its recipient with: age-keygen -y FILE; and make a new key if others use this machine");
    }
    error
        .because("a recipient is `age1` and 58 more characters, the last of which are a checksum; ssh keys and plugins are not taken")
        .hint("ask its owner to show it with: age-keygen -y FILE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> String {
        x25519::Identity::generate().to_public().to_string()
    }

    #[test]
    fn each_once_and_read_back_from_the_head() {
        let (a, b) = (one(), one());
        let recipients = Recipients::from_arguments(&[a.clone(), format!(" {b} "), a.clone()]).unwrap();
        assert_eq!(recipients.len(), 2);
        let text = format!("# who\n{}format: 1\n# recipient {}\n", recipients.head(), one());
        assert_eq!(Recipients::from_head(&text), Some(recipients.clone()));
        let only = Recipients::from_arguments(&[a]).unwrap();
        assert!(only.without(&recipients).is_empty() && only.overlaps(&recipients));
        let other = recipients.without(&only);
        assert_eq!(other.len(), 1);
        assert_eq!(other.brief(&only), format!("{}…{}", &b[..12], &b[56..]));
        assert!(recipients.brief(&only).contains(" (yours)"));
        assert_eq!(Recipients::from_head("# recipient age1\nformat: 1\n"), None);
        assert!(Recipients::from_head("format: 1\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_recipient_is_named_and_secrets_are_not_shown() {
        let good = one();
        let typo = good.replace("age1", "age1q");
        let error = Recipients::from_arguments(&[good.clone(), typo.clone()]).unwrap_err();
        assert!(error.message.contains("number 2") && error.message.contains(&typo), "{error}");
        let secret = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
        for text in [secret, "a-password", "", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"] {
            let error = Recipients::from_arguments(&[text.to_owned()]).unwrap_err();
            assert!(text.is_empty() || !format!("{error:?}").contains(text), "{error:?}");
        }
    }

    /// The point at zero: everybody could decrypt what is encrypted to it.
    #[test]
    fn a_key_of_no_use_is_refused() {
        let zero = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z";
        assert!(zero.parse::<x25519::Recipient>().is_ok(), "a control: it is well formed");
        assert!(Recipients::from_arguments(&[zero.to_owned()]).is_err());
    }
}
