//! From charts and settings to the entries of a manifest and the text of overlays.

mod delivery;

use std::path::Path;

use serde_json::{Map, Value};

use crate::archive::Archive;
use crate::brought::{self, Almost, Reference};
use crate::bundle::manifest::{ReleaseEntry, SecretEntry};
use crate::chart::release::{AdoptFrom, Scope, SecretSpec};
use crate::chart::{CLUSTER_NAMESPACE, Chart, seconds};
use crate::helm::Upgrade;
use crate::layers::{self, Layer};
use crate::load::Loaded;
use crate::overlay;
use crate::problem::{Problem, Severity, did_you_mean};
use crate::secrets::{Ledger, Need};
use crate::settings::SecretMode;
use crate::yaml::{Document, literal_document, pointer_to_path};

pub use delivery::{secret_of, without_use};

/// Helm's own default, five minutes, is too short for a first pull of a notebook image (z2jh#2573).
const DEFAULT_TIMEOUT: u64 = 15 * 60;

/// The namespace of a chart's release.
pub fn namespace_of(chart: &Chart, hub: &str) -> String {
    match chart.spec.scope {
        Scope::Hub => hub.to_owned(),
        Scope::Cluster => CLUSTER_NAMESPACE.to_owned(),
    }
}

/// The manifest's entry of a secret, without its fingerprint.
pub fn secret(loaded: &Loaded, need: Need) -> SecretEntry {
    let mode = loaded.settings.secret_mode;
    let mut entry = SecretEntry {
        name: need.name,
        kind: need.kind,
        purpose: need.purpose,
        replacing: need.replacing,
        min_length: need.min_length,
        shared_with: need.shared_with,
        prepend: need.prepend,
        ..SecretEntry::default()
    };
    let specs = loaded.charts.iter().flat_map(|chart| chart.spec.secrets.iter().map(move |secret| (chart, secret)));
    let name = entry.name.clone();
    for (chart, secret) in specs.filter(|(_, secret)| secret.name == name) {
        let at = |path: &String| format!("{}:{path}", chart.name);
        entry.elsewhere.extend(secret.elsewhere.iter().map(|elsewhere| elsewhere.how.as_str()));
        adopted(&mut entry, secret, &chart.release_name(&loaded.namespace));
        if secret.is_delivered(mode) {
            entry.delivered.extend(delivery::delivered(chart, secret));
            continue;
        }
        entry.fills.extend(secret.paths.iter().map(at));
        entry.previous_fills.extend(secret.previous_paths.iter().map(at));
        if mode == SecretMode::Existing {
            entry.inline_because.clone_from(&secret.inline_because);
        }
    }
    // Places that are sure come first, whichever chart names them.
    entry.adopt.sort_by_key(|from| from.if_none);
    entry
}

/// Adds the places where a hub made by hand keeps a secret.
fn adopted(entry: &mut SecretEntry, secret: &SecretSpec, release: &str) {
    for from in &secret.adopt {
        let from = AdoptFrom { secret: from.secret.replace("{release}", release), ..from.clone() };
        if !entry.adopt.contains(&from) {
            entry.adopt.push(from);
        }
    }
}

/// The manifest's entry of one chart.
pub fn release(
    loaded: &Loaded,
    chart: &Chart,
    archive: Option<&Archive>,
    (edits, has_references): (Option<Value>, bool),
) -> ReleaseEntry {
    let name = chart.release_name(&loaded.namespace);
    let namespace = namespace_of(chart, &loaded.namespace);
    let timeout_seconds = chart.spec.timeout.as_deref().and_then(seconds).unwrap_or(DEFAULT_TIMEOUT);
    let mut values = vec![format!("{}/values.yaml", chart.name), format!("{}/overrides.yaml", chart.name)];
    if has_references || !chart.spec.secrets.is_empty() {
        values.push(format!("{}/secrets.yaml", chart.name));
    }
    let file = archive.map_or_else(|| format!("{}.tgz", chart.name), Archive::file_name);
    let command = Upgrade {
        release: &name,
        namespace: &namespace,
        create_namespace: chart.spec.scope == Scope::Cluster,
        archive: Path::new(&file),
        sha256: archive.map_or("unknown", |archive| &archive.sha256),
        folder: &loaded.folder,
        values: &values,
        timeout_seconds,
    }
    .command_line(None);
    let names: Vec<String> = loaded
        .charts
        .iter()
        .filter(|other| {
            chart.spec.needs.iter().any(|need| *need == other.name || Some(need) == other.spec.provides.as_ref())
        })
        .map(|other| other.release_name(&loaded.namespace))
        .collect();
    let upstream = chart.spec.source.chart.clone();
    let own_version = || chart.metadata.as_ref().map(|metadata| metadata.version.clone());
    let known_version = || chart.spec.source.version.clone().or_else(own_version).unwrap_or_default();
    ReleaseEntry {
        helm_chart: archive.map(|archive| archive.name.clone()).or(upstream).unwrap_or_else(|| chart.name.clone()),
        version: archive.map_or_else(known_version, |archive| archive.version.clone()),
        sha256: archive.map(|archive| archive.sha256.clone()),
        archive: file,
        scope: chart.spec.scope,
        needs: names,
        condition: chart.spec.condition,
        timeout_seconds,
        public_service: chart.spec.public_service.as_ref().map(|service| service.replace("{release}", &name)),
        chart: chart.name.clone(),
        name,
        namespace,
        values,
        command,
        edits,
        delivery: delivery::delivery(chart, loaded.settings.secret_mode),
    }
}

