//! LOAD: a chart's files, with everything that is wrong with them in one report.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::release::{ReleaseSpec, Scope, Source};
use super::{Chart, Metadata, connection, secret_specs, template};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::layers::Layer;
use crate::library::{ChartFiles, Library, Origin};
use crate::names::{NO_CREDENTIALS, check_namespace, holds_credentials};
use crate::problem::{Place, Problem};
use crate::schema::{self, OwnChecker};
use crate::yaml::{Document, parse};

static CONTEXT: LazyLock<Value> = LazyLock::new(schema::of::<Context>);
static RELEASE: OwnChecker = OwnChecker::of::<ReleaseSpec>();

/// Loads and checks a chart.
///
/// # Errors
/// An unknown chart; everything that is wrong with it, in one report.
pub fn load(library: &Library, name: &str) -> Result<Chart> {
    let files = library.chart(name)?;
    read(&files).map_err(|problems| {
        Error::problems(format!("the chart `{name}` is not right"), problems)
            .hint("docs/charts.md shows how to write one")
    })
}

fn read(found: &ChartFiles) -> Result<Chart, Vec<Problem>> {
    let mut problems = Vec::new();
    let file = |path: &str| format!("charts/{}/{path}", found.name);
    let mut text_of = |path: &str| match found.files.get(path).map(|bytes| String::from_utf8(bytes.clone())) {
        Some(Ok(text)) => text,
        Some(Err(_)) => {
            problems.push(Problem::error(file(path), None, "not UTF-8 text").fix("save it as UTF-8"));
            String::new()
        }
        None => {
            problems.push(Problem::error(file(path), None, "the file is missing").fix("see docs/charts.md"));
            String::new()
        }
    };
    let release_text = text_of("release.yaml");
    let has_template = found.files.contains_key("values.yaml.tera");
    let template_text = if has_template { text_of("values.yaml.tera") } else { String::new() };
    // What is shipped was checked when it was built; a person's own is checked at every run.
    let shipped = found.origin == Origin::Shipped;
    if !shipped {
        problems.extend(template::check(&file("values.yaml.tera"), &template_text, &CONTEXT));
    }
    let helm: BTreeMap<String, Vec<u8>> = found
        .files
        .iter()
        .filter_map(|(path, bytes)| Some((path.strip_prefix("helm/")?.to_owned(), bytes.clone())))
        .collect();
    let metadata = match helm.get("Chart.yaml").map(|bytes| serde_yaml::from_slice(bytes)).transpose() {
        Ok(metadata) => metadata,
        Err(error) => {
            problems.push(metadata_problem(file("helm/Chart.yaml"), &error));
            None
        }
    };
    let dependencies = metadata.iter().flat_map(|metadata: &Metadata| &metadata.dependencies);
    for part in dependencies.filter(|part| holds_credentials(&part.repository)) {
        let message = format!("the repository of `{}` holds a user name or password", part.name);
        problems.push(Problem::error(file("helm/Chart.yaml"), None, message).fix(NO_CREDENTIALS));
    }
    let document = match parse(&file("release.yaml"), &release_text) {
        Ok(document) => document,
        Err(more) => {
            problems.extend(more);
            return Err(problems);
        }
    };
    let (spec, more) = spec_of(&document, shipped);
    problems.extend(more);
    match spec {
        Some(spec) => {
            let template = template_problem(&spec, has_template);
            problems.extend(
                template.map(|(message, fix)| Problem::error(file("values.yaml.tera"), None, message).fix(fix)),
            );
            if !shipped {
                problems.extend(spec_problems(&spec, &found.name, &document, &helm));
            }
            if problems.is_empty() {
                return Ok(Chart {
                    name: found.name.clone(),
                    origin: found.origin.clone(),
                    sha256: digest(found),
                    spec,
                    template: template_text,
                    template_file: file("values.yaml.tera"),
                    helm,
                    metadata,
                    document,
                });
            }
        }
        None if problems.is_empty() => problems.push(Problem::error(&document.file, None, "it cannot be read")),
        None => {}
    }
    Err(problems)
}

