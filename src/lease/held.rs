//! Taking a Lease, keeping it, and giving it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::task::JoinHandle;

use super::{BEGUN, DOING, Holder, LASTS, NAME, PROCESS, Seen, changed_meanwhile, held_by, look};
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};

/// Often enough that two signs of life may be lost.
const RENEW: Duration = Duration::from_secs(20);
/// Between two looks at one that somebody else holds.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Tries to change it while the renewal changes it too.
const TRIES: u32 = 4;

/// A Lease that is ours until it is given back.
#[derive(Debug)]
pub struct Held {
    cluster: Cluster,
    namespace: String,
    holder: Holder,
    renewal: JoinHandle<()>,
    lost: Arc<AtomicBool>,
}

/// Takes the Lease of a namespace, if nothing has happened since it was seen. None where we may not.
///
/// # Errors
/// When somebody else holds it, or has held it since.
pub async fn acquire(
    cluster: &Cluster,
    namespace: &str,
    (holder, doing): (&Holder, &str),
    seen: &Seen,
) -> Result<Option<Held>> {
    if *seen == Seen::Hidden {
        return Ok(None);
    }
    let now = look(cluster, namespace).await?;
    if let Some(lease) = now.busy(Timestamp::now()) {
        return Err(held_by(lease, namespace));
    }
    if now.resource_version() != seen.resource_version() {
        return Err(changed_meanwhile(&now, namespace));
    }
    if take(cluster, namespace, (holder, doing), &now).await? {
        return Ok(Some(Held::new(cluster, namespace, holder)));
    }
    let now = look(cluster, namespace).await?;
    Err(now
        .busy(Timestamp::now())
        .map_or_else(|| changed_meanwhile(&now, namespace), |lease| held_by(lease, namespace)))
}

/// Takes the Lease of a namespace as soon as it is free. None where we may not.
///
/// # Errors
/// When somebody else holds it for longer than `limit`.
pub async fn wait(
    cluster: &Cluster,
    namespace: &str,
    (holder, doing): (&Holder, &str),
    limit: Duration,
) -> Result<Option<Held>> {
    let start = Instant::now();
    loop {
        let now = look(cluster, namespace).await?;
        if now == Seen::Hidden {
            return Ok(None);
        }
        match now.busy(Timestamp::now()) {
            Some(lease) if start.elapsed() > limit => return Err(held_by(lease, namespace)),
            None if take(cluster, namespace, (holder, doing), &now).await? => {
                return Ok(Some(Held::new(cluster, namespace, holder)));
            }
            _ => {}
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Writes ourselves into the Lease; false if somebody was faster.
async fn take(cluster: &Cluster, namespace: &str, (holder, doing): (&Holder, &str), seen: &Seen) -> Result<bool> {
    let now = MicroTime(Timestamp::now());
    let before = match seen {
        Seen::There(lease) => Some(lease.as_ref()),
        Seen::Hidden | Seen::Never => None,
    };
    let transitions = before.and_then(|lease| lease.spec.as_ref()?.lease_transitions).unwrap_or_default();
    let mut lease = Lease::default();
    lease.metadata.name = Some(NAME.to_owned());
    lease.metadata.resource_version = seen.resource_version().map(str::to_owned);
    let doing = format!("{doing}, by {}", holder.who);
    let notes = [(PROCESS.to_owned(), holder.process.clone()), (DOING.to_owned(), doing)];
    // What whoever was before us left behind is theirs until it is cleared up.
    let begun = before.map(begun).unwrap_or_default();
    lease.metadata.annotations = Some(notes.into_iter().chain(begun).collect());
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(holder.who.clone()),
        acquire_time: Some(now.clone()),
        renew_time: Some(now),
        lease_duration_seconds: Some(LASTS),
        lease_transitions: Some(transitions.saturating_add(1)),
        ..LeaseSpec::default()
    });
    let written = match before {
        None => cluster.create(Some(namespace), &lease).await,
        Some(_) => cluster.replace(Some(namespace), NAME, &lease).await,
    };
    match written {
        Ok(()) => Ok(true),
        // Ourselves, where the answer was lost and the request was sent again.
        Err(::kube::Error::Api(status)) if status.is_already_exists() || status.is_conflict() => {
            Ok(mine(cluster, namespace, holder).await.is_some())
        }
        Err(error) => Err(denied(&error, &cluster.server, &format!("hold the Lease {NAME} in {namespace}"))),
    }
}

impl Held {
    fn new(cluster: &Cluster, namespace: &str, holder: &Holder) -> Self {
        let lost = Arc::new(AtomicBool::new(false));
        let renewal = tokio::spawn(renew(cluster.clone(), namespace.to_owned(), holder.clone(), Arc::clone(&lost)));
        Self { cluster: cluster.clone(), namespace: namespace.to_owned(), holder: holder.clone(), renewal, lost }
    }

    /// Refuses to go on where somebody else has taken it, because we gave no sign of life.
    ///
    /// # Errors
    /// When it is lost.
    pub fn require(&self) -> Result<()> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(Error::user(format!("somebody else has taken over the work on {}", self.namespace))
                .because("this process gave no sign of life for a minute; was the computer asleep?")
                .hint("run the same command again: it looks at what they did"));
        }
        Ok(())
    }

    /// Notes which revision of a release helm is about to make: if both of us are killed, it is known
    /// whose it was, and that nobody works on it.
    ///
    /// # Errors
    /// When the Lease is lost, or the cluster does not answer.
    pub async fn begin(&self, release: &str, revision: u64) -> Result<()> {
        self.require()?;
        let note = |lease: &mut Lease| {
            let notes = lease.metadata.annotations.get_or_insert_default();
            notes.insert(format!("{BEGUN}{release}"), revision.to_string());
        };
        match self.change(note).await {
            Ok(()) => Ok(()),
            Err(error) => {
                let doing = format!("hold the Lease {NAME} in {}", self.namespace);
                Err(denied(&error, &self.cluster.server, &doing))
            }
        }
    }

    /// Gives it back; `clean` if nothing was left half done. What cannot be given back runs out by itself.
    pub async fn release(self, clean: bool) {
        self.renewal.abort();
        let give_back = |lease: &mut Lease| {
            if let Some(spec) = &mut lease.spec {
                spec.holder_identity = None;
                spec.renew_time = Some(MicroTime(Timestamp::now()));
            }
            if let Some(notes) = lease.metadata.annotations.as_mut().filter(|_| clean) {
                notes.retain(|key, _| !key.starts_with(BEGUN));
            }
        };
        if let Err(error) = self.change(give_back).await {
            tracing::info!("the Lease could not be given back: {error}");
        }
    }

    /// Changes the Lease as long as it is ours; also while the renewal changes it.
    async fn change(&self, edit: impl Fn(&mut Lease)) -> Result<(), ::kube::Error> {
        let mut tries = 1..TRIES;
        loop {
            let Some(mut lease) = mine(&self.cluster, &self.namespace, &self.holder).await else { return Ok(()) };
            edit(&mut lease);
            match self.cluster.replace(Some(&self.namespace), NAME, &lease).await {
                Err(::kube::Error::Api(status)) if status.is_conflict() && tries.next().is_some() => {}
                answer => return answer,
            }
        }
    }
}

