//! `secrets.yaml`: the secrets of one release at the value paths that they fill.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::manifest::{Manifest, SecretEntry};
use crate::error::{Error, Result};
use crate::fs::sha256_hex;
use crate::overlay;
use crate::redact::Secret;
use crate::secrets::{Ledger, SecretKind};
use crate::yaml::literal_document;

/// The values that a chart's secrets fill, with what `value_of` gives for each; what it gives none
/// for is left out.
pub fn fill(manifest: &Manifest, chart: &str, value_of: impl Fn(&SecretEntry) -> Option<String>) -> Value {
    let mut values = Value::Object(Map::new());
    lay(&mut values, manifest, chart, |secret| (&secret.fills, value_of(secret)));
    values
}

/// Puts a value of each secret at those of its places that are in a chart.
fn lay<'m>(
    values: &mut Value,
    manifest: &'m Manifest,
    chart: &str,
    what: impl Fn(&'m SecretEntry) -> (&'m [String], Option<String>),
) {
    for (places, value) in manifest.secrets.iter().map(what) {
        let paths = places.iter().filter_map(|place| place.split_once(':').filter(|(owner, _)| *owner == chart));
        for path in paths.filter_map(|(_, path)| overlay::parse_path(path)) {
            if let Some(value) = &value {
                overlay::set(values, &path, Value::String(value.clone()));
            }
        }
    }
}

fn from_ledger(manifest: &Manifest, chart: &str, ledger: &Ledger) -> Value {
    let text = |secret: &Secret| secret.expose().to_owned();
    let mut values = fill(manifest, chart, |secret| ledger.value(&secret.name).map(text));
    lay(&mut values, manifest, chart, |secret| {
        let previous = ledger.entries.get(&secret.name).and_then(|entry| entry.previous.as_ref());
        (&secret.previous_fills, previous.map(text))
    });
    values
}

/// Whether a secret fills anything of a chart.
fn is_of(secret: &SecretEntry, chart: &str) -> bool {
    secret.fills.iter().any(|place| place.split_once(':').is_some_and(|(owner, _)| owner == chart))
}

/// A value of the right form that is no secret, the same for the same name: for checks.
pub fn stand_in(name: &str, kind: SecretKind) -> String {
    let digits = sha256_hex(name.as_bytes()).repeat(2);
    match kind {
        SecretKind::Hex32 => digits[..64].to_owned(),
        SecretKind::Alnum(length) => digits[..length].to_owned(),
        SecretKind::Text => digits[..32].to_owned(),
    }
}

/// The secrets of one chart as values, all of them.
pub(super) fn values(manifest: &Manifest, chart: &str, ledger: &Ledger) -> Result<Value> {
    let missing = |secret: &&SecretEntry| is_of(secret, chart) && ledger.value(&secret.name).is_none();
    match manifest.secrets.iter().find(missing) {
        Some(SecretEntry { name, .. }) => {
            Err(Error::user(format!("the ledger has no secret `{name}`")).hint("run `helm iris render` first"))
        }
        None => Ok(from_ledger(manifest, chart, ledger)),
    }
}

/// The text of `secrets.yaml`, as far as the ledger knows the secrets; none where the chart has none.
pub(super) fn text(manifest: &Manifest, chart: &str, ledger: &Ledger) -> Option<Secret> {
    let values = from_ledger(manifest, chart, ledger);
    if values.as_object().is_none_or(Map::is_empty) {
        return None;
    }
    let mut text = String::from(
        "# Secrets, from the ledger. Never commit this file. Edits are lost: it is written again at every apply.\n",
    );
    for secret in manifest.secrets.iter().filter(|secret| is_of(secret, chart)) {
        let _ = writeln!(text, "#   {} ({}): {}", secret.name, secret.kind, secret.purpose);
    }
    text.push_str(&literal_document(&values));
    Some(Secret::new(text))
}
