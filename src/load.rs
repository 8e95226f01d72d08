//! LOAD: site file, profile, charts, archives and local secrets, read once for every verb.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::archive::{Archive, Cache, LOCK_FILE, Lock, Wanted, wanted};
use crate::bundle::MANIFEST_FILE;
use crate::chart::{self, Chart};
use crate::context::DatabaseEndpoint;
use crate::error::{Error, Result};
use crate::fs;
use crate::layers::{self, Layer};
use crate::library::{Library, Origin};
use crate::names::{NO_CREDENTIALS, check_namespace, holds_credentials};
use crate::overlay;
use crate::problem::{Problem, did_you_mean};
use crate::profile::Profile;
use crate::secrets::{self, Entry, IdentityFile, Ledger, LocalStore, Need, Source};
use crate::select;
use crate::settings::{SecretMode, Settings};
use crate::site::Site;

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
    /// The user's age keys.
    pub identity: IdentityFile,
}

/// Everything that was read.
pub struct Loaded {
    /// The chart that was asked for.
    pub chart: String,
    /// The hub's namespace.
    pub namespace: String,
    /// Where the bundle goes.
    pub folder: PathBuf,
    /// The profile's name.
    pub profile: String,
    /// The names of all charts there are.
    pub known_charts: Vec<String>,
    /// The charts in the order of their needs, the one asked for last.
    pub charts: Vec<Chart>,
    /// Charts that were chosen and install nothing, such as `sqlite`.
    pub without_release: Vec<Chart>,
    /// Where the hub's database is.
    pub database: DatabaseEndpoint,
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
    let site = Site::load(request.site_file.as_deref());
    let folder = site.as_ref().map_or_else(|_| PathBuf::from("."), |site| site.folder.clone());
    let library = Library::new(std::iter::once(folder).chain(request.config_folder.clone()).collect());
    let set = layers::from_set_options(&request.set);
    let named = request.profile.clone().or_else(|| site.as_ref().ok()?.profile.clone());
    let profile = named.as_ref().map(|name| Profile::load(&library, name)).transpose();
    let target = chart::load(&library, &request.chart);
    // Each may be wrong in its own way; a person wants to hear of all of them.
    let (site, set, profile, target) = match (site, set, profile, target) {
        (Ok(site), Ok(set), Ok(Some(profile)), Ok(target)) => (site, set, profile, target),
        (Ok(_), Ok(_), Ok(None), Ok(_)) => return Err(no_profile(&library)),
        (site, set, profile, target) => {
            let errors = [site.err(), set.err(), profile.err(), target.err()];
            return Err(Error::join(errors.into_iter().flatten().collect()));
        }
    };
    let namespace = namespace(request, &target)?;
    let above: Vec<Layer> = profile.layers.iter().cloned().chain(site.layer.clone()).chain(set).collect();
    let charts = select::charts(&library, target, &above)?;
    let layers: Vec<Layer> = charts.iter().map(select::defaults).chain(above).collect();
    let settings = layers::settings(&layers)?;
    let database = select::database(&charts, &settings, &layers, &namespace)?;
    let (mut charts, without_release): (Vec<_>, Vec<_>) =
        charts.into_iter().partition(|chart| chart.spec.makes_release());
    settle_secrets(&mut charts, &settings, &database)?;
    check_sources(&charts, &settings, &layers)?;
    let folder = request.output.clone().unwrap_or_else(|| PathBuf::from(&namespace));
    let lock_folder = if site.file.is_some() { &site.folder } else { &folder };
    Ok(Loaded {
        chart: request.chart.clone(),
        notes: shadow_notes(&charts, &profile),
        profile: profile.name.clone(),
        settings,
        layers,
        store: LocalStore::new(&site.folder, &namespace, &request.identity),
        cache: Cache::new(request.cache.clone()),
        lock: Lock::read(lock_folder.join(LOCK_FILE))?,
        known_charts: library.chart_names()?,
        namespace,
        folder,
        charts,
        without_release,
        database,
    })
}

/// Leaves the secrets that these settings need, and puts names in the place of settings that name.
fn settle_secrets(charts: &mut [Chart], settings: &Settings, database: &DatabaseEndpoint) -> Result<()> {
    let mut settings = settings.clone();
    // As templates see it: every database that is a server has a host.
    settings.database.host.clone_from(&database.host);
    let settings = serde_json::to_value(settings).map_err(|error| Error::bug("the settings").because(error))?;
    let given = |path: &String| {
        let value = overlay::get(&settings, &overlay::parse_path(path)?)?;
        (!value.is_null() && *value != false).then_some(value)
    };
    for chart in charts {
        let secrets = &mut chart.spec.secrets;
        secrets.retain(|secret| secret.when.iter().all(|path| given(path).is_some()));
        secrets.retain(|secret| secret.unless.iter().all(|path| given(path).is_none()));
        for secret in secrets {
            secret.shared_with = secret.shared_with.as_ref().and_then(|path| given(path)?.as_str()).map(str::to_owned);
            secret.elsewhere = secret.elsewhere.take().filter(|elsewhere| given(&elsewhere.unless).is_none());
            if let Some(elsewhere) = &mut secret.elsewhere {
                for path in ["database.user", "database.host"] {
                    let value = given(&path.to_owned()).and_then(serde_json::Value::as_str).unwrap_or_default();
                    elsewhere.how = elsewhere.how.replace(&format!("{{{path}}}"), value);
                }
            }
        }
    }
    Ok(())
}

