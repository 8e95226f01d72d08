//! RENDER, CHECK, WRITE: from what was loaded to a bundle, shared by every verb.
//!
//! Each stage takes the type of the one before; what was not validated cannot be bundled.

mod pieces;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::archive::{Archive, Lock, Package};
use crate::brought;
use crate::bundle::manifest::{Input, Manifest, ReleaseEntry, SecretEntry};
use crate::bundle::{self, Draft, Previous, Review, STAND_IN_FINGERPRINT, SetAside, fill, stand_in};
use crate::compose;
use crate::error::{Error, Result};
use crate::images::Known;
use crate::load::{self, Loaded};
use crate::problem::{Problem, Severity};
use crate::secrets::Ledger;
use crate::select;
use crate::validate::{self, SettingsAre, Subject};
use pieces::{Made, Part, Pieces};

/// RENDER and CHECK: a bundle that may be written.
pub struct Validated {
    draft: Draft,
    /// Warnings for people.
    pub warnings: Vec<Problem>,
    /// Charts whose values could not be checked against a schema, because the archive is missing.
    pub unchecked: Vec<String>,
    /// The archives, for the cache.
    archives: Vec<Archive>,
    /// With the digests that were seen for the first time.
    lock: Lock,
}

type Parts = BTreeMap<String, Part>;
type Packages = BTreeMap<String, Package>;

/// Renders every chart's values and checks them all together.
///
/// # Errors
/// All problems of all charts at once; nothing has been written then.
pub fn prepare(loaded: &Loaded, ledger: &Ledger) -> Result<Validated> {
    let previous = Previous::read(&loaded.folder)?;
    previous.require_chart(&loaded.chart)?;
    let mut problems = validate::check_settings(&loaded.settings, &loaded.layers);
    let told = problems.clone();
    let settings = SettingsAre::of(&told);
    let charts: Vec<String> = loaded.charts.iter().map(|chart| chart.name.clone()).collect();
    problems.extend(previous.orphans(&charts)?);
    problems.extend(compose::cautions(loaded));
    problems.extend(compose::charts_not_taken(loaded));
    problems.extend(compose::without_use(loaded));
    problems.extend(compose::unknown_secrets(loaded, ledger));
    let (upstream, lock) = loaded.archives()?;
    let known = known(loaded)?;
    let Pieces { packages, parts } = pieces::make(loaded, &known, upstream, &previous)?;
    let parts = collect(settings, parts, &mut problems)?;
    for chart in &loaded.charts {
        if let Some(part) = parts.get(&chart.name) {
            problems.extend(compose::unknown_references(loaded, chart, &part.edited, &part.references, ledger));
            problems.extend(compose::doubtful_references(loaded, chart, &part.edited, &part.doubtful, ledger));
        }
    }
    let manifest = manifest(loaded, ledger, &packages, &parts);
    if parts.len() == loaded.charts.len() {
        let found = check(&known, settings, &manifest, &parts, &packages);
        problems.extend(found.into_iter().filter(|problem| !is_told(problem, &told)));
    }
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(|p| p.severity == Severity::Error);
    if !errors.is_empty() {
        return Err(refusal(loaded, &parts, errors.into_iter().chain(warnings)));
    }
    let absent = |name: &String| !packages.contains_key(name);
    let unchecked: Vec<String> = charts.into_iter().filter(absent).collect();
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
        database: &loaded.database,
        has_volumes: loaded.charts.iter().any(select::has_volumes),
        warnings: &warnings,
        unchecked: &unchecked,
    };
    files.insert(bundle::REVIEW_FILE.to_owned(), review.text());
    let archives = packages.into_values().map(Package::into_archive).collect();
    Ok(Validated { draft: Draft { manifest, files }, warnings, unchecked, archives, lock })
}

/// The parts that could be made; what is wrong with the others joins the problems, unless wrong settings made it so.
fn collect(settings: SettingsAre, parts: Vec<(String, Made)>, problems: &mut Vec<Problem>) -> Result<Parts> {
    let mut made = BTreeMap::new();
    for (chart, part) in parts {
        match part {
            Ok((part, more)) => {
                problems.extend(more);
                made.insert(chart, part);
            }
            Err(error) if error.problems.is_empty() => return Err(error),
            Err(_) if settings == SettingsAre::Wrong => {}
            Err(error) => problems.extend(error.problems),
        }
    }
    Ok(made)
}

