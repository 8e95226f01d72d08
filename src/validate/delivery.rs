//! A release must read the Kubernetes Secret into which its secrets go.

use super::placeholders::texts;
use super::{Merged, Subject};
use crate::problem::Problem;
use crate::yaml::pointer_to_path;

pub(super) fn check(subject: &Subject<'_>, merged: &Merged<'_>) -> Vec<Problem> {
    let Some(delivery) = &subject.release.delivery else { return Vec::new() };
    let secret = &delivery.secret;
    let mut places = Vec::new();
    texts(&merged.rendered.value, &mut |pointer, text| {
        if text == secret {
            places.push(pointer.to_owned());
        }
    });
    if places.is_empty() {
        let message = format!("no value names the Secret {secret}, into which the secrets go");
        let fix = "let the template of the chart write {{ secrets.name | yaml }} where the Helm chart wants the name";
        return vec![Problem::error(&merged.rendered.file, None, message).fix(fix)];
    }
    let lost = places.iter().filter(|at| merged.value.pointer(at).and_then(|value| value.as_str()) != Some(secret));
    lost.map(|at| {
        let message = format!("`{}` must be {secret}: the secrets are in that Secret", pointer_to_path(at));
        merged.error(at, message).fix("take it out; to use a Secret of your own, set secretMode: inline")
    })
    .collect()
}
