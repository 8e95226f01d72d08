//! LOAD: site file, profile, charts, archives and local secrets, read once for every verb.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::archive::{Archive, Cache, LOCK_FILE, Lock, Wanted, assemble, wanted};
use crate::chart::{self, Chart};
use crate::error::{Error, Result};
use crate::layers::{self, Layer};
use crate::library::{Library, Origin};
use crate::names::check_namespace;
use crate::profile::Profile;
use crate::secrets::{Ledger, LocalStore, Need};
use crate::select;
use crate::settings::Settings;
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
        ledger.ensure(&needs(&self.charts))?;
        Ok(ledger)
    }
}

/// The secrets that the charts need, each once, by name.
pub fn needs(charts: &[Chart]) -> Vec<Need> {
    let mut needs: BTreeMap<&str, Need> = BTreeMap::new();
    for secret in charts.iter().flat_map(|chart| &chart.spec.secrets) {
        needs.entry(&secret.name).or_insert_with(|| Need {
            name: secret.name.clone(),
            kind: secret.kind,
            purpose: secret.purpose.clone(),
        });
    }
    needs.into_values().collect()
}
