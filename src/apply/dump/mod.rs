//! A dump of the hub's database, before a JupyterHub changes it: a Job beside the database, waited for.

mod job;

use std::time::Duration;

use ::kube::ResourceExt;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

use super::event::Event;
use super::execute::{Executor, Tell};
use super::watch::{Ended, Readiness, Wait, problems};
use super::workload::{self, Kind, Workload};
use crate::dumps::{self, Dump};
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt::Interrupt;
use crate::kube::denied;
use crate::plan::DumpOperation;
use job::Server;

impl Executor<'_> {
    /// Dumps, and waits until that is done.
    ///
    /// # Errors
    /// Whatever keeps the dump from being whole: the release after it must not begin then.
    pub(super) async fn dump(
        &self,
        operation: &DumpOperation,
        seconds: u64,
        interrupt: &mut Interrupt,
        tell: &Tell<'_>,
    ) -> Result<Dump> {
        let release = operation.release.clone();
        if interrupt.is_requested() {
            return Err(stopped(operation));
        }
        tell(Event::DumpStarted { release: release.clone(), claim: operation.claim.clone() });
        let set = self.database(operation).await?;
        let server = Server::of(&set).map_err(|lacks| not_ours(operation, lacks))?;
        self.clear(operation).await?;
        self.make_claim(operation, &server).await?;
        let now = Timestamp::now();
        let dump = Dump { claim: operation.claim.clone(), file: dumps::file(&operation.from, &operation.to, now) };
        let name = format!("{}-dump-{}", operation.database, now.strftime("%Y%m%d-%H%M%S"));
        let job = server.job(&name, operation, &dump, seconds)?;
        self.make(&operation.namespace, &name, &job).await?;
        match self.until_ended(operation, (&name, seconds), interrupt, tell).await {
            Ok(Ended::Ready(took)) => {
                dumps::note(self.cluster, &operation.namespace, &dump).await?;
                tell(Event::Dumped { release, dump: dump.clone(), took });
                Ok(dump)
            }
            Ok(Ended::TimedOut(readiness) | Ended::Failed(readiness)) => Err(failed(operation, &readiness)),
            Err(error) if error.kind == ErrorKind::Interrupted => {
                self.clear(operation).await?;
                Err(stopped(operation))
            }
            Err(error) => Err(error),
        }
    }

    /// How the database runs now.
    async fn database(&self, operation: &DumpOperation) -> Result<StatefulSet> {
        let DumpOperation { namespace, database, .. } = operation;
        let found = self.cluster.get::<StatefulSet>(Some(namespace), database).await;
        let found = found.map_err(|error| self.refused(&error, "look at the database", operation))?;
        found.ok_or_else(|| not_ours(operation, "it is not there"))
    }

    /// Jobs of a run that was stopped: nobody waits for them any more, and their pods hold the volume.
    async fn clear(&self, operation: &DumpOperation) -> Result<()> {
        let DumpOperation { namespace, database, .. } = operation;
        let jobs = self.cluster.list::<Job>(Some(namespace), &format!("{}={database}", dumps::LABEL)).await;
        let jobs = jobs.map_err(|error| self.refused(&error, "look at the Jobs", operation))?;
        for job in jobs.iter().filter(|job| !workload::has_ended(job)) {
            let gone = self.cluster.delete::<Job>(namespace, &job.name_any(), None).await;
            gone.map_err(|error| self.refused(&error, "remove a Job that was left", operation))?;
        }
        Ok(())
    }

    async fn make_claim(&self, operation: &DumpOperation, server: &Server<'_>) -> Result<()> {
        let DumpOperation { namespace, claim: name, .. } = operation;
        let look = async |claim: &str| {
            let found = self.cluster.get::<PersistentVolumeClaim>(Some(namespace), claim).await;
            found.map_err(|error| self.refused(&error, &format!("look at the volume claim {claim}"), operation))
        };
        if look(name).await?.is_some() {
            return Ok(());
        }
        let data = look(server.data).await?.ok_or_else(|| not_ours(operation, "its volume claim is not there"))?;
        self.make(namespace, name, &Server::claim(operation, &data)?).await
    }

    async fn make<K>(&self, namespace: &str, name: &str, object: &K) -> Result<()>
    where
        K: ::kube::Resource<DynamicType = ()> + serde::Serialize,
    {
        match self.cluster.create(Some(namespace), object).await {
            // Ourselves, where the answer was lost.
            Err(::kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            answer => answer.map_err(|error| {
                let doing = format!("make the {} {name} in {namespace}, for a dump of the database", K::kind(&()));
                denied(&error, &self.cluster.server, &doing).hint(NOT_BEGUN)
            }),
        }
    }

    async fn until_ended(
        &self,
        operation: &DumpOperation,
        (name, seconds): (&str, u64),
        interrupt: &mut Interrupt,
        tell: &Tell<'_>,
    ) -> Result<Ended> {
        let job = Workload { kind: Kind::Job, namespace: operation.namespace.clone(), name: name.to_owned() };
        Wait {
            cluster: self.cluster,
            release: &format!("dump of {}", operation.database),
            workloads: &[job],
            timeout: Duration::from_secs(seconds),
            until_failed: true,
        }
        .run(interrupt, tell)
        .await
    }

    fn refused(&self, error: &::kube::Error, doing: &str, operation: &DumpOperation) -> Error {
        let doing = format!("{doing} in {}, for a dump of the database", operation.namespace);
        denied(error, &self.cluster.server, &doing).hint(NOT_BEGUN)
    }
}

const NOT_BEGUN: &str = "the upgrade was not begun; mend that, then run the same command again";

fn stopped(operation: &DumpOperation) -> Error {
    Error::interrupted(format!("stopped before the database was dumped, and before `{}`", operation.release))
        .hint("run the same command again: it goes on from here")
}

fn not_ours(operation: &DumpOperation, lacks: &str) -> Error {
    let DumpOperation { database, namespace, .. } = operation;
    Error::user(format!("the database `{database}` in {namespace} cannot be dumped"))
        .because(format!("StatefulSet {database} is not as our chart makes it: {lacks}"))
        .hint(format!("see: kubectl describe statefulset {database} -n {namespace}"))
        .hint(NOT_BEGUN)
}

fn failed(operation: &DumpOperation, readiness: &Readiness) -> Error {
    let DumpOperation { claim, namespace, release, .. } = operation;
    let error = Error::user(format!("the database could not be dumped, so the upgrade of `{release}` was not begun"))
        .because("JupyterHub would change the database for good: without a dump there is no way back");
    Error { problems: problems(readiness), ..error }
        .hint(format!(
            "if no volume can be had for it, make the claim {claim} in {namespace} yourself, of another class or size"
        ))
        .hint("mend that, then run the same command again")
}