/// What is laid over a chart's rendered values.
pub struct Overrides {
    /// The overlay.
    pub document: Document,
    /// Where it names secrets that a person brings.
    pub references: Vec<Reference>,
    /// What is nearly such a name, and may be a map of the chart's own.
    pub doubtful: Vec<Almost>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// The overlay of `values:`, `patches:` and edits over a chart's rendered values.
///
/// With it all problems: a patch that does not apply, a removal that no overlay can say, a
/// secret's path.
pub fn overrides(loaded: &Loaded, chart: &Chart, base: &Document, edited: &[Document], file: &str) -> Overrides {
    let mut problems = templated_secrets(chart, loaded.settings.secret_mode, base);
    let mut wanted = base.value.clone();
    match loaded.settings.values.get(&chart.name) {
        None | Some(Value::Null) => {}
        Some(values @ Value::Object(_)) => overlay::merge(&mut wanted, values),
        Some(_) => {
            let message = format!("`values.{}` is not a map of values", chart.name);
            let fix = "write the chart's values under it, each as `key: value`";
            problems.push(at_layer(loaded, &format!("/values/{}", chart.name), message).fix(fix));
        }
    }
    if let Some(patch) = loaded.settings.patches.get(&chart.name).filter(|patch| !patch.is_null())
        && let Err(why) = apply_patch(&mut wanted, patch)
    {
        problems.push(at_layer(
            loaded,
            &format!("/patches/{}", chart.name),
            format!("the patch of {} {why}", chart.name),
        ));
    }
    if let Some(edits) = edited.last() {
        overlay::merge(&mut wanted, &edits.value);
    }
    let mut value = overlay::overlay(&base.value, &wanted).unwrap_or_else(|removed| {
        problems.extend(removed.into_iter().map(|path| {
            at_layer(
                loaded,
                &format!("/patches/{}", chart.name),
                format!("`{path}` cannot be removed: the chart's default would show again"),
            )
            .fix("set it to the value that you want, or to null to delete the chart's default")
        }));
        Value::Object(Map::new())
    });
    let whole = value.clone();
    let references = brought::take(&mut value);
    // As Helm will see them: texts, also where one would stand in the place of a map with a secret in it.
    problems.extend(secret_paths(loaded, chart, &brought::as_texts(whole.clone(), &references), edited));
    problems.extend(references.iter().filter_map(|reference| {
        let (why, fix) = brought::wrong_place(reference, &whole)?;
        Some(at_values(loaded, chart, edited, &reference.pointer, why).fix(fix))
    }));
    let almost = brought::almost(&value).into_iter();
    let (certain, doubtful): (Vec<_>, Vec<_>) = almost.partition(|almost| almost.certain);
    problems.extend(certain.into_iter().map(|Almost { pointer, why, name, .. }| {
        at_values(loaded, chart, edited, &pointer, why).fix(did_you_mean_reference(name.as_deref()))
    }));
    Overrides { document: layer_document(loaded, chart, value, file), references, doubtful, problems }
}

/// Warnings of references to secrets that nobody brought to this machine; the cluster may have them.
pub fn unknown_references(
    loaded: &Loaded,
    chart: &Chart,
    edited: &[Document],
    references: &[Reference],
    ledger: &Ledger,
) -> Vec<Problem> {
    let unknown = references.iter().filter(|reference| ledger.value(&reference.name).is_none());
    unknown
        .map(|Reference { name, pointer }| {
            let message = format!("the secret `{name}` is not known on this machine");
            let problem = at_values(loaded, chart, edited, pointer, message);
            Problem { severity: Severity::Warning, ..problem }.fix(bring(loaded, name))
        })
        .collect()
}

/// Warnings of secrets that only a person can bring, and nobody brought to this machine; the cluster may have them.
pub fn unknown_secrets(loaded: &Loaded, ledger: &Ledger) -> Vec<Problem> {
    let specs = loaded.charts.iter().flat_map(|chart| chart.spec.secrets.iter());
    let unknown = specs.filter(|spec| !spec.kind.can_be_made() && ledger.value(&spec.name).is_none());
    unknown
        .map(|SecretSpec { name, purpose, when, .. }| {
            let pointer = when.iter().map(|path| format!("/{}", path.replace('.', "/"))).collect::<String>();
            let message = format!("the secret `{name}` ({purpose}) is not known on this machine");
            let problem = at_layer(loaded, &pointer, message);
            Problem { severity: Severity::Warning, ..problem }.fix(bring(loaded, name))
        })
        .collect()
}

fn bring(loaded: &Loaded, name: &str) -> String {
    let namespace = &loaded.namespace;
    format!("bring it: helm iris secrets set {name} -n {namespace}; if the cluster has it, `install` finds it there")
}

/// Warnings of maps that name a secret of the ledger, but not as it is named.
pub fn doubtful_references(
    loaded: &Loaded,
    chart: &Chart,
    edited: &[Document],
    doubtful: &[Almost],
    ledger: &Ledger,
) -> Vec<Problem> {
    let known = |almost: &&Almost| almost.name.as_ref().is_some_and(|name| ledger.value(name).is_some());
    let problem = |Almost { pointer, why, name, .. }: &Almost| {
        let message = format!("{why}, so it goes to the chart as it is");
        let problem = at_values(loaded, chart, edited, pointer, message);
        Problem { severity: Severity::Warning, ..problem }.fix(did_you_mean_reference(name.as_deref()))
    };
    doubtful.iter().filter(known).map(problem).collect()
}

fn did_you_mean_reference(name: Option<&str>) -> String {
    format!("did you mean `{{secret: {}}}`, with this key alone?", name.unwrap_or("NAME"))
}

/// Every path that is filled after rendering, with what fills it.
fn filled(chart: &Chart, mode: SecretMode) -> impl Iterator<Item = (&String, String)> {
    let secrets = chart.spec.secrets.iter();
    let secrets =
        secrets.flat_map(|secret| secret.paths.iter().map(|path| (path, format!("the secret `{}`", secret.name))));
    let fingerprints = chart.spec.fingerprint_paths.iter().filter(move |_| chart.spec.delivers(mode));
    secrets.chain(fingerprints.map(|path| (path, "a fingerprint of the secrets".to_owned())))
}

/// A template that writes at a secret's place: what it writes would be lost, or shown.
fn templated_secrets(chart: &Chart, mode: SecretMode, rendered: &Document) -> Vec<Problem> {
    filled(chart, mode)
        .filter(|(path, _)| {
            overlay::parse_path(path).is_some_and(|steps| overlay::get(&rendered.value, &steps).is_some())
        })
        .map(|(path, _)| {
            let message = format!("the template sets `{path}`, which a secret fills");
            Problem::error(&chart.template_file, None, message).fix("remove it from the template")
        })
        .collect()
}

fn apply_patch(wanted: &mut Value, patch: &Value) -> Result<(), String> {
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|error| format!("is no JSON patch: {error}"))?;
    json_patch::patch(wanted, &patch).map_err(|error| format!("does not apply: {error}"))
}

