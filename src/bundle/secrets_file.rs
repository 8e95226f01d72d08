//! `secrets.yaml`: the secrets of one release at the value paths that they fill.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::manifest::Manifest;
use crate::error::{Error, Result};
use crate::fs::sha256_hex;
use crate::overlay;
use crate::redact::Secret;
use crate::secrets::{Ledger, SecretKind};
use crate::yaml::literal_document;

/// The values that a chart's secrets fill, with what `value_of` gives for each name.
///
/// # Errors
/// Whatever `value_of` refuses.
pub fn fill(manifest: &Manifest, chart: &str, value_of: impl Fn(&str) -> Result<String>) -> Result<Value> {
    let mut values = Value::Object(Map::new());
    for secret in &manifest.secrets {
        for place in &secret.fills {
            let Some((owner, path)) = place.split_once(':') else {
                continue;
            };
            if owner == chart
                && let Some(path) = overlay::parse_path(path)
            {
                overlay::set(&mut values, &path, Value::String(value_of(&secret.name)?));
            }
        }
    }
    Ok(values)
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

/// The secrets of one chart as values.
pub(super) fn values(manifest: &Manifest, chart: &str, ledger: &Ledger) -> Result<Value> {
    fill(manifest, chart, |name| {
        ledger.value(name).map(|secret| secret.expose().to_owned()).ok_or_else(|| {
            Error::user(format!("the ledger has no secret `{name}`")).hint("run `helm iris render` first")
        })
    })
}

/// The text of `secrets.yaml`; none where the chart has no secrets.
pub(super) fn text(manifest: &Manifest, chart: &str, ledger: &Ledger) -> Result<Option<Secret>> {
    let values = values(manifest, chart, ledger)?;
    if values.as_object().is_none_or(Map::is_empty) {
        return Ok(None);
    }
    let mut text = String::from(
        "# Secrets, from the ledger. Never commit this file. Edits are lost: it is written again at every apply.\n",
    );
    let mine =
        |fills: &[String]| fills.iter().any(|place| place.split_once(':').is_some_and(|(owner, _)| owner == chart));
    for secret in manifest.secrets.iter().filter(|secret| mine(&secret.fills)) {
        let _ = writeln!(text, "#   {} ({}): {}", secret.name, secret.kind, secret.purpose);
    }
    text.push_str(&literal_document(&values));
    Ok(Some(Secret::new(text)))
}
