//! What is to be applied, with the secrets and archives of this machine.

use std::collections::BTreeMap;
use std::path::Path;

use crate::archive::{Cache, ChartCrd, MAX_ARCHIVE, crds_in};
use crate::bundle::Bundle;
use crate::bundle::manifest::{ReleaseEntry, SecretEntry};
use crate::cli::Environment;
use crate::commands::store;
use crate::error::{Error, Result};
use crate::fs;
use crate::helm::chart_digest_of;
use crate::jupyterhub::HubVersion;
use crate::kube::Cluster;
use crate::load::Loaded;
use crate::observe::Observed;
use crate::parallel;
use crate::plan::Desired;
use crate::secrets::{Ledger, LocalStore, Need, Sources};
use crate::site::Site;
use crate::ui::Ui;

/// A bundle with the secrets and archives of this machine.
pub(in crate::commands) struct Reviewed {
    pub(in crate::commands) bundle: Bundle,
    pub(in crate::commands) cache: Cache,
    store: LocalStore,
    store_path: String,
    /// The ledger of this machine, with every need.
    pub(in crate::commands) ledger: Ledger,
    /// What the store said when it was read, or was written last.
    stored: Option<Ledger>,
    needs: Vec<Need>,
}

/// Decisions are made by `secrets adopt`.
static NO_DECISIONS: BTreeMap<String, String> = BTreeMap::new();

impl Reviewed {
    /// A bundle that was rendered before; the secrets are beside its site file.
    pub(in crate::commands) fn of_bundle(
        bundle: Bundle,
        site_file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self> {
        let site = Site::load(site_file)?;
        let store = LocalStore::new(&site.folder, &bundle.manifest().namespace, &environment.identity);
        Self::new(bundle, Cache::new(environment.chart_cache.clone()), store)
    }

    /// The bundle that was rendered just now.
    pub(in crate::commands) fn rendered(loaded: Loaded) -> Result<Self> {
        Self::new(Bundle::open(&loaded.folder)?, loaded.cache, loaded.store)
    }

    fn new(bundle: Bundle, cache: Cache, store: LocalStore) -> Result<Self> {
        let needs: Vec<Need> = bundle.manifest().secrets.iter().map(SecretEntry::need).collect();
        let stored = store.read()?;
        let mut ledger = match &stored {
            Some(ledger) => ledger.clone(),
            None => Ledger::create()?,
        };
        ledger.ensure(&needs)?;
        Ok(Self { bundle, cache, store_path: store.path().display().to_string(), store, ledger, stored, needs })
    }

    /// All that is known about the hub's secrets.
    pub(in crate::commands) fn sources<'s>(&'s self, cluster: &'s Cluster, observed: &'s Observed) -> Sources<'s> {
        Sources {
            needs: &self.needs,
            local: &self.ledger,
            local_path: &self.store_path,
            cluster: observed.ledger.as_ref().map(|stored| &stored.ledger),
            found: &observed.found,
            unshared: &observed.unshared,
            id: &cluster.id,
            chart: &self.bundle.manifest().chart,
            namespace: &self.bundle.manifest().namespace,
            take: &NO_DECISIONS,
        }
    }

    /// The releases with the values that helm would get.
    pub(in crate::commands) fn desired(&self, ledger: &Ledger, observed: &Observed) -> Result<Vec<Desired>> {
        let releases = self.bundle.manifest().releases.iter();
        let desired = |entry: &ReleaseEntry| {
            let (values, secret) = (self.bundle.values(entry, ledger)?, self.bundle.secret(entry, ledger)?);
            Ok(Desired { entry: entry.clone(), values, secret, hub: self.other_hub(entry, observed) })
        };
        releases.map(desired).collect()
    }

    /// The definitions of resources in these releases' archives, as far as these are at hand: megabytes of YAML,
    /// which are read while the cluster answers.
    ///
    /// # Errors
    /// An archive that is damaged.
    pub(in crate::commands) fn crds(
        &self,
        of: Vec<ReleaseEntry>,
    ) -> impl Future<Output = Result<Vec<(String, ChartCrd)>>> + use<> {
        let (bundle, cache) = (self.bundle.clone(), self.cache.clone());
        let reading = tokio::task::spawn_blocking(move || crds_of(&bundle, &cache, &of));
        async { parallel::outcome(reading.await) }
    }

    /// The JupyterHub of a release's archive, where that is not the archive that runs.
    fn other_hub(&self, entry: &ReleaseEntry, observed: &Observed) -> Option<HubVersion> {
        let state = observed.release(entry).filter(|state| state.hub.is_some())?;
        let digest = chart_digest_of(&state.description);
        if state.status == "deployed" && digest.is_some() && digest == entry.sha256.as_deref() {
            return state.hub.clone();
        }
        HubVersion::of_archive(&fs::read_limited(&self.cache.path(&entry.archive), MAX_ARCHIVE).ok()?)
    }

    /// Names who will read an encrypted store, where it was not written here before.
    pub(in crate::commands) fn agree_to_write(&self, ledger: &Ledger, ui: &Ui) -> Result<()> {
        store::agree_to_write(&self.store, ledger, ui)
    }

    /// Keeps this machine's ledger, as it is now.
    pub(in crate::commands) fn remember(&mut self, ui: &Ui) -> Result<()> {
        self.write(&self.ledger, ui)?;
        self.stored = Some(self.ledger.clone());
        Ok(())
    }

    /// Lets the bundle name the secrets that hold, as the next render would.
    pub(in crate::commands) fn name_secrets(&mut self, ledger: &Ledger, ui: &Ui) -> Result<()> {
        let _alone = store::hold(&self.store, ui)?;
        self.bundle.name_secrets(ledger)
    }

    /// Keeps the secrets that hold: on this machine, and for the reader in the bundle.
    pub(in crate::commands) fn keep(&self, ledger: &Ledger, ui: &Ui) -> Result<()> {
        if *ledger == self.ledger {
            return Ok(());
        }
        self.write(ledger, ui)?;
        self.bundle.write_secrets(ledger)
    }

    /// A question may have stood for an hour: what somebody brought meanwhile is not written over.
    fn write(&self, ledger: &Ledger, ui: &Ui) -> Result<()> {
        let _alone = store::hold(&self.store, ui)?;
        if self.store.read()? != self.stored {
            return Err(Error::user(format!("{} was changed while this command ran", self.store_path))
                .because("somebody may have brought a secret, or moved them")
                .hint("run the same command again, and look at the plan again"));
        }
        self.store.write_if_changed(ledger)
    }
}

fn crds_of(bundle: &Bundle, cache: &Cache, of: &[ReleaseEntry]) -> Result<Vec<(String, ChartCrd)>> {
    let mut found = Vec::new();
    for entry in of {
        let Ok(archive) = fs::read_limited(&cache.path(&entry.archive), MAX_ARCHIVE) else { continue };
        let crds = crds_in(&archive, &bundle.visible_values(entry)?).map_err(|why| {
            Error::user(format!("the CRDs of the chart {} {} cannot be read", entry.helm_chart, entry.version))
                .because(why)
        })?;
        found.extend(crds.into_iter().map(|crd| (entry.name.clone(), crd)));
    }
    Ok(found)
}
