//! `secrets.yaml`: the secrets of one release at the value paths that they fill.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::delivery;
use super::manifest::{Manifest, ReleaseEntry, SecretEntry};
use crate::error::{Error, Result};
use crate::fs::sha256_hex;
use crate::overlay;
use crate::redact::Secret;
use crate::secrets::{Ledger, SecretKind};
use crate::yaml::literal_document;

/// For checks, where the fingerprint of a Secret's content would stand.
pub const STAND_IN_FINGERPRINT: &str = "0123456789abcdef";

/// The values that a release's secrets fill, with what `value_of` gives for each; what it gives none
/// for is left out. With them the fingerprint of its Kubernetes Secret, where it has one.
pub fn fill(
    manifest: &Manifest,
    release: &ReleaseEntry,
    value_of: impl Fn(&SecretEntry) -> Option<String>,
    fingerprint: &str,
) -> Value {
    let mut values = Value::Object(Map::new());
    for secret in &manifest.secrets {
        lay(&mut values, &secret.fills, &release.chart, value_of(secret));
    }
    let fingerprints = release.delivery.iter().flat_map(|delivery| &delivery.fingerprints);
    for path in fingerprints.filter_map(|path| overlay::parse_path(path)) {
        overlay::set(&mut values, &path, Value::String(fingerprint.to_owned()));
    }
    values
}

/// Puts a value at those places that are in a chart.
fn lay(values: &mut Value, places: &[String], chart: &str, value: Option<String>) {
    let Some(value) = value else { return };
    let paths = places.iter().filter_map(|place| place.split_once(':').filter(|(owner, _)| *owner == chart));
    for path in paths.filter_map(|(_, path)| overlay::parse_path(path)) {
        overlay::set(values, &path, Value::String(value.clone()));
    }
}

/// As far as the ledger knows the secrets.
fn from_ledger(manifest: &Manifest, release: &ReleaseEntry, ledger: &Ledger) -> Value {
    let content = delivery::content(manifest, release, ledger);
    let fingerprint = content.map(|content| delivery::fingerprint(&content, ledger)).unwrap_or_default();
    let text = |secret: &Secret| secret.expose().to_owned();
    let mut values = fill(manifest, release, |secret| ledger.value(&secret.name).map(text), &fingerprint);
    for secret in &manifest.secrets {
        let previous = ledger.entries.get(&secret.name).and_then(|entry| entry.previous.as_ref());
        lay(&mut values, &secret.previous_fills, &release.chart, previous.map(text));
    }
    values
}

/// Refuses a ledger that lacks a secret which a release needs.
pub(super) fn require_all(manifest: &Manifest, release: &ReleaseEntry, ledger: &Ledger) -> Result<()> {
    let missing = |secret: &&SecretEntry| secret.is_of(&release.chart) && ledger.value(&secret.name).is_none();
    match manifest.secrets.iter().find(missing) {
        Some(SecretEntry { name, .. }) => {
            Err(Error::user(format!("the ledger has no secret `{name}`")).hint("run `helm iris render` first"))
        }
        None => Ok(()),
    }
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

/// The secrets of one release as values, all of them.
pub(super) fn values(manifest: &Manifest, release: &ReleaseEntry, ledger: &Ledger) -> Result<Value> {
    require_all(manifest, release, ledger)?;
    Ok(from_ledger(manifest, release, ledger))
}

/// The text of `secrets.yaml`, as far as the ledger knows the secrets; none where the release has no
/// such file.
pub(super) fn text(manifest: &Manifest, release: &ReleaseEntry, ledger: &Ledger) -> Option<Secret> {
    if !release.values.contains(&format!("{}/secrets.yaml", release.chart)) {
        return None;
    }
    let mut text = String::from(
        "# Secrets, from the ledger. Never commit this file. Edits are lost: it is written again at every apply.\n",
    );
    let mine = |place: &String| place.split_once(':').is_some_and(|(owner, _)| owner == release.chart);
    for secret in manifest.secrets.iter().filter(|secret| secret.fills.iter().any(mine)) {
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
    let values = from_ledger(manifest, release, ledger);
    let empty = values.as_object().is_none_or(Map::is_empty);
    text.push_str(&if empty { "{}\n".to_owned() } else { literal_document(&values) });
    Some(Secret::new(text))
}
