//! load → context → render → validate → bundle: the stages that every verb shares.
//!
//! Each stage takes the type of the one before; what was not validated cannot be bundled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::archive::{Archive, Cache, ChartContent, LOCK_FILE, Lock, Wanted, assemble, wanted};
use crate::bundle::manifest::{Input, Manifest, SecretEntry};
use crate::bundle::{self, Draft, Previous, Review, fill, stand_in};
use crate::chart::{self, Chart};
use crate::compose;
use crate::context::{Context, ReleaseContext};
use crate::error::{Error, Result};
use crate::layers::{self, Layer};
use crate::library::{Library, Origin};
use crate::problem::{Problem, Severity};
use crate::profile::Profile;
use crate::render;
use crate::secrets::{Ledger, LocalStore, Need};
use crate::select;
use crate::settings::Settings;
use crate::site::Site;
use crate::validate::{self, Subject};
use crate::yaml::Document;

/// What a person asked for, as the command line gave it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The chart to install.
    pub chart: String,
    /// `-f`.
    pub site_file: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--set`.
    pub set: Vec<String>,
    /// `-n`.
    pub namespace: Option<String>,
    /// `--allow-default-namespace`.
    pub allow_default_namespace: bool,
    /// Where the bundle goes; default `./<namespace>`.
    pub output: Option<PathBuf>,
    /// The folder of chart archives.
    pub cache: PathBuf,
    /// The user's own charts and profiles.
    pub config_folder: Option<PathBuf>,
}

/// LOAD: everything that was read.
pub struct Loaded {
    /// The chart that was asked for.
    pub chart: String,
    /// The hub's namespace.
    pub namespace: String,
    /// Where the bundle goes.
    pub folder: PathBuf,
    /// The profile's name.
    pub profile: String,
    /// The charts in the order of their needs, the one asked for last.
    pub charts: Vec<Chart>,
    /// All layers merged.
    pub settings: Settings,
    /// The layers themselves, for places in problems.
    pub layers: Vec<Layer>,
    /// What is worth saying, e.g. that a shipped chart is hidden by one of a folder.
    pub notes: Vec<String>,
    /// The store of this machine for the hub's secrets.
    pub store: LocalStore,
    /// Chart archives.
    pub cache: Cache,
    /// Digests seen before.
    pub lock: Lock,
}

/// Reads site file, profile and charts.
///
/// # Errors
/// Anything wrong in any of them.
pub fn load(request: &Request) -> Result<Loaded> {
    let site = Site::load(request.site_file.as_deref())?;
    let roots = std::iter::once(site.folder.clone()).chain(request.config_folder.clone()).collect();
    let library = Library::new(roots);
    let set = layers::from_set_options(&request.set)?;
    let profile_name = request.profile.clone().or_else(|| site.profile.clone()).ok_or_else(|| no_profile(&library))?;
    let profile = Profile::load(&library, &profile_name)?;
    let target = chart::load(&library, &request.chart)?;
    let namespace = namespace(request, &target)?;
    let above: Vec<Layer> = profile.layers.iter().cloned().chain(site.layer.clone()).chain(set).collect();
    let charts = select::charts(&library, target, &above)?;
    let layers: Vec<Layer> = charts.iter().map(select::defaults).chain(above).collect();
    let settings = layers::settings(&layers)?;
    let folder = request.output.clone().unwrap_or_else(|| PathBuf::from(&namespace));
    let lock_folder = if site.file.is_some() { &site.folder } else { &folder };
    Ok(Loaded {
        chart: request.chart.clone(),
        notes: shadow_notes(&charts, &profile),
        profile: profile_name,
        settings,
        layers,
        store: LocalStore::new(&site.folder, &namespace),
        cache: Cache::new(request.cache.clone()),
        lock: Lock::read(lock_folder.join(LOCK_FILE))?,
        namespace,
        folder,
        charts,
    })
}

fn no_profile(library: &Library) -> Error {
    let names = library.profile_names().unwrap_or_default().join(", ");
    Error::usage("no profile is given")
        .because("a profile holds the facts of your cloud")
        .hint(format!("add --profile NAME, or `profile: NAME` in the site file; there are: {names}"))
}

fn namespace(request: &Request, chart: &Chart) -> Result<String> {
    let fallback = chart.spec.namespace.clone().unwrap_or_else(|| chart.name.clone());
    let namespace = request.namespace.clone().unwrap_or(fallback);
    validate::check_namespace(&namespace)?;
    if namespace == "default" && !request.allow_default_namespace {
        return Err(Error::usage("the namespace is `default`")
            .because("everything else in the cluster ends up there, and removing the hub cleanly becomes hard")
            .hint("choose one, e.g. -n dhub; or insist with --allow-default-namespace"));
    }
    Ok(namespace)
}

fn shadow_notes(charts: &[Chart], profile: &Profile) -> Vec<String> {
    let charts = charts.iter().map(|chart| ("chart", chart.name.as_str(), &chart.origin));
    let profiles = profile.origins.iter().map(|(name, origin)| ("profile", name.as_str(), origin));
    charts
        .chain(profiles)
        .filter_map(|(what, name, origin)| match origin {
            Origin::Folder(path, true) => {
                Some(format!("the {what} {name} is taken from {}, not the shipped one", path.display()))
            }
            _ => None,
        })
        .collect()
}

impl Loaded {
    /// The upstream archives that are needed, each with what is known of it.
    ///
    /// # Errors
    /// A broken `helm/Chart.yaml`.
    pub fn wanted(&self) -> Result<Vec<Wanted>> {
        let mut all = Vec::new();
        for chart in &self.charts {
            for one in wanted(chart, &self.settings, &self.lock)? {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        Ok(all)
    }

    /// The archive of each chart, where all of it is at hand; remembers new digests in the lock.
    ///
    /// # Errors
    /// A damaged archive.
    pub fn archives(&mut self) -> Result<BTreeMap<String, Archive>> {
        let mut archives = BTreeMap::new();
        for chart in &self.charts {
            let mut parts = Vec::new();
            let wanted = wanted(chart, &self.settings, &self.lock)?;
            for one in &wanted {
                if let Some(archive) = self.cache.find(&one.name, &one.version, one.sha256.as_deref())? {
                    if one.locked {
                        self.lock.remember(&archive);
                    }
                    parts.push(archive);
                }
            }
            if parts.len() < wanted.len() {
                continue;
            }
            let archive = match parts.pop() {
                Some(upstream) if chart.helm.is_empty() => upstream,
                last => assemble(chart, &parts.into_iter().chain(last).collect::<Vec<_>>())?,
            };
            archives.insert(chart.name.clone(), archive);
        }
        Ok(archives)
    }

    /// The hub's ledger of this machine, with everything that the charts need.
    ///
    /// # Errors
    /// A damaged store; no randomness.
    pub fn ledger(&self) -> Result<Ledger> {
        let mut ledger = match self.store.read()? {
            Some(ledger) => ledger,
            None => Ledger::create()?,
        };
        ledger.ensure(&compose::needs(&self.charts))?;
        Ok(ledger)
    }
}

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
    content: Option<ChartContent>,
}

/// Renders every chart's values and checks them all together.
///
/// # Errors
/// All problems of all charts at once; nothing has been written then.
pub fn prepare(loaded: &mut Loaded, ledger: &Ledger) -> Result<Validated> {
    let archives = loaded.archives()?;
    let previous = Previous::read(&loaded.folder)?;
    let mut problems = Vec::new();
    let mut parts = BTreeMap::new();
    for chart in &loaded.charts {
        match part(loaded, chart, archives.get(&chart.name), &previous) {
            Ok(part) => {
                parts.insert(chart.name.clone(), part);
            }
            Err(error) if error.problems.is_empty() => return Err(error),
            Err(error) => problems.extend(error.problems),
        }
    }
    let manifest = manifest(loaded, ledger, &archives, &parts);
    if parts.len() == loaded.charts.len() {
        problems.extend(check(&manifest, &parts)?);
    }
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(|p| p.severity == Severity::Error);
    if !errors.is_empty() {
        let all = errors.into_iter().chain(warnings).collect();
        return Err(Error::problems("nothing was written, because it would not work", all));
    }
    let unchecked: Vec<String> =
        loaded.charts.iter().map(|chart| chart.name.clone()).filter(|name| !archives.contains_key(name)).collect();
    let mut files = BTreeMap::new();
    for (chart, part) in &parts {
        files.insert(format!("{chart}/values.yaml"), part.rendered.text.clone());
        files.insert(format!("{chart}/overrides.yaml"), part.overrides_text.clone());
    }
    let review = Review { manifest: &manifest, settings: &loaded.settings, warnings: &warnings, unchecked: &unchecked };
    files.insert("REVIEW.md".to_owned(), review.text());
    Ok(Validated { draft: Draft { manifest, files }, warnings, unchecked, archives: archives.into_values().collect() })
}

fn part(loaded: &Loaded, chart: &Chart, archive: Option<&Archive>, previous: &Previous) -> Result<Part> {
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
    let content = archive.map(ChartContent::read).transpose()?;
    let overlay = |edits: &Value| {
        let document = compose::overrides(loaded, chart, &rendered.document, edits, &file("overrides.yaml"))?;
        Ok((compose::overrides_text(&document.value), document))
    };
    let edits = previous.edits(&chart.name, (&rendered.text, &rendered.document.value), |edits| {
        overlay(edits).map(|(text, document)| (text, document.value))
    })?;
    let (overrides_text, overrides) = overlay(edits.as_ref().unwrap_or(&Value::Object(Map::new())))?;
    Ok(Part { rendered, overrides, overrides_text, edits, content })
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
    compose::needs(&loaded.charts)
        .into_iter()
        .map(|need| SecretEntry { fingerprint: fingerprint(&need), ..compose::secret(&loaded.charts, need) })
        .collect()
}

impl Validated {
    /// WRITE: the bundle, the archives that we made, the lock, and the local secrets.
    ///
    /// # Errors
    /// When a folder cannot be written.
    pub fn write(&self, loaded: &Loaded, ledger: &Ledger) -> Result<()> {
        loaded.store.write_if_changed(ledger)?;
        for archive in &self.archives {
            loaded.cache.store(archive)?;
        }
        bundle::write(&loaded.folder, &self.draft, ledger)?;
        loaded.lock.save()
    }

    /// The manifest as it will be written.
    pub fn manifest(&self) -> &Manifest {
        &self.draft.manifest
    }
}

/// A path as people type it.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
