//! RENDER, CHECK, WRITE: from what was loaded to a bundle, shared by every verb.
//!
//! Each stage takes the type of the one before; what was not validated cannot be bundled.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::archive::{Archive, ChartContent};
use crate::bundle::manifest::{Input, Manifest, SecretEntry};
use crate::bundle::{self, ChartEdits, Draft, Previous, Review, SetAside, fill, stand_in};
use crate::chart::Chart;
use crate::compose;
use crate::context::{Context, ReleaseContext};
use crate::error::{Error, Result};
use crate::load::{self, Loaded};
use crate::problem::{Problem, Severity};
use crate::render;
use crate::secrets::{Ledger, Need};
use crate::validate::{self, Subject};
use crate::yaml::Document;

/// RENDER and CHECK: a bundle that may be written.
pub struct Validated {
    draft: Draft,
    /// Warnings for people.
    pub warnings: Vec<Problem>,
    /// Charts whose values could not be checked against a schema, because the archive is missing.
    pub unchecked: Vec<String>,
    /// The archives, for the cache.
    archives: Vec<Archive>,
}

struct Part {
    rendered: render::Rendered,
    overrides: Document,
    overrides_text: String,
    edits: Option<Value>,
    /// Where edits were made: the files as they are now, and what was kept earlier.
    edited: Vec<Document>,
    content: Option<ChartContent>,
}

/// Renders every chart's values and checks them all together.
///
/// # Errors
/// All problems of all charts at once; nothing has been written then.
pub fn prepare(loaded: &mut Loaded, ledger: &Ledger) -> Result<Validated> {
    let archives = loaded.archives()?;
    let previous = Previous::read(&loaded.folder)?;
    previous.require_chart(&loaded.chart)?;
    let mut problems = validate::check_settings(&loaded.settings, &loaded.layers);
    let told = problems.clone();
    let charts: Vec<String> = loaded.charts.iter().map(|chart| chart.name.clone()).collect();
    problems.extend(previous.orphans(&charts)?);
    problems.extend(compose::unknown_charts(loaded));
    let mut parts = BTreeMap::new();
    for chart in &loaded.charts {
        match part(loaded, chart, archives.get(&chart.name), &previous) {
            Ok((part, more)) => {
                problems.extend(more);
                parts.insert(chart.name.clone(), part);
            }
            Err(error) if error.problems.is_empty() => return Err(error),
            Err(error) => problems.extend(error.problems),
        }
    }
    let manifest = manifest(loaded, ledger, &archives, &parts);
    if parts.len() == loaded.charts.len() {
        let found = check(&manifest, &parts)?;
        problems.extend(found.into_iter().filter(|problem| !is_told(problem, &told)));
    }
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(|p| p.severity == Severity::Error);
    if !errors.is_empty() {
        let rendered = |file: &str| {
            parts.keys().any(|chart| file == loaded.folder.join(chart).join("values.yaml").display().to_string())
        };
        let mark = |problem: Problem| {
            let text = if rendered(&problem.file) && !std::path::Path::new(&problem.file).exists() {
                " (as it would be written)"
            } else {
                ""
            };
            Problem { message: format!("{}{text}", problem.message), ..problem }
        };
        let all = errors.into_iter().chain(warnings).map(mark).collect();
        return Err(Error::problems("nothing was written, because it would not work", all));
    }
    let unchecked: Vec<String> =
        loaded.charts.iter().map(|chart| chart.name.clone()).filter(|name| !archives.contains_key(name)).collect();
    let mut files = BTreeMap::new();
    for (chart, part) in &parts {
        files.insert(format!("{chart}/values.yaml"), part.rendered.text.clone());
        files.insert(format!("{chart}/overrides.yaml"), part.overrides_text.clone());
    }
    let folder = loaded.folder.file_name().unwrap_or_default().to_string_lossy();
    let review = Review {
        manifest: &manifest,
        folder: &folder,
        settings: &loaded.settings,
        warnings: &warnings,
        unchecked: &unchecked,
    };
    files.insert("REVIEW.md".to_owned(), review.text());
    Ok(Validated { draft: Draft { manifest, files }, warnings, unchecked, archives: archives.into_values().collect() })
}