/// The revisions that were begun and not noted as done.
fn begun(lease: &Lease) -> Vec<(String, String)> {
    let notes = lease.metadata.annotations.iter().flatten();
    notes.filter(|(key, _)| key.starts_with(BEGUN)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl Held {
    /// Gives it back, and takes the Lease itself away: nobody is left who could be asked who was last.
    ///
    /// # Errors
    /// When that is not allowed.
    pub async fn remove(self) -> Result<()> {
        self.renewal.abort();
        let Self { cluster, namespace, holder, .. } = &self;
        let Some(lease) = mine(cluster, namespace, holder).await else { return Ok(()) };
        // In this very state: somebody else may have taken it a moment ago.
        match cluster.delete::<Lease>(namespace, NAME, lease.metadata.resource_version.as_deref()).await {
            Ok(()) => Ok(()),
            Err(::kube::Error::Api(status)) if status.is_conflict() => Ok(()),
            Err(error) => Err(denied(&error, &cluster.server, &format!("remove the Lease {NAME} in {namespace}"))),
        }
    }
}

/// The Lease, if it is still ours.
async fn mine(cluster: &Cluster, namespace: &str, holder: &Holder) -> Option<Lease> {
    match look(cluster, namespace).await {
        Ok(Seen::There(lease)) if super::annotation(&lease, PROCESS) == holder.process => Some(*lease),
        _ => None,
    }
}

async fn renew(cluster: Cluster, namespace: String, holder: Holder, lost: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(RENEW).await;
        match look(&cluster, &namespace).await {
            Ok(Seen::There(lease)) if super::annotation(&lease, PROCESS) != holder.process => {
                lost.store(true, Ordering::Relaxed);
                return;
            }
            Ok(Seen::There(mut lease)) => {
                if let Some(spec) = &mut lease.spec {
                    spec.renew_time = Some(MicroTime(Timestamp::now()));
                }
                // One that fails is tried again at the next turn; there are three before it runs out.
                let _ = cluster.replace(Some(&namespace), NAME, lease.as_ref()).await;
            }
            _ => {}
        }
    }
}
