//! What is to be applied: a bundle that was reviewed before, or one that is rendered now.

use std::collections::BTreeMap;

use crate::archive::Cache;
use crate::bundle::Bundle;
use crate::bundle::manifest::{ReleaseEntry, SecretEntry};
use crate::cli::{Environment, GlobalArgs};
use crate::commands::{pull, render};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::kube::Cluster;
use crate::load;
use crate::observe::Observed;
use crate::plan::Desired;
use crate::secrets::{Ledger, LocalStore, Need, Sources};
use crate::site::Site;
use crate::ui::Ui;

use super::InstallArgs;

/// A bundle with the secrets and archives of this machine.
pub(super) struct Reviewed {
    pub(super) bundle: Bundle,
    pub(super) cache: Cache,
    store: LocalStore,
    store_path: String,
    ledger: Ledger,
    needs: Vec<Need>,
    take: BTreeMap<String, String>,
}

/// Opens the bundle of `--bundle`, or fetches archives and renders.
pub(super) async fn get(
    args: &InstallArgs,
    global: &GlobalArgs,
    environment: &Environment,
    ui: &Ui,
) -> Result<Reviewed> {
    let request = args.target.request(global, environment, None);
    if let Some(folder) = &args.bundle {
        let bundle = Bundle::open(folder)?;
        fits(args, request.namespace.as_deref(), &bundle)?;
        let site = Site::load(args.target.site_file.as_deref())?;
        let store = LocalStore::new(&site.folder, &bundle.manifest().namespace);
        return Reviewed::new(bundle, Cache::new(request.cache), store);
    }
    let mut loaded = load::load(&request)?;
    pull::missing(&mut loaded, environment, ui, &mut Interrupt::never()).await?;
    render::write(&loaded, ui)?;
    Reviewed::new(Bundle::open(&loaded.folder)?, loaded.cache, loaded.store)
}

/// A bundle that is about something else than the command line says is a mistake of somebody's.
fn fits(args: &InstallArgs, namespace: Option<&str>, bundle: &Bundle) -> Result<()> {
    let manifest = bundle.manifest();
    let folder = bundle.folder().display();
    let other = |what: &str, is: &str, asked: &str| {
        Err(Error::usage(format!("the bundle {folder} is for the {what} `{is}`, not `{asked}`"))
            .hint(format!("install it as: helm iris install {} --bundle {folder}", manifest.chart)))
    };
    if manifest.chart != args.target.chart {
        return other("chart", &manifest.chart, &args.target.chart);
    }
    match namespace {
        Some(asked) if asked != manifest.namespace => other("namespace", &manifest.namespace, asked),
        _ if args.target.profile.is_some() || !args.target.set.is_empty() => {
            Err(Error::usage("--bundle applies what was reviewed: --profile and --set would change it")
                .hint("leave them out, or leave --bundle out to render anew"))
        }
        _ => Ok(()),
    }
}

impl Reviewed {
    fn new(bundle: Bundle, cache: Cache, store: LocalStore) -> Result<Self> {
        let needs: Vec<Need> = bundle.manifest().secrets.iter().map(SecretEntry::need).collect();
        let mut ledger = match store.read()? {
            Some(ledger) => ledger,
            None => Ledger::create()?,
        };
        ledger.ensure(&needs)?;
        Ok(Self {
            bundle,
            cache,
            store_path: store.path().display().to_string(),
            store,
            ledger,
            needs,
            take: BTreeMap::new(),
        })
    }

    /// All that is known about the hub's secrets.
    pub(super) fn sources<'s>(&'s self, cluster: &'s Cluster, observed: &'s Observed) -> Sources<'s> {
        Sources {
            needs: &self.needs,
            local: &self.ledger,
            local_path: &self.store_path,
            cluster: observed.ledger.as_ref().map(|stored| &stored.ledger),
            found: &observed.found,
            id: &cluster.id,
            chart: &self.bundle.manifest().chart,
            namespace: &self.bundle.manifest().namespace,
            take: &self.take,
        }
    }

    /// The releases with the values that helm would get.
    pub(super) fn desired(&self, ledger: &Ledger) -> Result<Vec<Desired>> {
        let releases = self.bundle.manifest().releases.iter();
        let desired = |entry: &ReleaseEntry| {
            let (values, secret) = (self.bundle.values(entry, ledger)?, self.bundle.secret(entry, ledger)?);
            Ok(Desired { entry: entry.clone(), values, secret })
        };
        releases.map(desired).collect()
    }

    /// Keeps the secrets that hold: on this machine, and for the reader in the bundle.
    pub(super) fn keep(&self, ledger: &Ledger) -> Result<()> {
        if *ledger == self.ledger {
            return Ok(());
        }
        self.store.write_if_changed(ledger)?;
        self.bundle.write_secrets(ledger)
    }
}
