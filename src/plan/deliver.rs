//! The Secrets that carry secrets to the charts: which are written, and which are not needed any more.

use super::Operation;
use super::build::{Desired, Input};
use crate::chart::release::Scope;
use crate::error::{Error, Result};
use crate::secrets::delivered::{StoredSecret, secret_name};

/// The Secret of a release, where it is not there or holds something else.
pub(super) fn write(input: &Input<'_>, desired: &Desired) -> Result<Option<Operation>> {
    let Desired { entry, secret: Some(content), .. } = desired else { return Ok(None) };
    let (name, namespace) = (secret_name(&entry.chart), entry.namespace.clone());
    let there = input.observed.delivered.get(&name);
    if there.is_some_and(|there| !there.ours) {
        return Err(foreign(&name, &namespace));
    }
    let differs = there.is_none_or(|there| there.content != *content);
    let new = there.is_none();
    Ok(differs.then(|| Operation::WriteSecret { name, namespace, release: entry.name.clone(), new }))
}

/// Secrets of ours that the bundle does not write: the secrets are in the values again.
pub(super) fn removals(input: &Input<'_>) -> Vec<Operation> {
    let without = |desired: &&Desired| desired.secret.is_none() && desired.entry.scope == Scope::Hub;
    let ours = |there: &&StoredSecret| there.ours;
    let removal = |desired: &Desired| {
        let name = secret_name(&desired.entry.chart);
        input.observed.delivered.get(&name).filter(ours)?;
        Some(Operation::RemoveSecret { name, namespace: desired.entry.namespace.clone() })
    };
    input.desired.iter().filter(without).filter_map(removal).collect()
}

fn foreign(name: &str, namespace: &str) -> Error {
    Error::user(format!("there is a Secret {name} in {namespace} that helm iris did not make"))
        .because("it has no label app.kubernetes.io/managed-by: helm-iris, so it is not written over")
        .hint(format!("see what it is: kubectl describe secret {name} -n {namespace}"))
        .hint(format!("if nobody needs it: kubectl delete secret {name} -n {namespace}; then the same command again"))
        .hint("or leave the secrets in the values: secretMode: inline in the site file")
}