/// Why nothing was written; files that stand nowhere yet are told as such.
fn refusal(loaded: &Loaded, parts: &Parts, problems: impl Iterator<Item = Problem>) -> Error {
    let rendered: Vec<_> = parts.keys().map(|chart| loaded.folder.join(chart).join("values.yaml")).collect();
    let mark = |problem: Problem| {
        let file = Path::new(&problem.file);
        let would_be = rendered.iter().any(|rendered| rendered == file) && !file.exists();
        let text = if would_be { " (as it would be written)" } else { "" };
        Problem { message: format!("{}{text}", problem.message), ..problem }
    };
    Error::problems("nothing was written, because it would not work", problems.map(mark).collect())
}

/// What is known of the images and charts of this install.
fn known(loaded: &Loaded) -> Result<Known> {
    let charts = loaded.wanted().into_iter().map(|one| (one.name, one.version)).collect();
    Known::new(&loaded.settings.images, charts)
}

/// Whether a problem of the values is one of the settings that was told where it was written.
fn is_told(problem: &Problem, told: &[Problem]) -> bool {
    let kind = |message: &str| message.find(" still holds").map(|start| message[start..].to_owned());
    let mine = kind(&problem.message);
    mine.is_some() && told.iter().any(|other| kind(&other.message) == mine)
}

fn check(
    known: &Known,
    settings: SettingsAre,
    manifest: &Manifest,
    parts: &Parts,
    packages: &Packages,
) -> Vec<Problem> {
    let mut secrets = BTreeMap::new();
    for release in &manifest.releases {
        let value_of = |secret: &SecretEntry| Some(stand_in(&secret.name, secret.kind));
        secrets.insert(release.chart.as_str(), fill(manifest, release, value_of, STAND_IN_FINGERPRINT));
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
                chart: packages.get(&release.chart).map(|package| &package.content),
            })
        })
        .collect();
    validate::check(&subjects, known, settings)
}

fn manifest(loaded: &Loaded, ledger: &Ledger, packages: &Packages, parts: &Parts) -> Manifest {
    let inputs = loaded.layers.iter().filter(|layer| !layer.name.starts_with("chart "));
    let charts = loaded.charts.iter().chain(&loaded.without_release);
    let charts = charts.map(|chart| Input { name: format!("chart {}", chart.name), sha256: chart.sha256.clone() });
    let releases = loaded.charts.iter().map(|chart| {
        let archive = packages.get(&chart.name).map(|package| &package.archive);
        let part = parts.get(&chart.name);
        let has_references = part.is_some_and(|part| !part.references.is_empty());
        compose::release(loaded, chart, archive, (part.and_then(|part| part.edits.clone()), has_references))
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
        secrets: secrets(loaded, ledger, parts),
        files: Vec::new(),
    }
}

fn secrets(loaded: &Loaded, ledger: &Ledger, parts: &Parts) -> Vec<SecretEntry> {
    let needs = load::needs(&loaded.charts, loaded.settings.secret_mode).into_iter();
    let mut secrets: Vec<_> = needs.map(|need| compose::secret(loaded, need)).collect();
    for (chart, part) in parts {
        brought::add(&mut secrets, chart, &part.references);
    }
    for secret in &mut secrets {
        secret.name_value(ledger);
    }
    secrets
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
        self.lock.save()?;
        Ok(set_aside)
    }

    /// The values of a release without its secrets, as they will be written.
    ///
    /// # Errors
    /// Only a defect.
    pub fn visible_values(&self, release: &ReleaseEntry) -> Result<Value> {
        let missing = |file: &str| Error::bug(format!("{file} is not in the bundle"));
        bundle::visible_values(release, |file| self.draft.files.get(file).cloned().ok_or_else(|| missing(file)))
    }

    /// The archive of a release, if all of it is at hand.
    pub fn archive(&self, release: &ReleaseEntry) -> Option<&Archive> {
        self.archives.iter().find(|archive| Some(&archive.sha256) == release.sha256.as_ref())
    }

    /// The manifest as it will be written.
    pub fn manifest(&self) -> &Manifest {
        &self.draft.manifest
    }
}
