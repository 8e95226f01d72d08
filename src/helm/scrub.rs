//! Keeps secrets out of what other programs say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::redact::{Secret, without_url_passwords};
use crate::secrets::Ledger;

/// Shorter values are words that stand everywhere; no secret of ours is that short.
const SHORTEST: usize = 6;

/// The forms in which secrets could show up, longest first.
#[derive(Default, Clone)]
pub struct Scrub {
    forms: Vec<Secret>,
}

impl Scrub {
    /// Every secret of a ledger: as it is, in base64, in JSON, and as a URL has it.
    pub fn new(ledger: &Ledger) -> Self {
        let mut forms: Vec<String> = ledger
            .entries
            .values()
            .flat_map(|entry| forms_of(entry.value.expose()))
            .filter(|form| form.len() >= SHORTEST)
            .collect();
        // A longer form may contain a shorter one.
        forms.sort_by(|one, two| two.len().cmp(&one.len()).then_with(|| one.cmp(two)));
        forms.dedup();
        Self { forms: forms.into_iter().map(Secret::new).collect() }
    }

    /// The text with `***` in place of every secret, and of whatever stands before the host in an address.
    pub fn clean(&self, text: &str) -> String {
        let text = self.forms.iter().fold(text.to_owned(), |text, form| text.replace(form.expose(), "***"));
        without_url_passwords(&text).into_owned()
    }

    /// Whether a secret stands in the text.
    pub fn finds(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form.expose()))
    }
}

fn forms_of(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap_or_default();
    let url =
        value.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") });
    // Base64 without its padding, which a longer text around it would change.
    let base64 = STANDARD.encode(value);
    vec![value.to_owned(), base64.trim_end_matches('=').to_owned(), json.trim_matches('"').to_owned(), url.collect()]
}
