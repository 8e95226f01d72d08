//! What a plan tells beyond values: helm's own rendering of what changes, and what somebody changed in
//! the cluster. Releases side by side, helm beside our reading.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use futures::join;
use tokio::sync::Semaphore;

use super::Session;
use crate::apply;
use crate::cli::Environment;
use crate::commands::pull;
use crate::drift::Live;
use crate::error::{Error, Result};
use crate::fs;
use crate::helm::{Renderer, Rendering, Scrub};
use crate::kube::{Relay, denied};
use crate::objects::{self, Object};
use crate::observe::{self, ReleaseState};
use crate::plan::{Action, Evidence, Plan, ReleaseOperation, growing, new_objects};
use crate::secrets::Reconciled;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Look {
    /// Everything: what changes, and the drift of every release.
    Everywhere,
    /// What changes, but no drift.
    NotAtDrift,
    /// What is upgraded, with its drift: enough to know what an installation would run into. What is new
    /// helm checks before it makes anything, and what is unchanged it does not touch.
    AtUpgrades,
}

impl Look {
    fn is_at(self, release: &ReleaseOperation) -> bool {
        match self {
            Self::Everywhere => release.is_there(),
            Self::NotAtDrift => release.changes(),
            Self::AtUpgrades => matches!(release.action, Action::Upgrade { .. }),
        }
    }
}

impl Session {
    /// Adds to the plan what the objects of each release are and would be.
    ///
    /// # Errors
    /// When the cluster does not answer. What helm cannot render is told in the plan.
    pub(in crate::commands) async fn detail(
        &self,
        plan: &mut Plan,
        secrets: &Reconciled,
        environment: &Environment,
        look: Look,
    ) -> Result<()> {
        // With nothing to render, helm is not started, nor the cluster asked for more.
        let renders = plan.releases().any(|release| look.is_at(release) && release.changes());
        let api_versions = if renders { self.api_versions().await? } else { &[] };
        let relay = &self.cluster.relay().await?;
        let details = Details {
            session: self,
            secrets,
            environment,
            api_versions,
            relay,
            scrub: &Scrub::new(&secrets.ledger),
            // Each renders on a processor of its own.
            places: &Semaphore::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get)),
            look,
        };
        let releases: Vec<_> = plan.releases().filter(|release| look.is_at(release)).cloned().collect();
        let evidence = try_join_all(releases.iter().map(|release| details.evidence(release))).await?;
        for (release, evidence) in releases.iter().zip(evidence) {
            plan.add(&(release.namespace.clone(), release.name.clone()), &evidence, details.scrub);
        }
        Ok(())
    }

    async fn api_versions(&self) -> Result<&[String]> {
        let versions = self.cluster.api_versions().await;
        versions.map_err(|error| denied(&error, &self.cluster.server, "list what the cluster can hold"))
    }
}

/// What all releases share.
struct Details<'d> {
    session: &'d Session,
    secrets: &'d Reconciled,
    environment: &'d Environment,
    api_versions: &'d [String],
    /// Helm's way to the cluster.
    relay: &'d Relay,
    scrub: &'d Scrub,
    places: &'d Semaphore,
    look: Look,
}

impl Details<'_> {
    async fn evidence(&self, release: &ReleaseOperation) -> Result<Evidence> {
        let cluster = &self.session.cluster;
        let state = self.stored(release);
        let looks = self.look != Look::NotAtDrift;
        let rendered =
            async { if release.changes() { Some(self.render(release, state.is_some()).await) } else { None } };
        let standing = async {
            // Every release's helm is started before anything is computed here.
            tokio::task::yield_now().await;
            let stored = match state {
                Some(state) => objects::parse(&state.manifest, &release.name, &release.namespace)?,
                None => Vec::new(),
            };
            let live = if looks { Some(observe::live(cluster, &release.namespace, &stored).await?) } else { None };
            Ok::<_, Error>((stored, live))
        };
        let (rendered, standing) = join!(rendered, standing);
        let (stored, live) = standing?;
        // Of a revision that helm did not finish, what is not there was not made: nobody deleted it.
        let unfinished = state.is_some_and(|state| state.status != "deployed");
        let (stored, live) = match live {
            Some(live) if unfinished => {
                let there = stored.into_iter().zip(live).filter(|(_, live)| !matches!(live, Live::Gone));
                let (stored, live) = there.unzip();
                (stored, Some(live))
            }
            live => (stored, live),
        };
        let mut evidence = Evidence {
            live,
            server_side: state.is_some_and(|state| state.server_side),
            rendered,
            stored,
            met: Vec::new(),
            classes: BTreeMap::new(),
        };
        if let (true, Some(Ok(rendered))) = (looks, &evidence.rendered) {
            let new: Vec<Object> = new_objects(&evidence.stored, rendered).into_iter().cloned().collect();
            evidence.met = observe::live(cluster, &release.namespace, &new).await?;
            evidence.classes = observe::expandable(cluster, &growing(&evidence)).await?;
        }
        Ok(evidence)
    }

    /// The revision that stands.
    fn stored(&self, release: &ReleaseOperation) -> Option<&ReleaseState> {
        let state = self.session.observed.releases.get(&(release.namespace.clone(), release.name.clone()));
        state.filter(|state| state.status != "uninstalled")
    }

    /// The objects as helm would apply them.
    async fn render(&self, release: &ReleaseOperation, is_upgrade: bool) -> Result<Vec<Object>> {
        let Session { reviewed, cluster, .. } = self.session;
        let entry = apply::entry(&reviewed.bundle, release)?;
        let archive = fs::absolute(&reviewed.cache.path(&entry.archive))?;
        let rendering = Rendering {
            upgrade: apply::upgrade(&reviewed.bundle, entry, &archive)?,
            is_upgrade,
            secrets: reviewed.bundle.secrets_text(entry, &self.secrets.ledger),
            api_versions: self.api_versions,
        };
        let _place = self.places.acquire().await;
        let renderer = Renderer::find(&pull::helm_env(self.environment))?;
        let manifest = match renderer.render(&rendering, cluster, self.relay, self.scrub).await {
            Ok(manifest) => manifest,
            Err(error) => {
                // An old helm does not know what it was asked; then that is what is wrong.
                pull::find_helm(self.environment).await?;
                return Err(error);
            }
        };
        objects::parse(&manifest, &release.name, &release.namespace)
    }
}
