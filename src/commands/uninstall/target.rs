//! Which hub is meant, by the command line and the charts that this program knows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::UninstallArgs;
use crate::chart::release::Scope;
use crate::chart::{self, CLUSTER_NAMESPACE, Chart};
use crate::cli::{Environment, GlobalArgs};
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::library::Library;
use crate::names::check_namespace;
use crate::secrets::LocalStore;
use crate::secrets::cluster::NAME as LEDGER;
use crate::uninstall::{Fate, Observed, Uninstall};
use crate::volumes::ReattachFile;

/// Which hub is meant.
pub(super) struct Target {
    pub chart: String,
    /// The name of its Helm chart.
    pub helm_chart: String,
    pub namespace: String,
    /// Names of releases that charts make in this namespace, each with its Helm chart.
    pub known: BTreeSet<(String, String)>,
    /// Where the site file is, or would be.
    folder: PathBuf,
    store: LocalStore,
}

impl Target {
    pub(super) fn of(args: &UninstallArgs, global: &GlobalArgs, environment: &Environment) -> Result<Self> {
        // The site file itself is not read: whatever is wrong in it, a hub can be taken away.
        let folder = args.site_file.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        let library = Library::new(std::iter::once(folder.clone()).chain(environment.config_folder.clone()).collect());
        let chart = chart::load(&library, &args.chart)?;
        let given = global.kube.namespace.clone().or_else(|| environment.namespace.clone());
        let namespace = given.or_else(|| chart.spec.namespace.clone()).unwrap_or_else(|| chart.name.clone());
        check_namespace(&namespace)?;
        if chart.spec.scope == Scope::Cluster || namespace == CLUSTER_NAMESPACE {
            return Err(shared());
        }
        // One that cannot be read was not installed by this program.
        let charts = library.chart_names()?.into_iter().filter_map(|name| chart::load(&library, &name).ok());
        let of_hubs = charts.filter(|chart| chart.spec.scope == Scope::Hub);
        Ok(Self {
            helm_chart: helm_chart(&chart),
            chart: chart.name,
            known: of_hubs.map(|chart| (chart.release_name(&namespace), helm_chart(&chart))).collect(),
            store: LocalStore::new(&folder, &namespace, &environment.identity),
            namespace,
            folder,
        })
    }

    /// Where the re-attach file is.
    pub(super) fn file(&self) -> PathBuf {
        let name = format!("{}.reattach.yaml", self.namespace);
        if self.folder == Path::new(".") { PathBuf::from(name) } else { self.folder.join(name) }
    }

    /// Whether this machine has the hub's secrets.
    pub(super) fn has_secrets(&self) -> bool {
        self.store.exists().unwrap_or(false)
    }

    /// What brings the volumes back that a plan keeps; none where it keeps none.
    pub(super) fn file_of(&self, cluster: &Cluster, observed: &Observed, plan: &Uninstall) -> Option<ReattachFile> {
        let fates = observed.volumes.all.iter().zip(&plan.volumes);
        let kept: Vec<_> = fates
            .filter(|(_, line)| matches!(line.fate, Fate::Kept | Fate::KeptAlone))
            .map(|(volume, _)| volume)
            .collect();
        if kept.is_empty() {
            return None;
        }
        let mut secrets = Vec::new();
        if observed.ledger.is_some() {
            secrets.push(format!("Secret {LEDGER} in {}", self.namespace));
        }
        if self.has_secrets() {
            let path = self.store.path();
            secrets.push(path.strip_prefix(".").unwrap_or(path).display().to_string());
        }
        let id = cluster.id.to_string();
        Some(ReattachFile::new((&self.chart, &self.namespace), &id, secrets, kept))
    }
}

/// What all hubs share is no hub's to take away.
fn shared() -> Error {
    Error::usage(format!("what is in {CLUSTER_NAMESPACE} is shared by all hubs of the cluster, and stays"))
        .hint("name a hub: helm iris uninstall daskhub -n NAMESPACE")
        .hint(format!(
            "if no hub is left: helm list -n {CLUSTER_NAMESPACE}, then helm uninstall NAME -n {CLUSTER_NAMESPACE}"
        ))
}

fn helm_chart(chart: &Chart) -> String {
    let own = chart.metadata.as_ref().map(|metadata| metadata.name.clone());
    own.or_else(|| chart.spec.source.chart.clone()).unwrap_or_else(|| chart.name.clone())
}
