//! One at a time: whoever changes a hub holds a Lease of its namespace, and says who they are.
//!
//! A Lease that is not renewed runs out, so that a computer that is gone keeps nobody waiting for long. One
//! whose process is dead, on this very computer, is free at once. It stays when it is free, and tells who was
//! last: whoever made a plan before that has to look again.

mod held;
mod holder;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};

pub use held::{Held, acquire, wait};
pub use holder::{Holder, is_dead};

/// Name of the Lease.
pub const NAME: &str = "helm-iris";
/// The annotation with the process that holds it.
const PROCESS: &str = "helm-iris/process";
/// The annotation with what is done, or was done last.
const DOING: &str = "helm-iris/doing";
/// The annotations with the revisions that helm was about to make, by release.
const BEGUN: &str = "begun.helm-iris/";
/// Seconds after which one that is not renewed is free.
const LASTS: i32 = 60;

/// A Lease as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// We may not look at Leases here, and cannot hold one either.
    Hidden,
    /// Nobody ever held it.
    Never,
    /// As it stands.
    There(Box<Lease>),
}

/// Work on a hub, going on or done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// What, and by whom: `install daskhub, by anna@laptop (process 4711)`.
    pub doing: String,
    /// When it began.
    pub since: Option<Timestamp>,
    /// The last sign of life of whoever does it; where they are done, when that was.
    pub last_seen: Option<Timestamp>,
    /// Whether somebody does it right now.
    pub now: bool,
}

/// Looks at the Lease of a namespace.
///
/// # Errors
/// When the cluster does not answer.
pub async fn look(cluster: &Cluster, namespace: &str) -> Result<Seen> {
    match cluster.get::<Lease>(Some(namespace), NAME).await {
        Ok(None) => Ok(Seen::Never),
        Ok(Some(lease)) => Ok(Seen::There(Box::new(lease))),
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(Seen::Hidden),
        Err(error) => Err(denied(&error, &cluster.server, &format!("look at the Lease {NAME} in {namespace}"))),
    }
}

impl Seen {
    /// Kubernetes' mark of this very state.
    fn resource_version(&self) -> Option<&str> {
        match self {
            Self::There(lease) => lease.metadata.resource_version.as_deref(),
            Self::Hidden | Self::Never => None,
        }
    }

    /// Whether a revision that is pending was left so by a process of ours that is gone.
    pub fn has_left(&self, release: &str, revision: u64) -> bool {
        let Self::There(lease) = self else { return false };
        self.busy(Timestamp::now()).is_none() && annotation(lease, &format!("{BEGUN}{release}")) == revision.to_string()
    }

    /// The releases of which revisions were begun and not noted as done.
    pub fn begun(&self) -> impl Iterator<Item = &str> {
        let lease = if let Self::There(lease) = self { Some(lease) } else { None };
        let notes = lease.into_iter().flat_map(|lease| lease.metadata.annotations.iter().flatten());
        notes.filter_map(|(key, _)| key.strip_prefix(BEGUN))
    }

    /// The last work that is known of.
    pub fn work(&self) -> Option<Work> {
        let Self::There(lease) = self else { return None };
        let spec = lease.spec.clone().unwrap_or_default();
        Some(Work {
            doing: annotation(lease, DOING).to_owned(),
            since: spec.acquire_time.map(|time| time.0),
            last_seen: spec.renew_time.map(|time| time.0),
            now: self.busy(Timestamp::now()).is_some(),
        })
    }

    /// Whether whoever was last did not come to the end, and nobody works on it now.
    pub fn is_left(&self) -> bool {
        let Self::There(lease) = self else { return false };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        self.busy(Timestamp::now()).is_none() && (self.begun().next().is_some() || !holder.is_empty())
    }

    /// Who holds it, if anybody does at this time.
    fn busy(&self, now: Timestamp) -> Option<&Lease> {
        let Self::There(lease) = self else { return None };
        let spec = lease.spec.as_ref()?;
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let lasts = i64::from(spec.lease_duration_seconds.unwrap_or(LASTS));
        let renewed = spec.renew_time.as_ref().map_or(i64::MIN, |time| time.0.as_second());
        let expired = now.as_second().saturating_sub(renewed) > lasts;
        (!holder.is_empty() && !expired && !is_dead(annotation(lease, PROCESS))).then_some(lease)
    }
}

fn annotation<'l>(lease: &'l Lease, key: &str) -> &'l str {
    lease.metadata.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str).unwrap_or_default()
}