/// A release has values; what makes none has not.
fn template_problem(spec: &ReleaseSpec, has_template: bool) -> Option<(&'static str, &'static str)> {
    let installs_nothing = spec.source == Source::default() && spec.connection.is_some();
    match (installs_nothing, has_template) {
        (false, false) => Some(("the file is missing", "see docs/charts.md")),
        (true, true) => {
            Some(("it makes values of nothing: release.yaml has no `source`", "give a source, or remove the file"))
        }
        _ => None,
    }
}

fn metadata_problem(file: String, error: &serde_yaml::Error) -> Problem {
    let place = error.location().map(|at| Place { line: at.line(), column: at.column() });
    Problem::error(file, place, error.to_string())
}

fn digest(found: &ChartFiles) -> String {
    let mut all = Vec::new();
    for (path, bytes) in &found.files {
        all.extend_from_slice(format!("{path}\0{}\0", bytes.len()).as_bytes());
        all.extend_from_slice(bytes);
    }
    crate::fs::sha256_hex(&all)
}

/// What `release.yaml` says, with what is wrong in it. The parts that are wrong are left out, so that
/// the rest can be looked at as well.
fn spec_of(document: &Document, shipped: bool) -> (Option<ReleaseSpec>, Vec<Problem>) {
    let found = if shipped { Vec::new() } else { RELEASE.check_at(document) };
    let mut value = document.value.clone();
    for (pointer, _) in &found {
        remove(&mut value, pointer);
    }
    (serde_json::from_value(value).ok(), found.into_iter().map(|(_, problem)| problem).collect())
}

/// Takes out what a pointer points to; of a list, the list.
fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, step)) = pointer.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.shift_remove(&step.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(_)) => remove(value, parent),
        _ => {}
    }
}

fn spec_problems(
    spec: &ReleaseSpec,
    name: &str,
    document: &Document,
    helm: &BTreeMap<String, Vec<u8>>,
) -> Vec<Problem> {
    let at = |pointer: &str, message: &str, fix: &str| {
        Problem::error(&document.file, document.place(pointer), message.to_owned()).fix(fix)
    };
    let mut problems = Vec::new();
    let source = &spec.source;
    let upstream = [&source.repo, &source.chart, &source.version];
    match (&source.path, upstream.iter().filter(|part| part.is_some()).count()) {
        (None, 3) if helm.is_empty() => {}
        (None, 0) if *source == Source::default() && spec.connection.is_some() => {}
        (Some(path), 0) if path == "helm" => {
            if !helm.contains_key("Chart.yaml") {
                problems.push(at("/source/path", "`helm/Chart.yaml` is missing", "add the Helm chart in helm/"));
            }
        }
        _ => problems.push(at(
            "/source",
            "`source` is neither an upstream chart nor one of this folder",
            "give repo, chart and version; or `path: helm`",
        )),
    }
    if source.repo.as_deref().is_some_and(holds_credentials) {
        problems.push(at("/source/repo", "`source.repo` holds a user name or password", NO_CREDENTIALS));
    }
    if spec.description.is_empty() {
        problems.push(at("/description", "`description` is missing", "say in one line what the chart installs"));
    }
    if let Some(timeout) = &spec.timeout
        && seconds(timeout).is_none()
    {
        problems.push(at("/timeout", "`timeout` is no duration", "write 90s, 15m or 1h"));
    }
    if spec.scope == Scope::Cluster && spec.release_name.is_none() {
        problems.push(at("/scope", "a release of the cluster needs a fixed `releaseName`", "add releaseName"));
    }
    for (pointer, fixed) in [("/releaseName", &spec.release_name), ("/namespace", &spec.namespace)] {
        if fixed.as_ref().is_some_and(|name| check_namespace(name).is_err()) {
            problems.push(at(pointer, "it is no name that Kubernetes takes", "use at most 63 of a-z, 0-9 and -"));
        }
    }
    problems.extend(secret_specs::problems(spec, name, document));
    problems.extend(connection::problems(spec, document));
    let defaults = Value::Object(spec.defaults.clone());
    let nested = document.nested("/defaults", defaults);
    if let Err(more) = Layer::check(String::new(), "", nested) {
        problems.extend(more);
    }
    problems
}

/// A duration as `90s`, `15m` or `1h`, in seconds.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit).filter(|seconds| *seconds > 0)
}