/// What charts say of themselves that a reviewer has to know.
pub fn cautions(loaded: &Loaded) -> Vec<Problem> {
    let charts = loaded.charts.iter().chain(&loaded.without_release);
    let all = charts.flat_map(|chart| chart.spec.warnings.iter().map(move |caution| (chart, caution)));
    all.map(|(chart, caution)| {
        // An engine is chosen by a setting; everything else is there because it is needed.
        let chosen = chart.spec.connection.is_some().then(|| layers::origin(&loaded.layers, "/database/engine"));
        let (file, place) = chosen.unwrap_or((&chart.document.file, chart.document.place("/warnings")));
        Problem::warning(file, place, caution.message.clone()).fix(caution.fix.clone())
    })
    .collect()
}

/// `values:` and `patches:` of charts that this install does not take. They may be for another
/// install, since one site file can serve several; but then somebody must know that there is such
/// a chart, and `values.jupyterhub` where `values.daskhub.jupyterhub` is meant must not go unseen.
pub fn charts_not_taken(loaded: &Loaded) -> Vec<Problem> {
    let taken: Vec<&str> = loaded.charts.iter().map(|chart| chart.name.as_str()).collect();
    let known: Vec<&str> = loaded.known_charts.iter().map(String::as_str).collect();
    let keys =
        |what: &'static str, map: &Map<String, Value>| map.keys().map(|key| (what, key.clone())).collect::<Vec<_>>();
    let named = [keys("values", &loaded.settings.values), keys("patches", &loaded.settings.patches)].concat();
    named
        .into_iter()
        .filter(|(_, chart)| !taken.contains(&chart.as_str()))
        .map(|(what, chart)| {
            let pointer = format!("/{what}/{chart}");
            if known.contains(&chart.as_str()) {
                let (file, place) = layers::origin(&loaded.layers, &pointer);
                let message = format!("`{what}.{chart}` does nothing here: this install has no chart `{chart}`");
                return Problem::warning(file, place, message).fix(format!("it has: {}", taken.join(", ")));
            }
            let fix = match did_you_mean(&chart, known.iter().copied()) {
                Some(like) => format!("did you mean `{like}`?"),
                None => format!("there are: {}", known.join(", ")),
            };
            at_layer(loaded, &pointer, format!("`{what}.{chart}`: there is no chart `{chart}`")).fix(fix)
        })
        .collect()
}

