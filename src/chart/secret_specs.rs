//! What `release.yaml` says about secrets, checked.

use super::release::{ExistingKey, ReleaseSpec, Scope, SecretSpec};
use crate::overlay::parse_path;
use crate::problem::Problem;
use crate::secrets::cluster;
use crate::secrets::delivered::{is_key, secret_name};
use crate::yaml::Document;

/// Everything that is wrong with the secrets of the chart `name`.
pub(super) fn problems(spec: &ReleaseSpec, name: &str, document: &Document) -> Vec<Problem> {
    let at = |pointer: &str, message: &str, fix: &str| {
        Problem::error(&document.file, document.place(pointer), message.to_owned()).fix(fix)
    };
    let mut problems = Vec::new();
    let mut filled: Vec<&String> = Vec::new();
    let mut keys: Vec<&ExistingKey> = Vec::new();
    for (index, secret) in spec.secrets.iter().enumerate() {
        let pointer = format!("/secrets/{index}");
        if spec.secrets[..index].iter().any(|other| other.name == secret.name) {
            let message = format!("the secret `{}` stands here a second time", secret.name);
            problems.push(at(&pointer, &message, "give the first one all the paths"));
        }
        for path in &secret.paths {
            problems
                .extend(overlap(path, &filled).map(|message| {
                    at(&format!("{pointer}/paths"), &message, "let each secret fill a path of its own")
                }));
            filled.push(path);
        }
        if crate::library::require_name("secret", &secret.name).is_err() {
            problems.push(at(&pointer, "the secret has no proper name", "use a-z, 0-9 and -"));
        }
        for path in secret.paths.iter().chain(&secret.previous_paths).filter(|path| parse_path(path).is_none()) {
            let message = format!("`{path}` is no value path");
            problems.push(at(&format!("{pointer}/paths"), &message, "write it as hub.db.password or keys[0]"));
        }
        for to in &secret.existing {
            problems
                .extend(existing(to, &keys).map(|(message, fix)| at(&format!("{pointer}/existing"), &message, fix)));
            keys.push(to);
        }
        problems.extend(previous(secret).map(|(message, fix)| at(&format!("{pointer}/existing"), message, fix)));
    }
    for path in &spec.fingerprint_paths {
        if parse_path(path).is_none() {
            let message = format!("`{path}` is no value path");
            problems.push(at("/fingerprintPaths", &message, "write it as hub.annotations.helm-iris/fingerprint"));
        }
        let overlap = overlap(path, &filled);
        problems.extend(overlap.map(|message| at("/fingerprintPaths", &message, "name a path of its own")));
        filled.push(path);
    }
    problems.extend(whole(spec, name).map(|(pointer, message, fix)| at(pointer, &message, fix)));
    problems
}

/// What is wrong with delivering anything from this chart.
fn whole(spec: &ReleaseSpec, name: &str) -> Option<(&'static str, String, &'static str)> {
    let delivers = spec.secrets.iter().any(|secret| !secret.existing.is_empty());
    if !delivers {
        let message = "there is no Secret to take the fingerprint of: no secret has `existing`".to_owned();
        let pointer = "/fingerprintPaths";
        return (!spec.fingerprint_paths.is_empty()).then_some((pointer, message, "take it out"));
    }
    if spec.scope == Scope::Cluster {
        let message = "a release of the cluster cannot read a Secret in a hub's namespace".to_owned();
        return Some(("/secrets", message, "take `existing` out, or let the release be of the hub"));
    }
    let taken = secret_name(name);
    (taken == cluster::NAME)
        .then(|| ("/secrets", format!("the Secret {taken} would be the hub's ledger"), "give the chart another name"))
}

/// What is wrong with one key, where others stand before it.
fn existing(to: &ExistingKey, before: &[&ExistingKey]) -> Option<(String, &'static str)> {
    let ExistingKey { key, path, separator, .. } = to;
    if !is_key(key) {
        return Some((format!("`{key}` is no key of a Secret"), "use letters, digits, `-`, `_` and `.`"));
    }
    if let Some(path) = path.as_ref().filter(|path| parse_path(path).is_none()) {
        return Some((format!("`{path}` is no value path"), "write it as hub.db.password or keys[0]"));
    }
    let clash = before.iter().filter(|other| other.key == *key).any(|other| match (&other.path, path) {
        (Some(one), Some(two)) => is_inside(one, two) || is_inside(two, one),
        (None, None) => separator.is_none(),
        _ => true,
    });
    clash.then(|| {
        let fix = "give each a `path`, for a key that holds a document; or a `separator`, for one that holds a list";
        (format!("two secrets go to the key `{key}`: one would erase the other"), fix)
    })
}

/// Both modes must keep the value before, or switching between them would lose it.
fn previous(secret: &SecretSpec) -> Option<(&'static str, &'static str)> {
    let delivered = secret.existing.iter().any(|to| to.previous);
    (!secret.existing.is_empty() && delivered == secret.previous_paths.is_empty()).then_some((
        "the value before is kept in one mode only",
        "give both `previousPaths` and a key of `existing` with `previous: true`, or neither",
    ))
}

fn overlap(path: &str, filled: &[&String]) -> Option<String> {
    let other = filled.iter().find(|other| is_inside(path, other) || is_inside(other, path))?;
    Some(format!("`{path}` and `{other}` overlap: one secret would erase the other"))
}

/// Whether a value path is another one or leads on from it.
fn is_inside(long: &str, short: &str) -> bool {
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
