//! `secrets.yaml`: the secrets of one release at the value paths that they fill.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::delivery;
use super::manifest::{Manifest, ReleaseEntry};
use crate::error::{Error, Result};
use crate::fs::sha256_hex;
use crate::overlay;
use crate::redact::Secret;
use crate::secrets::{Ledger, SecretKind};
use crate::yaml::literal_document;

/// For checks, where the fingerprint of a Secret's content would stand.
pub const STAND_IN_FINGERPRINT: &str = "0123456789abcdef";

/// The values that a release's secrets fill, with what `value_of` gives for each name; and the
/// fingerprint of its Kubernetes Secret, where it has one.
///
/// # Errors
/// Whatever `value_of` refuses.
pub fn fill(
    manifest: &Manifest,
    release: &ReleaseEntry,
    value_of: impl Fn(&str) -> Result<String>,
    fingerprint: &str,
) -> Result<Value> {
    let mut values = Value::Object(Map::new());
    for secret in &manifest.secrets {
        for place in &secret.fills {
            let Some((owner, path)) = place.split_once(':') else {
                continue;
            };
            if owner == release.chart
                && let Some(path) = overlay::parse_path(path)
            {
                overlay::set(&mut values, &path, Value::String(value_of(&secret.name)?));
            }
        }
    }
    let fingerprints = release.delivery.iter().flat_map(|delivery| &delivery.fingerprints);
    for path in fingerprints.filter_map(|path| overlay::parse_path(path)) {
        overlay::set(&mut values, &path, Value::String(fingerprint.to_owned()));
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

/// The secrets of one release as values.
pub(super) fn values(manifest: &Manifest, release: &ReleaseEntry, ledger: &Ledger) -> Result<Value> {
    let content = delivery::content(manifest, release, ledger)?;
    let fingerprint = content.map(|content| delivery::fingerprint(&content, ledger)).unwrap_or_default();
    let value_of =
        |name: &str| ledger.value(name).map(|secret| secret.expose().to_owned()).ok_or_else(|| missing(name));
    fill(manifest, release, value_of, &fingerprint)
}

pub(super) fn missing(name: &str) -> Error {
    Error::user(format!("the ledger has no secret `{name}`")).hint("run `helm iris render` first")
}

/// The text of `secrets.yaml`; none where the release has no such file.
pub(super) fn text(manifest: &Manifest, release: &ReleaseEntry, ledger: &Ledger) -> Result<Option<Secret>> {
    let values = values(manifest, release, ledger)?;
    if !release.values.contains(&format!("{}/secrets.yaml", release.chart)) {
        return Ok(None);
    }
    let mut text = String::from(
        "# Secrets, from the ledger. Never commit this file. Edits are lost: it is written again at every apply.\n",
    );
    let mine = |fills: &[String]| {
        fills.iter().any(|place| place.split_once(':').is_some_and(|(owner, _)| owner == release.chart))
    };
    for secret in manifest.secrets.iter().filter(|secret| mine(&secret.fills)) {
        let _ = writeln!(text, "#   {} ({}): {}", secret.name, secret.kind, secret.purpose);
    }
    if let Some(delivery) = &release.delivery {
        let _ =
            writeln!(text, "# The others are in the Secret {} of namespace {}.", delivery.secret, release.namespace);
        if !delivery.fingerprints.is_empty() {
            text.push_str(
                "# A fingerprint is no secret: where the Secret changes it changes, and restarts what reads it.\n",
            );
        }
    }
    let empty = values.as_object().is_none_or(Map::is_empty);
    text.push_str(&if empty { "{}\n".to_owned() } else { literal_document(&values) });
    Ok(Some(Secret::new(text)))
}