fn part(
    loaded: &Loaded,
    chart: &Chart,
    archive: Option<&Archive>,
    previous: &Previous,
) -> Result<(Part, Vec<Problem>)> {
    let file = |name: &str| loaded.folder.join(&chart.name).join(name).display().to_string();
    let host = loaded.charts.iter().find(|chart| chart.spec.provides.as_deref() == Some("database"));
    let release = ReleaseContext {
        name: chart.release_name(&loaded.namespace),
        namespace: compose::namespace_of(chart, &loaded.namespace),
        chart: chart.name.clone(),
    };
    let context = Context::build(&loaded.settings, release, host.map(|chart| chart.release_name(&loaded.namespace)));
    let rendered = render::values(chart, &context, &file("values.yaml"))
        .map_err(|problems| Error::problems("the values could not be rendered", problems))?;
    let helm_chart = archive.map(ChartContent::read).transpose()?;
    let overlay = |edited: &[Document]| {
        let (document, problems) =
            compose::overrides(loaded, chart, &rendered.document, edited, &file("overrides.yaml"));
        (compose::overrides_text(&document.value), document, problems)
    };
    let kept = |edits: &Value| Document::synthetic(file("overrides.yaml"), edits.clone());
    let ChartEdits { edits, documents: mut edited } =
        previous.edits(&chart.name, (&rendered.text, &rendered.document.value), |edits| {
            let (text, document, _) = overlay(&[kept(edits)]);
            (text, document.value)
        })?;
    edited.push(kept(edits.as_ref().unwrap_or(&Value::Object(Map::new()))));
    let (overrides_text, overrides, problems) = overlay(&edited);
    Ok((Part { rendered, overrides, overrides_text, edits, edited, content: helm_chart }, problems))
}

/// Whether a problem of the values is one of the settings that was told where it was written.
fn is_told(problem: &Problem, told: &[Problem]) -> bool {
    let kind = |message: &str| message.find(" still holds").map(|start| message[start..].to_owned());
    let mine = kind(&problem.message);
    mine.is_some() && told.iter().any(|other| kind(&other.message) == mine)
}

fn check(manifest: &Manifest, parts: &BTreeMap<String, Part>) -> Result<Vec<Problem>> {
    let kinds: BTreeMap<&str, _> = manifest.secrets.iter().map(|secret| (secret.name.as_str(), secret.kind)).collect();
    let mut secrets = BTreeMap::new();
    for release in &manifest.releases {
        let stand_in = |name: &str| Ok(stand_in(name, kinds.get(name).copied().unwrap_or_default()));
        secrets.insert(release.chart.as_str(), fill(manifest, &release.chart, stand_in)?);
    }
    let subjects: Vec<Subject<'_>> = manifest
        .releases
        .iter()
        .filter_map(|release| {
            let part = parts.get(&release.chart)?;
            Some(Subject {
                release,
                rendered: &part.rendered.document,
                overrides: &part.overrides,
                edited: &part.edited,
                secrets: secrets.get(release.chart.as_str())?,
                chart: part.content.as_ref(),
            })
        })
        .collect();
    Ok(validate::check(&subjects))
}

fn manifest(
    loaded: &Loaded,
    ledger: &Ledger,
    archives: &BTreeMap<String, Archive>,
    parts: &BTreeMap<String, Part>,
) -> Manifest {
    let inputs = loaded.layers.iter().filter(|layer| !layer.name.starts_with("chart "));
    let charts =
        loaded.charts.iter().map(|chart| Input { name: format!("chart {}", chart.name), sha256: chart.sha256.clone() });
    let releases = loaded.charts.iter().map(|chart| {
        let edits = parts.get(&chart.name).and_then(|part| part.edits.clone());
        compose::release(loaded, chart, archives.get(&chart.name), edits)
    });
    Manifest {
        format: bundle::manifest::FORMAT,
        chart: loaded.chart.clone(),
        profile: loaded.profile.clone(),
        namespace: loaded.namespace.clone(),
        inputs: charts
            .chain(inputs.map(|layer| Input { name: layer.name.clone(), sha256: layer.sha256.clone() }))
            .collect(),
        releases: releases.collect(),
        secrets: secrets(loaded, ledger),
        files: Vec::new(),
    }
}

fn secrets(loaded: &Loaded, ledger: &Ledger) -> Vec<SecretEntry> {
    let fingerprint = |need: &Need| match ledger.entries.get(&need.name) {
        Some(entry) if !entry.provisional => ledger.fingerprint(&entry.value),
        _ => "provisional".to_owned(),
    };
    load::needs(&loaded.charts)
        .into_iter()
        .map(|need| SecretEntry { fingerprint: fingerprint(&need), ..compose::secret(&loaded.charts, need) })
        .collect()
}

impl Validated {
    /// WRITE: the bundle, the archives that we made, the lock, and the local secrets. Tells which
    /// files of the bundle a person had edited.
    ///
    /// # Errors
    /// When a folder cannot be written.
    pub fn write(&self, loaded: &Loaded, ledger: &Ledger) -> Result<Vec<SetAside>> {
        loaded.store.write_if_changed(ledger)?;
        for archive in &self.archives {
            loaded.cache.store(archive)?;
        }
        let set_aside = bundle::write(&loaded.folder, &self.draft, ledger)?;
        loaded.lock.save()?;
        Ok(set_aside)
    }

    /// The manifest as it will be written.
    pub fn manifest(&self) -> &Manifest {
        &self.draft.manifest
    }
}
