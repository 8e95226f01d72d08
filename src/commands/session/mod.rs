//! One bundle and one cluster: planned, agreed to, applied. Shared by the verbs that change a hub.

mod detail;
mod progress;
mod reviewed;
mod target;

use std::path::Path;

use super::pull;
use crate::applied;
use crate::apply::{self, Executor, Level};
use crate::cli::Environment;
use crate::crds::WantedCrd;
use crate::error::Result;
use crate::helm::Helm;
use crate::interrupt::Interrupt;
use crate::kube::Cluster;
use crate::lease::{self, Held, Holder};
use crate::observe::{self, Early, Observed};
use crate::plan::{self, Plan};
use crate::secrets::{Reconciled, reconcile};
use crate::ui::Ui;
use crate::volumes::{self, Attachment};
pub(super) use detail::Look;
use progress::Progress;
pub(super) use reviewed::Reviewed;
pub use target::BundleArgs;

/// A bundle, and what its cluster holds.
pub(super) struct Session {
    pub(super) reviewed: Reviewed,
    pub(super) cluster: Cluster,
    pub(super) observed: Observed,
    holder: Holder,
    volumes: Attachment,
    crds: Vec<WantedCrd>,
    upgrade_crds: bool,
}

impl Session {
    /// Looks at what the cluster holds.
    pub(super) async fn open(reviewed: Reviewed, cluster: Cluster, environment: &Environment) -> Result<Self> {
        let early = Early::look(&cluster, &reviewed.bundle.manifest().namespace).await?;
        Self::begun(reviewed, (cluster, early), environment).await
    }

    /// Looks at the rest of what the cluster holds.
    pub(super) async fn begun(
        reviewed: Reviewed,
        (cluster, early): (Cluster, Early),
        environment: &Environment,
    ) -> Result<Self> {
        let observed = observe::observe(&cluster, reviewed.bundle.manifest(), early).await?;
        Ok(Self {
            reviewed,
            cluster,
            observed,
            holder: Holder::this_process(environment.user.as_deref()),
            volumes: Attachment::default(),
            crds: Vec::new(),
            upgrade_crds: false,
        })
    }

    /// Plans with the definitions of resources that the charts bring; `upgrade`: to change the cluster's.
    pub(super) fn with_crds(&mut self, crds: Vec<WantedCrd>, upgrade: bool) {
        (self.crds, self.upgrade_crds) = (crds, upgrade);
    }

    /// Takes back the volumes of a hub that was uninstalled; without a file, none may wait for a new one.
    pub(super) async fn reattach(&mut self, file: Option<&Path>) -> Result<()> {
        let manifest = self.reviewed.bundle.manifest();
        let namespace = &manifest.namespace;
        let is_new = !manifest
            .releases
            .iter()
            .any(|entry| entry.namespace == *namespace && self.observed.release(entry).is_some());
        match file {
            None if !is_new => {}
            None => volumes::refuse_waiting(&self.cluster, namespace).await?,
            Some(file) => self.volumes = Attachment::plan(&self.cluster, namespace, file).await?,
        }
        // A database that comes back wants the password that it had.
        self.observed.claims.extend(self.volumes.claims());
        Ok(())
    }

    /// Whether nothing is to be done.
    pub(super) fn is_done(&self, plan: &Plan) -> bool {
        plan.is_empty() && self.volumes.is_empty()
    }

    /// The secrets that hold.
    pub(super) fn reconcile(&self) -> Result<Reconciled> {
        reconcile(&self.reviewed.sources(&self.cluster, &self.observed))
    }

    /// What would be done.
    pub(super) fn plan(&self, secrets: &Reconciled, force: bool) -> Result<Plan> {
        let desired = self.reviewed.desired(&secrets.ledger, &self.observed)?;
        plan::build(&plan::Input {
            cluster: self.cluster.label(),
            server: &self.cluster.server,
            bundle: self.reviewed.bundle.digest(),
            manifest: self.reviewed.bundle.manifest(),
            desired: &desired,
            observed: &self.observed,
            secrets,
            crds: &self.crds,
            upgrade_crds: self.upgrade_crds,
            force,
        })
    }

    /// Shows the plan and asks, if there is anything to ask about; with the helm that will be used.
    ///
    /// # Errors
    /// Whatever would keep the plan from being applied: no helm, an archive that is not at hand, a change
    /// that Kubernetes refuses.
    pub(super) async fn agreed(
        &self,
        plan: &Plan,
        secrets: &Reconciled,
        environment: &Environment,
        ui: &Ui,
    ) -> Result<Option<Agreed>> {
        let back = self.volumes.lines();
        let gap = (!back.is_empty()).then(String::new);
        ui.block(&plan::lines(plan).into_iter().chain(gap).chain(back).collect::<Vec<_>>().join("\n"));
        self.reviewed.agree_to_write(&secrets.ledger, ui)?;
        if self.is_done(plan) {
            return Ok(Some(Agreed { helm: None }));
        }
        plan::refuse_obstacles(plan)?;
        let helm = pull::find_helm(environment).await?;
        apply::check_archives(plan, &self.reviewed.bundle, &self.reviewed.cache)?;
        let yes = ui.confirm(&format!("Apply this to {}?", plan.cluster))?;
        Ok(yes.then_some(Agreed { helm: Some(helm) }))
    }

