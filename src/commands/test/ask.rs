//! Which hub, or gateway, is meant, with its secrets: the cluster's where there is one at hand, else this machine's.

use super::TestArgs;
use crate::cli::{Environment, GlobalArgs};
use crate::error::{Error, Result};
use crate::kube::Cluster;
use crate::load;
use crate::redact::Secret;
use crate::secrets::{Ledger, cluster as stored, right_cluster};
use crate::smoke::Target;
use crate::ui::Ui;
use crate::web::Door;
use crate::workflow;

/// A hub, or a gateway by itself, that is to be tested.
pub(in crate::commands) struct Hub {
    pub(in crate::commands) chart: String,
    pub(in crate::commands) target: Target,
    pub(in crate::commands) ledger: Ledger,
    pub(in crate::commands) cluster: Option<Cluster>,
    pub(in crate::commands) url: Option<String>,
}

impl Hub {
    /// The hub that the command line is about.
    pub(super) async fn find(args: &TestArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Self> {
        if let Some(url) = &args.url {
            // Before anything is asked of a cluster.
            let door = Door::to_url(url)?;
            if door.is_in_clear() {
                ui.warning(&format!("the test's token and a user's password go to {} in clear", door.label()));
                ui.hint("https, if it has it: --url https://…; through the API server: without --url");
            }
        }
        let loaded = load::load(&args.settings.request(&args.chart, global, environment, None))?;
        let validated = workflow::prepare(&loaded, &loaded.ledger()?)?;
        let target = Target::of(validated.manifest(), |entry| validated.visible_values(entry))?;
        let cluster = match global.connection(environment).open().await {
            Ok(cluster) => Some(cluster),
            Err(error) if args.url.is_some() => {
                ui.status(&format!("No cluster is at hand to ask for reasons: {}", error.message));
                None
            }
            Err(error) => {
                return Err(error.hint("to test it at its address, without the cluster: --url"));
            }
        };
        let ledger = match &cluster {
            // With an address, one who may not read Secrets there still has those of this machine.
            Some(cluster) if args.url.is_some() => {
                stored::read_if_allowed(cluster, &loaded.namespace).await?.unwrap_or_default()
            }
            Some(cluster) => stored::read(cluster, &loaded.namespace).await?,
            None => None,
        };
        let ledger = ledger.map(|stored| stored.ledger);
        let ledger = match ledger {
            Some(ledger) => ledger,
            None if args.url.is_some() => of_this_machine(&loaded, cluster.as_ref(), target.noun())?,
            None => return Err(not_installed(&loaded.namespace, target.noun())),
        };
        Ok(Self { chart: loaded.chart, target, ledger, cluster, url: args.url.clone() })
    }

    /// A secret without which there is no test.
    pub(in crate::commands) fn secret(&self, name: &str) -> Result<Secret> {
        self.ledger.value(name).cloned().ok_or_else(|| {
            let (noun, namespace) = (self.target.noun(), &self.target.entry().namespace);
            Error::user(format!("the {noun} in {namespace} cannot be tested yet"))
                .because(format!("its ledger has no {name}: it was installed before there was `helm iris test`"))
                .hint(format!("helm iris install {} makes it; users stay logged in", self.chart))
        })
    }
}

fn of_this_machine(loaded: &load::Loaded, cluster: Option<&Cluster>, noun: &str) -> Result<Ledger> {
    let path = loaded.store.path().display().to_string();
    let ledger = loaded.store.read()?.ok_or_else(|| {
        Error::user(format!("this folder has no secrets of a {noun} in {}", loaded.namespace))
            .because(format!("{path} is missing"))
            .hint(format!("go to the folder of the {noun}'s site file, from which it was rendered or installed"))
    })?;
    if let Some(cluster) = cluster {
        right_cluster(&ledger, &path, &cluster.id)?;
    }
    Ok(ledger)
}

fn not_installed(namespace: &str, noun: &str) -> Error {
    Error::user(format!("no {noun} of helm iris is in {namespace}"))
        .because(format!("there is no Secret {} there", stored::NAME))
        .hint("another namespace: -n; what is there: helm list --all-namespaces")
        .hint("a hub that was made by hand: helm iris secrets adopt, then helm iris install")
}

/// The door at an address that was given.
pub(super) fn door(url: Option<&str>) -> Result<Door> {
    url.map_or_else(|| Err(Error::bug("neither an address nor a cluster")), Door::to_url)
}