/// A source that is meant for a chart of this install and misspelt would be silently of no use;
/// a password in an address would stand in helm's arguments, for every user of the machine to read.
fn check_sources(charts: &[Chart], settings: &Settings, layers: &[Layer]) -> Result<()> {
    let lock = Lock::default();
    let known: Vec<String> =
        charts.iter().flat_map(|chart| wanted(chart, settings, &lock)).map(|wanted| wanted.name).collect();
    let mut problems = Vec::new();
    let at = |pointer: String, message: String| {
        let (file, place) = layers::origin(layers, &pointer);
        Problem::error(file, place, message)
    };
    for (name, source) in &settings.sources {
        if let Some(like) = did_you_mean(name, known.iter().map(String::as_str)).filter(|_| !known.contains(name)) {
            let message = format!("`sources.{name}` is for no chart of this install");
            problems.push(at(format!("/sources/{name}"), message).fix(format!("did you mean `{like}`?")));
        }
        if source.repo.as_deref().is_some_and(holds_credentials) {
            let message = format!("`sources.{name}.repo` holds a user name or password, which others could read");
            problems.push(at(format!("/sources/{name}/repo"), message).fix(NO_CREDENTIALS));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::problems("the sources are not right", problems)) }
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
    check_namespace(&namespace)?;
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
    pub fn wanted(&self) -> Vec<Wanted> {
        let mut all = Vec::new();
        for one in self.charts.iter().flat_map(|chart| wanted(chart, &self.settings, &self.lock)) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    /// The upstream archives of each chart that has all of them at hand, and the lock with the
    /// digests that were seen for the first time.
    ///
    /// # Errors
    /// A damaged archive.
    pub fn archives(&self) -> Result<(BTreeMap<String, Vec<Archive>>, Lock)> {
        let mut lock = self.lock.clone();
        let mut archives = BTreeMap::new();
        for chart in &self.charts {
            let wanted = wanted(chart, &self.settings, &self.lock);
            let mut found = Vec::new();
            for one in &wanted {
                if let Some(archive) = self.cache.find(&one.name, &one.version, one.sha256.as_deref())? {
                    if one.locked {
                        lock.remember(&archive);
                    }
                    found.push(archive);
                }
            }
            if found.len() == wanted.len() {
                archives.insert(chart.name.clone(), found);
            }
        }
        Ok((archives, lock))
    }

    /// Whether a bundle stands without the secrets that it was made with.
    ///
    /// # Errors
    /// A folder that cannot be looked at.
    pub fn has_lost_its_secrets(&self) -> Result<bool> {
        Ok(fs::exists(&self.folder.join(MANIFEST_FILE))? && !self.store.exists()?)
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
        let needs = needs(&self.charts, self.settings.secret_mode);
        for need in &needs {
            self.share(&mut ledger, need)?;
        }
        ledger.ensure(&needs)?;
        Ok(ledger)
    }

    /// What another hub of this folder has of a shared secret; what is in use here already stays.
    fn share(&self, ledger: &mut Ledger, need: &Need) -> Result<()> {
        let Some(namespace) = &need.shared_with else { return Ok(()) };
        let in_use = ledger.entries.get(&need.name).is_some_and(|entry| !entry.provisional);
        let Some(other) = self.store.beside(namespace).read()?.filter(|_| !in_use) else { return Ok(()) };
        let mine = ledger.value(&need.name);
        if let Some(value) = other.value(&need.name).filter(|value| mine != Some(value)) {
            let source = Source::Adopted(secrets::ledger_of(namespace));
            ledger.entries.insert(need.name.clone(), Entry::new(need, source, value.clone()));
        }
        Ok(())
    }
}

/// The secrets of all charts of a library, whichever of them is installed.
///
/// # Errors
/// A chart that is not right.
pub fn all_needs(library: &Library) -> Result<Vec<Need>> {
    let charts: Vec<Chart> =
        library.chart_names()?.iter().map(|chart| chart::load(library, chart)).collect::<Result<_>>()?;
    Ok(needs(&charts, SecretMode::Inline))
}

/// The secrets that the charts need, each once, by name; with the places at which they get them in
/// this mode.
pub fn needs(charts: &[Chart], mode: SecretMode) -> Vec<Need> {
    let mut needs: BTreeMap<&str, Need> = BTreeMap::new();
    for (chart, secret) in charts.iter().flat_map(|chart| chart.spec.secrets.iter().map(move |secret| (chart, secret)))
    {
        let need = needs.entry(&secret.name).or_insert_with(|| Need {
            name: secret.name.clone(),
            kind: secret.kind,
            purpose: secret.purpose.clone(),
            ..Need::default()
        });
        let keys = secret.existing.iter().filter(|to| !to.previous).map(|to| &to.key);
        let places: Vec<&String> =
            if secret.is_delivered(mode) { keys.collect() } else { secret.paths.iter().collect() };
        need.fills.extend(places.into_iter().map(|place| format!("{}:{place}", chart.name)));
        need.min_length = need.min_length.max(secret.min_length);
        if need.replacing.is_empty() {
            need.replacing.clone_from(&secret.replacing);
        }
        need.shared_with = need.shared_with.take().or_else(|| secret.shared_with.clone());
        need.prepend |= secret.prepend;
        need.keeps_previous |= !secret.previous_paths.is_empty();
    }
    needs.into_values().collect()
}
