//! The images of notebooks, schedulers and workers, wherever they were set: by settings or by raw values.

use serde_json::Value;

use super::Merged;
use crate::images::{Known, Match};
use crate::login::HUB_ROOTS;
use crate::problem::{Problem, Severity};

/// Where an umbrella says which image Dask's pods run; a gateway by itself does not know its notebooks.
const DASK: &str = "/dask-gateway/gateway/backend/image";

pub(super) fn check(merged: &Merged<'_>, known: &Known) -> Vec<Problem> {
    let dask = image(merged, DASK);
    let mut problems = Vec::new();
    for (at, notebook) in notebooks(merged) {
        if let Some((hub, of_image)) = known.other_jupyterhub(&notebook) {
            let message = format!("JupyterHub {of_image} is in the notebooks' image {notebook}, and the hub is {hub}");
            let fix = format!("take an image with JupyterHub {hub} (users.image)");
            problems.push(warning(merged.error(&at, message).fix(fix)));
        }
        if let Some(dask) = &dask {
            problems.extend(together(merged, known, &at, (&notebook, dask)));
        }
    }
    problems
}

fn together(merged: &Merged<'_>, known: &Known, at: &str, (notebook, dask): (&str, &str)) -> Option<Problem> {
    let one = "leave dask.image out of the site file, so that Dask's pods run the notebooks' image";
    let fail = |text: String| merged.error(at, text);
    match known.together(notebook, dask) {
        Match::Fits => None,
        Match::Breaks(why) => Some(fail(format!("notebooks of {notebook} cannot use Dask of {dask}: {why}")).fix(one)),
        Match::Differs(what) => {
            let message = format!("{notebook} in notebooks and {dask} in Dask's pods differ: {}", what.join(", "));
            Some(warning(fail(message).fix(one)))
        }
        Match::Unknown(image) => {
            let message = format!(
                "notebooks run {notebook} and Dask's pods {dask}, which must have the same Python and Dask, and what \
                 is in {image} is not known"
            );
            Some(warning(fail(message).fix(format!("{one}, or say what is in it: images.\"{image}\""))))
        }
    }
}

fn warning(problem: Problem) -> Problem {
    Problem { severity: Severity::Warning, ..problem }
}

/// The images that notebooks run, with their places: the default, and those that users can choose.
fn notebooks(merged: &Merged<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for root in HUB_ROOTS.map(|root| format!("{root}/singleuser")) {
        let at = format!("{root}/image");
        found.extend(image(merged, &at).map(|image| (format!("{at}/tag"), image)));
        let list = format!("{root}/profileList");
        let profiles = merged.value.pointer(&list).and_then(Value::as_array);
        for (index, profile) in profiles.into_iter().flatten().enumerate() {
            let chosen = profile.pointer("/kubespawner_override/image").and_then(Value::as_str);
            found.extend(chosen.map(|image| (format!("{list}/{index}/kubespawner_override/image"), image.to_owned())));
        }
    }
    found
}

fn image(merged: &Merged<'_>, at: &str) -> Option<String> {
    let part = |key: &str| merged.value.pointer(&format!("{at}/{key}")).and_then(Value::as_str);
    part("name").zip(part("tag")).map(|(name, tag)| format!("{name}:{tag}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::yaml::Document;

    #[test]
    fn every_notebook_is_compared_with_dasks_pods() {
        let image = |tag: &str| json!({"name": "quay.io/pangeo/base-notebook", "tag": tag});
        let value = json!({
            "jupyterhub": {"singleuser": {"image": image("2026.01.30"), "profileList": [
                {"display_name": "none"},
                {"kubespawner_override": {"image": "quay.io/pangeo/pangeo-notebook:2026.01.30"}},
                {"kubespawner_override": {"image": "quay.io/pangeo/pangeo-notebook:2025.11.13"}},
                {"kubespawner_override": {"image": "ours:1"}},
            ]}},
            "dask-gateway": {"gateway": {"backend": {"image": image("2026.01.30")}}},
        });
        let rendered = Document::synthetic("values.yaml", value.clone());
        let overrides = Document::synthetic("overrides.yaml", json!({}));
        let merged = Merged { value, rendered: &rendered, overrides: &overrides, edited: &[] };
        let found = check(&merged, &Known::new(&BTreeMap::new(), BTreeMap::new()).unwrap());
        let told: Vec<&str> = found.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("dask 2025.7.0 and 2026.1.1"), "{told:?}");
        assert!(told[1].contains("what is in ours:1 is not known"), "{told:?}");
        assert!(found.iter().all(|problem| problem.severity == Severity::Warning));
    }
}