/// Somebody else works on it.
fn held_by(lease: &Lease, namespace: &str) -> Error {
    let spec = lease.spec.clone().unwrap_or_default();
    let since = spec.acquire_time.map(|time| format!(" since {}", time.0.strftime("%Y-%m-%d %H:%M:%S UTC")));
    Error::user(format!("somebody else works on {namespace} right now"))
        .because(format!(
            "{}: {}{}",
            spec.holder_identity.unwrap_or_default(),
            annotation(lease, DOING),
            since.unwrap_or_default()
        ))
        .hint("nothing was changed; wait until they are done, then run the same command again")
        .hint(format!("if they are gone, it is free {LASTS} seconds after their last sign of life"))
}

/// Somebody worked on it after the plan was made.
fn changed_meanwhile(seen: &Seen, namespace: &str) -> Error {
    let error = Error::user(format!("somebody else has worked on {namespace} since the plan was made"));
    let error = match seen {
        Seen::There(lease) => error.because(annotation(lease, DOING)),
        Seen::Hidden | Seen::Never => error,
    };
    error.hint("nothing was changed; run the same command again, and look at the plan again")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    use super::*;

    fn seen(holder: &str, renewed: i64, process: &str) -> Seen {
        let mut lease = Lease::default();
        lease.metadata.annotations = Some([(PROCESS.to_owned(), process.to_owned())].into());
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            lease_duration_seconds: Some(60),
            ..LeaseSpec::default()
        });
        Seen::There(Box::new(lease))
    }

    #[test]
    fn it_is_busy_while_somebody_lives() {
        let now = Timestamp::from_second(1000).unwrap();
        let mine = Holder::this_process(Some("anna"));
        for (busy, lease) in [
            (true, seen("bob", 999, "elsewhere")),
            (true, seen("bob", 1010, "a clock that is ahead")),
            (true, seen("anna", 999, &mine.process)),
            (false, seen("bob", 939, "elsewhere")),
            (false, seen("", 999, "elsewhere")),
            (false, Seen::Never),
            (false, Seen::Hidden),
        ] {
            assert_eq!(lease.busy(now).is_some(), busy, "{lease:?}");
        }
    }

    #[test]
    fn the_last_work_is_told_whoever_holds_it() {
        let Seen::There(mut lease) = seen("", 999, "elsewhere") else { return };
        let notes = lease.metadata.annotations.get_or_insert_default();
        notes.insert(DOING.to_owned(), "install daskhub, by anna".to_owned());
        let done = Seen::There(lease.clone()).work().unwrap();
        assert_eq!((done.doing.as_str(), done.now), ("install daskhub, by anna", false));
        assert_eq!(done.last_seen, Timestamp::from_second(999).ok());
        let spec = lease.spec.get_or_insert_default();
        (spec.holder_identity, spec.renew_time) = (Some("anna".into()), Some(MicroTime(Timestamp::now())));
        assert!(Seen::There(lease).work().unwrap().now);
        assert_eq!(Seen::Never.work(), None);
    }

    #[test]
    fn what_was_left_is_known_by_its_revision_once_nobody_works_on_it() {
        let note = |holder: &str| {
            let Seen::There(mut lease) = seen(holder, 2_000_000_000, "elsewhere") else { return Seen::Never };
            let notes = lease.metadata.annotations.get_or_insert_default();
            notes.insert("begun.helm-iris/dhub".to_owned(), "3".to_owned());
            Seen::There(lease)
        };
        assert!(note("").has_left("dhub", 3) && note("").begun().eq(["dhub"]) && Seen::Never.begun().next().is_none());
        assert!(!note("").has_left("dhub", 4) && !note("").has_left("postgresql", 3));
        assert!(!seen("", 999, "elsewhere").has_left("dhub", 3));
        assert!(note("").is_left() && seen("gone", 999, "elsewhere").is_left());
        assert!(!seen("", 999, "elsewhere").is_left() && !Seen::Never.is_left());
        // Ahead of every clock of today, so that somebody holds it.
        let Seen::There(mut alive) = note("bob") else { return };
        if let Some(spec) = &mut alive.spec {
            spec.renew_time = Some(MicroTime(Timestamp::from_second(4_000_000_000).unwrap()));
        }
        let alive = Seen::There(alive);
        assert!(!alive.has_left("dhub", 3) && !alive.is_left());
    }

    #[test]
    fn a_process_that_is_dead_holds_nothing() {
        let now = Timestamp::from_second(1000).unwrap();
        let mine = Holder::this_process(None);
        let (machine, _) = mine.process.rsplit_once(':').unwrap();
        // No process has this number: it is above the most that Linux gives.
        let dead = seen("anna", 999, &format!("{machine}:4194305"));
        assert_eq!(dead.busy(now).is_some(), cfg!(not(target_os = "linux")));
        assert!(seen("anna", 999, "another-machine:4194305").busy(now).is_some());
    }
}