    /// Does what the plan says while nobody else works on the hub, telling how it goes.
    pub(super) async fn apply(
        &self,
        plan: &Plan,
        secrets: &Reconciled,
        agreed: &Agreed,
        level: Level,
        ui: &Ui,
    ) -> Result<apply::Outcome> {
        if self.is_done(plan) {
            let outcome = self.work(plan, secrets, agreed, (level, None), ui).await?;
            if let Err(error) = self.finish_left(&plan.namespace).await {
                ui.warning(&format!("that the last run is finished could not be noted, which harms nothing: {error}"));
            }
            return Ok(outcome);
        }
        apply::make_namespace(&self.cluster, plan).await?;
        let held = self.hold(&plan.namespace).await?;
        let outcome = async {
            // A plan made here meanwhile would write anew what helm reads.
            let _folder = self.reviewed.bundle.hold()?;
            self.work(plan, secrets, agreed, (level, held.as_ref()), ui).await
        };
        let outcome = outcome.await;
        match held {
            Some(held) => held.release(outcome.is_ok()).await,
            None => ui.warning("you may not use Leases here, so nothing keeps others from working at the same time"),
        }
        outcome
    }

    async fn hold(&self, namespace: &str) -> Result<Option<Held>> {
        let doing = format!("install {}", self.reviewed.bundle.manifest().chart);
        lease::acquire(&self.cluster, namespace, (&self.holder, &doing), &self.observed.lease).await
    }

    /// A run that was stopped when all was done but for its last notes: they are made now.
    async fn finish_left(&self, namespace: &str) -> Result<()> {
        if !self.observed.lease.is_left() {
            return Ok(());
        }
        let Some(held) = self.hold(namespace).await? else { return Ok(()) };
        let noted = self.note_all(namespace).await;
        held.release(noted.is_ok()).await;
        noted
    }

    /// Keeps the bundle of the folder, which is what is there: rendered anew it may differ from the one that was
    /// begun, in fingerprints of secrets that no cluster had then.
    async fn note_all(&self, namespace: &str) -> Result<()> {
        let Reviewed { bundle, cache, .. } = &self.reviewed;
        let number = applied::begin(&self.cluster, bundle, cache, &self.holder.who).await?;
        applied::finish(&self.cluster, namespace, number).await
    }

    async fn work(
        &self,
        plan: &Plan,
        secrets: &Reconciled,
        agreed: &Agreed,
        (level, lease): (Level, Option<&Held>),
        ui: &Ui,
    ) -> Result<apply::Outcome> {
        // Until here a signal may end the process as ever: nothing was changed yet.
        let interrupt = Interrupt::on_signals()?;
        let sources = self.reviewed.sources(&self.cluster, &self.observed);
        let ledger = apply::secure(&self.cluster, plan, secrets, self.observed.ledger.as_ref(), &sources).await?;
        self.reviewed.keep(&ledger, ui)?;
        let number = self.note_begin(plan).await?;
        self.volumes.apply(&self.cluster, &mut interrupt.clone()).await?;
        let executor = Executor {
            cluster: &self.cluster,
            helm: agreed.helm.as_ref(),
            bundle: &self.reviewed.bundle,
            cache: &self.reviewed.cache,
            observed: &self.observed,
            crds: &self.crds,
            ledger: &ledger,
            holder: &self.holder,
            lease,
            level,
        };
        let mut progress = Progress::new(ui);
        let outcome = executor.run(plan, &interrupt, &mut |event| progress.tell(&event)).await;
        progress.finish();
        let outcome = outcome?;
        apply::withdraw(&self.cluster, plan, &self.observed).await?;
        if let Some(number) = number {
            applied::finish(&self.cluster, &plan.namespace, number).await?;
        }
        Ok(outcome)
    }

    /// Keeps the bundle with the hub, if any of it is applied.
    async fn note_begin(&self, plan: &Plan) -> Result<Option<u64>> {
        if plan.is_empty() {
            return Ok(None);
        }
        let Reviewed { bundle, cache, .. } = &self.reviewed;
        applied::begin(&self.cluster, bundle, cache, &self.holder.who).await.map(Some)
    }
}

/// A plan that a person said yes to, and the helm to apply it with; none where nothing changes.
pub(super) struct Agreed {
    helm: Option<Helm>,
}

impl Agreed {
    /// Also to overwrite what others set in the cluster.
    pub(super) fn forcing_conflicts(self) -> Self {
        Self { helm: self.helm.map(Helm::forcing_conflicts) }
    }
}