fn secret_paths(loaded: &Loaded, chart: &Chart, overlay: &Value, edited: &[Document]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let own = |path: &String| {
        let secret = chart.spec.secrets.iter().find(|secret| secret.paths.contains(path));
        let set = |secret: &SecretSpec| {
            format!("; to bring one of your own: helm iris secrets set {} -n {}", secret.name, loaded.namespace)
        };
        secret.map(set).unwrap_or_default()
    };
    for (path, what) in filled(chart, loaded.settings.secret_mode) {
        let Some(steps) = overlay::parse_path(path) else { continue };
        let pointer = overlay::pointer(&steps);
        if overlay::get(overlay, &steps).is_some() {
            let message = format!("`{path}` is {what}; it cannot be set here");
            let problem = at_values(loaded, chart, edited, &pointer, message);
            problems.push(problem.fix(format!("remove it: the ledger fills it in{}", own(path))));
            continue;
        }
        // secrets.yaml would put a map back in its place, and what was reviewed would not hold.
        let replaced = |end: &usize| overlay::get(overlay, &steps[..*end]).is_some_and(|part| !part.is_object());
        if let Some(end) = (1..steps.len()).find(replaced) {
            let pointer = overlay::pointer(&steps[..end]);
            let path = pointer_to_path(&pointer);
            let message = format!("`{path}` cannot be replaced whole: {what} is in it");
            let problem = at_values(loaded, chart, edited, &pointer, message);
            problems.push(problem.fix("set the keys in it that you want to change"));
        }
    }
    problems
}

/// A problem at the edit, the `values:` or the `patches:` that set something of a chart.
fn at_values(loaded: &Loaded, chart: &Chart, edited: &[Document], pointer: &str, message: String) -> Problem {
    if let Some(document) = edited.iter().find(|document| document.value.pointer(pointer).is_some()) {
        return Problem::error(&document.file, document.place(pointer), message);
    }
    let in_values = format!("/values/{}{pointer}", chart.name);
    let in_patches = format!("/patches/{}", chart.name);
    let given = loaded.layers.iter().any(|layer| layer.document.value.pointer(&in_values).is_some());
    at_layer(loaded, if given { &in_values } else { &in_patches }, message)
}

fn at_layer(loaded: &Loaded, pointer: &str, message: String) -> Problem {
    let (file, place) = layers::origin(&loaded.layers, pointer);
    Problem::error(file, place, message)
}

/// The overlay with the places where people wrote it: the last layer's `values:` of this chart,
/// else its `patches:`.
fn layer_document(loaded: &Loaded, chart: &Chart, value: Value, file: &str) -> Document {
    for pointer in [format!("/values/{}", chart.name), format!("/patches/{}", chart.name)] {
        let given = |layer: &&Layer| layer.document.value.pointer(&pointer).is_some();
        if let Some(layer) = loaded.layers.iter().rev().find(given) {
            return layer.document.nested(&pointer, value);
        }
    }
    Document::synthetic(file, value)
}

/// The text of `overrides.yaml`.
pub fn overrides_text(value: &Value) -> String {
    let head =
        "# Laid over values.yaml: `values:` and `patches:` of profile and site file, and edits made here by hand.\n";
    if value.as_object().is_some_and(|map| !map.is_empty()) {
        format!("{head}{}", literal_document(value))
    } else {
        format!("{head}# Nothing is overridden.\n{{}}\n")
    }
}
