//! What of a hub's state needs somebody, and what only needs time. Pure.

use jiff::Timestamp;
use serde::Serialize;

use super::{BackupState, Backups, LedgerState, Matter, MissingRelease, ReleaseRow, Status, by_cause};
use crate::apply::WorkloadState;
use crate::chart::release::Scope;
use crate::error::Error;
use crate::lease::Work;
use crate::plan::at_work;
use crate::text::named;

/// A hub's state in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Everything that we may see is as it should be.
    Healthy,
    /// Something is not ready yet, or somebody works on it.
    Starting,
    /// Something will hardly heal by waiting.
    Failing,
    /// No release of it is there, and nobody is at it: what is left was kept when it was uninstalled.
    Uninstalled,
    /// What would tell may not be read.
    Unknown,
}

/// What will hardly heal by waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attention {
    /// What is the matter.
    pub what: String,
    /// What to do about it, if we know.
    pub fix: Option<String>,
}

impl Attention {
    fn new(what: impl Into<String>, fix: impl Into<Option<String>>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

/// Fills in what the rest means.
pub(super) fn judge(status: &mut Status) {
    let busy = status.work.as_ref().is_some_and(|work| work.now) || status.shared_work.is_some();
    if let Some(since) = status.deleting_since {
        // All else goes with it, in whatever order.
        (status.state, status.attention) = (State::Failing, vec![of_deletion(&status.namespace, since)]);
        return;
    }
    let mut attention = Vec::new();
    let is_uninstalled = !busy && is_uninstalled(status);
    if !busy && !is_uninstalled {
        attention.extend(status.missing.iter().map(|release| of_missing(release, status)));
    }
    for row in status.releases.iter().flatten() {
        attention.extend(of_release(row, busy));
    }
    let failing = status.workloads.iter().flatten().filter(|one| one.is_failing());
    attention.extend(by_cause(failing, |one| one.reason.as_ref()).into_iter().map(of_workloads));
    for claim in status.volumes.iter().flat_map(|volumes| &volumes.hub) {
        let reason = claim.reason.as_ref().filter(|reason| reason.failing);
        // A pod that waits for it has told the same already.
        if let Some(reason) = reason.filter(|reason| !attention.iter().any(|one| one.what.contains(&reason.text))) {
            attention.push(Attention::new(reason.text.clone(), reason.hint.clone()));
        }
    }
    let failed = |backups: &&Backups| backups.state == BackupState::Failed;
    attention.extend(status.backups.iter().flatten().filter(failed).map(|one| of_backups(one, &status.namespace)));
    attention.extend(of_ledger(status));
    let waits = status.workloads.iter().flatten().any(|one| !one.ready);
    status.state = match (attention.is_empty(), busy || waits) {
        (false, _) => State::Failing,
        (true, _) if is_uninstalled => State::Uninstalled,
        (true, _) if status.workloads.is_none() => State::Unknown,
        (true, true) => State::Starting,
        (true, false) => State::Healthy,
    };
    status.attention = attention;
}

/// Whether it was taken away, and not merely lost: helm iris gives its Lease up when it has uninstalled a hub.
fn is_uninstalled(status: &Status) -> bool {
    let Some(rows) = &status.releases else { return false };
    let last = status.work.as_ref().is_none_or(is_uninstall);
    last && !rows.iter().any(|row| row.scope == Scope::Hub && row.is_there())
}

fn is_uninstall(work: &Work) -> bool {
    work.doing.starts_with("uninstall ")
}

fn of_deletion(namespace: &str, since: Timestamp) -> Attention {
    let since = since.strftime("%Y-%m-%d %H:%M:%S UTC");
    let what = format!("the namespace {namespace} is being deleted since {since}, with all that is in it");
    let fix = format!("see what it waits for: kubectl describe namespace {namespace}; install again when it is gone");
    Attention::new(what, fix)
}

fn of_missing(MissingRelease { name, namespace }: &MissingRelease, status: &Status) -> Attention {
    let what = format!("the release {name} is missing: helm has nothing of it in {namespace}");
    let hub = format!("{} -n {}", status.chart().unwrap_or("CHART"), status.namespace);
    let fix = if status.work.as_ref().is_some_and(is_uninstall) {
        format!("go on with what was begun: helm iris uninstall {hub}; or go back: helm iris install {hub}")
    } else {
        format!("install again, from the folder of the site file: helm iris install {hub}")
    };
    Attention::new(what, fix)
}

fn of_workloads(Matter { why, things }: Matter<'_, WorkloadState>) -> Attention {
    let names: Vec<_> = things.iter().map(|one| one.workload.to_string()).collect();
    let fix = things.iter().find_map(|one| one.reason.as_ref()?.hint.clone());
    Attention::new(format!("{}: {}", named(names.iter().map(String::as_str)), why.unwrap_or_default()), fix)
}

fn of_release(row: &ReleaseRow, busy: bool) -> Option<Attention> {
    let ReleaseRow { name, namespace, revision, state, .. } = row;
    if row.pending && row.left {
        let what = format!("{name}: revision {revision} was left {state} by a helm iris that is gone");
        return (!busy).then(|| Attention::new(what, "run the same helm iris command again: it goes on".to_owned()));
    }
    if row.pending {
        // An installation would refuse with these very words.
        let Error { message, causes, hints, .. } = at_work((name, namespace), *revision, state, row.since);
        let what = format!("{message}: {}", causes.join("; "));
        return (!busy).then(|| Attention::new(what, hints.join("; ")));
    }
    (state == "failed").then(|| {
        let what = format!("{name}: revision {revision} failed");
        Attention::new(what, format!("see: helm history {name} -n {namespace}; mend the cause and install again"))
    })
}

fn of_backups(Backups { name, .. }: &Backups, namespace: &str) -> Attention {
    let what = format!("{name}: the last backup of the database failed");
    let logs = format!("kubectl logs -n {namespace} -l app.kubernetes.io/name=postgresql-backup --tail=20");
    Attention::new(what, format!("see why: {logs}"))
}

fn of_ledger(status: &Status) -> Option<Attention> {
    match status.ledger.as_ref()? {
        LedgerState::Damaged { why } => Some(Attention::new(
            why.clone(),
            "restore it from a backup; do not delete it while the hub is used: its secrets would be lost".to_owned(),
        )),
        LedgerState::Missing if status.releases.iter().flatten().any(|row| row.ours) => Some(Attention::new(
            "the ledger is gone: the cluster no longer knows the hub's secrets by name",
            "install again from the folder of the site file: it writes it anew".to_owned(),
        )),
        LedgerState::Missing | LedgerState::Present { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::{Kind, Reason, Workload};
    use crate::status::{ClaimRow, UserVolumes, Volumes};

    fn healthy() -> Status {
        let row = ReleaseRow {
            name: "dhub".into(),
            namespace: "dhub".into(),
            scope: Scope::Hub,
            revision: 2,
            state: "deployed".into(),
            chart: None,
            version: None,
            since: None,
            ours: true,
            pending: false,
            left: false,
        };
        let workload = Workload { kind: Kind::Deployment, namespace: "dhub".into(), name: "hub".into() };
        let ready = WorkloadState {
            workload,
            ready: true,
            have: 1,
            want: 1,
            failed: false,
            reason: None,
            selector: String::new(),
        };
        let users = UserVolumes { count: 0, bytes: 0, unbound: 0, first_unbound: Vec::new() };
        let claim =
            ClaimRow { name: "data".into(), size: "8Gi".into(), phase: "Bound".into(), class: None, reason: None };
        Status {
            cluster: "c".into(),
            namespace: "dhub".into(),
            state: State::Starting,
            attention: Vec::new(),
            chart: Some("daskhub".into()),
            deleting_since: None,
            missing: Vec::new(),
            releases: Some(vec![row]),
            other_releases: 0,
            applied: None,
            drift: None,
            bundle: None,
            workloads: Some(vec![ready]),
            volumes: Some(Volumes { hub: vec![claim], users }),
            backups: None,
            servers: None,
            service: None,
            address: None,
            work: None,
            shared_work: None,
            ledger: Some(LedgerState::Present { secrets: 1, weak: Vec::new() }),
            not_read: Vec::new(),
        }
    }

    fn after(change: impl FnOnce(&mut Status)) -> (State, usize) {
        let mut status = healthy();
        change(&mut status);
        judge(&mut status);
        (status.state, status.attention.len())
    }

    fn hub(status: &mut Status, reason: Option<&Reason>) {
        for one in status.workloads.iter_mut().flatten() {
            (one.ready, one.reason) = (false, reason.cloned());
        }
    }

    fn release(status: &mut Status, state: &str, pending: bool) {
        for row in status.releases.iter_mut().flatten() {
            (row.state, row.pending) = (state.to_owned(), pending);
        }
    }

    fn work(now: bool) -> Work {
        Work { doing: "install".into(), since: None, last_seen: None, now }
    }

    #[test]
    fn only_what_needs_somebody_is_failing() {
        assert_eq!(after(|_| ()), (State::Healthy, 0));
        assert_eq!(after(|status| status.work = Some(work(false))), (State::Healthy, 0));
        assert_eq!(after(|status| status.work = Some(work(true))), (State::Starting, 0));
        assert_eq!(after(|status| hub(status, None)), (State::Starting, 0));
        assert_eq!(after(|status| hub(status, Some(&Reason::waiting("soon")))), (State::Starting, 0));
        assert_eq!(after(|status| hub(status, Some(&Reason::failing("never")))), (State::Failing, 1));
        assert_eq!(after(|status| release(status, "failed", false)), (State::Failing, 1));
        assert_eq!(after(|status| release(status, "pending-upgrade", true)), (State::Failing, 1));
        let at_work = |status: &mut Status| {
            release(status, "pending-upgrade", true);
            status.work = Some(work(true));
        };
        assert_eq!(after(at_work), (State::Starting, 0));
        assert_eq!(after(|status| status.ledger = Some(LedgerState::Missing)), (State::Failing, 1));
        assert_eq!(after(|status| status.ledger = None), (State::Healthy, 0));
    }

    fn told(change: impl FnOnce(&mut Status)) -> (State, String) {
        let mut status = healthy();
        change(&mut status);
        judge(&mut status);
        let lines = status.attention.iter().map(|one| format!("{}; {}", one.what, one.fix.as_deref().unwrap_or("-")));
        (status.state, lines.collect::<Vec<_>>().join("\n"))
    }

    fn last_work(doing: &str, now: bool) -> Work {
        Work { doing: doing.into(), since: None, last_seen: None, now }
    }

    #[test]
    fn a_release_that_is_not_there_is_missing_unless_the_hub_was_uninstalled() {
        let lost = |status: &mut Status, left: bool| {
            let name = if left { "postgresql" } else { "dhub" };
            status.missing = vec![MissingRelease { name: name.into(), namespace: "dhub".into() }];
            status.releases.as_mut().unwrap().retain(|_| left);
        };
        let none = |work: Option<Work>| {
            told(|status| {
                lost(status, false);
                status.work = work;
            })
        };
        let (state, text) = none(Some(last_work("install daskhub, by anna", false)));
        assert_eq!(state, State::Failing);
        assert!(text.contains("release dhub is missing") && text.contains("iris install daskhub -n dhub"), "{text}");
        // While somebody is at it, it only needs time.
        assert_eq!(none(Some(last_work("install daskhub, by anna", true))).0, State::Starting);
        assert_eq!(none(None), (State::Uninstalled, String::new()));
        assert_eq!(none(Some(last_work("uninstall daskhub, by anna", false))).0, State::Uninstalled);
        // What helm keeps of a release that is gone is none.
        assert_eq!(told(|status| release(status, "uninstalled", false)).0, State::Uninstalled);
        let (state, text) = told(|status| {
            lost(status, true);
            status.work = Some(last_work("uninstall daskhub, by anna", false));
        });
        assert!(state == State::Failing && text.contains("helm iris uninstall daskhub -n dhub; or go back"), "{text}");
    }

    #[test]
    fn only_what_a_helm_iris_left_is_freed_by_the_next_one() {
        let pending = |left: bool| {
            told(|status| {
                release(status, "pending-upgrade", true);
                status.releases.iter_mut().flatten().for_each(|row| row.left = left);
            })
        };
        let (_, text) = pending(true);
        assert!(text.contains("was left pending-upgrade") && text.contains("same helm iris command again"), "{text}");
        let (state, text) = pending(false);
        assert_eq!(state, State::Failing);
        assert!(text.contains("another helm works on `dhub`") && text.contains("helm rollback dhub -n dhub"), "{text}");
    }

    #[test]
    fn a_namespace_that_goes_is_all_there_is_to_say() {
        let (state, text) = told(|status| {
            release(status, "failed", false);
            status.deleting_since = Some(Timestamp::from_second(1_800_000_000).unwrap());
        });
        assert_eq!((state, text.lines().count()), (State::Failing, 1));
        assert!(text.contains("is being deleted since 2027-01-15 08:00:00 UTC"), "{text}");
    }

    #[test]
    fn a_claim_and_the_pod_that_waits_for_it_are_one_matter() {
        let no_volume = || Some(Reason::failing("no volume could be made"));
        let claim = |status: &mut Status| {
            for row in status.volumes.iter_mut().flat_map(|volumes| &mut volumes.hub) {
                row.reason = no_volume();
            }
        };
        assert_eq!(after(claim), (State::Failing, 1));
        let both = |status: &mut Status| {
            claim(status);
            hub(status, no_volume().as_ref());
        };
        assert_eq!(after(both), (State::Failing, 1));
    }
}
