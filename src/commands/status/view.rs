//! A hub's state as one screen of 80 columns. Pure, but for the age of things.

use jiff::Timestamp;

use crate::apply::Address;
use crate::chart::release::Scope;
use crate::drift::Drift;
use crate::lease::Work;
use crate::quantity::shown_bytes;
use crate::status::{
    Attention, BackupState, Backups, BundleState, ClaimRow, LedgerState, Matter, Place, ReleaseRow, Servers, State,
    Status, Volumes, by_cause,
};
use crate::text::{fold, named};
use crate::ui::table;

/// Lines of one kind; what is in order comes after what is not, and the rest is counted.
const MOST: usize = 6;
/// As much of a digest as tells bundles apart.
const SHORT: usize = 12;
/// Under the words, beside the labels.
const INDENT: &str = "           ";

/// The hubs of a cluster.
pub(super) fn hubs(hubs: &[Place]) -> String {
    let rows: Vec<_> = hubs.iter().map(|hub| vec![hub.namespace.clone(), age(hub.since)]).collect();
    table(&["HUB", "AGE"], &rows)
}

/// All about one hub.
pub(super) fn status(status: &Status) -> String {
    let mut out = Lines(Vec::new());
    let word = match status.state {
        State::Healthy => "healthy",
        State::Starting => "starting: not everything is ready yet",
        State::Failing => "needs attention",
        State::Uninstalled => "uninstalled: no release of it is here, only what was kept",
        State::Unknown => "unknown: what would tell may not be read",
    };
    out.line("Hub", &format!("{} on {}: {word}", status.namespace, status.cluster));
    if status.state == State::Uninstalled {
        let back = format!("helm iris install {} -n {}", status.chart().unwrap_or("CHART"), status.namespace);
        out.line("", &format!("- to bring it back: {back}"));
    }
    attention(&status.attention, &mut out);
    out.0.push(String::new());
    if let Some(rows) = &status.releases {
        releases(rows, status.other_releases, &mut out);
    }
    bundles(status, &mut out);
    if let Some(drift) = &status.drift {
        out.line("Drift", &of_drift(drift, status));
    }
    workloads(status, &mut out);
    if let Some(volumes) = &status.volumes {
        claims(volumes, &mut out);
    }
    for backups in status.backups.iter().flatten() {
        out.line("Backups", &of_backups(backups));
    }
    if let Some(servers) = &status.servers {
        users(servers, status.volumes.as_ref(), &mut out);
    }
    if let Some(address) = &status.address {
        out.line("Address", &of_address(address));
    }
    if let Some(ledger) = &status.ledger {
        out.line("Secrets", &of_ledger(ledger));
    }
    out.line("Work", &of_work(status.work.as_ref()));
    if let Some(work) = &status.shared_work {
        out.line("", &format!("on what all hubs share: {}", of_work(Some(work))));
    }
    for (index, what) in status.not_read.iter().enumerate() {
        out.line(if index == 0 { "Not read" } else { "" }, &format!("you may not read {what}"));
    }
    out.0.join("\n")
}

struct Lines(Vec<String>);

impl Lines {
    fn line(&mut self, label: &str, text: &str) {
        self.0.push(fold(&format!("{label:<11}{text}"), INDENT));
    }

    /// The first of many, and how many more there are.
    fn some<T>(&mut self, all: &[T], mut line: impl FnMut(&mut Self, &T)) {
        for one in all.iter().take(MOST) {
            line(self, one);
        }
        if all.len() > MOST {
            self.line("", &format!("and {} more; -o json tells all", all.len() - MOST));
        }
    }
}

/// What needs somebody; a way out of several is told once, after the last of them.
fn attention(all: &[Attention], out: &mut Lines) {
    let mut rest = all.iter().take(MOST).peekable();
    out.some(all, |out, one| {
        rest.next();
        out.line("", &format!("- {}", one.what));
        let next = rest.peek().and_then(|next| next.fix.as_ref());
        if let Some(fix) = one.fix.as_ref().filter(|fix| next != Some(*fix)) {
            out.line("", &format!("  fix: {fix}"));
        }
    });
}

fn releases(rows: &[ReleaseRow], others: usize, out: &mut Lines) {
    if rows.is_empty() {
        out.line("Releases", "none");
    }
    let cells = |row: &ReleaseRow| {
        let chart = row.chart.as_ref().zip(row.version.as_ref()).map(|(chart, version)| format!("{chart} {version}"));
        let name = if row.scope == Scope::Cluster { format!("{}*", row.name) } else { row.name.clone() };
        let by = if row.ours || row.state != "deployed" { "" } else { " (by others)" };
        let chart = chart.unwrap_or_else(|| "cannot be read".to_owned());
        vec![name, row.revision.to_string(), format!("{}{by}", row.state), chart, age(row.since)]
    };
    if !rows.is_empty() {
        let cells: Vec<_> = rows.iter().take(MOST).map(cells).collect();
        out.0.extend(table(&["RELEASE", "REV", "STATE", "CHART", "AGE"], &cells).lines().map(str::to_owned));
    }
    let mut notes = Vec::new();
    if rows.len() > MOST {
        notes.push(format!("{} more releases: -o json tells all", rows.len() - MOST));
    }
    if rows.iter().any(|row| row.scope == Scope::Cluster) {
        notes.push("* shared by all hubs".to_owned());
    }
    if others > 0 {
        notes.push(format!("{others} more of Helm's here are none of ours"));
    }
    if !notes.is_empty() {
        out.0.push(fold(&notes.join("; "), ""));
    }
    out.0.push(String::new());
}

fn bundles(status: &Status, out: &mut Lines) {
    let kept = status.applied.as_ref().map(|applied| {
        let digest: String = applied.digest.chars().take(SHORT).collect();
        format!("{} (SHA-256 {digest}…) was applied {} ago, by {}", applied.number, age(applied.at), applied.by)
    });
    let here = status.bundle.as_ref().map(of_bundle);
    for (index, line) in kept.into_iter().chain(here).enumerate() {
        out.line(if index == 0 { "Bundle" } else { "" }, &line);
    }
}

fn of_drift(drift: &Drift, status: &Status) -> String {
    let word = drift.word();
    if drift.is_empty() {
        return word;
    }
    format!("{word} changed since they were installed; see: helm iris plan {}", status.chart().unwrap_or("CHART"))
}

fn of_bundle(bundle: &BundleState) -> String {
    let folder = &bundle.folder;
    let why = bundle.not_compared.as_deref();
    match bundle.applied {
        Some(true) => format!("./{folder} is what is applied"),
        Some(false) => {
            let all: Vec<_> = bundle.differing.iter().map(|one| format!("{}: {}", one.release, one.how)).collect();
            format!("./{folder} is not what is applied ({}); see: helm iris plan", all.join("; "))
        }
        None => format!("./{folder} was not wholly compared: {}", why.unwrap_or("it cannot be read")),
    }
}

fn workloads(status: &Status, out: &mut Lines) {
    let Some(all) = &status.workloads else { return };
    if all.is_empty() && status.state == State::Uninstalled {
        return;
    }
    let (failing, others): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.is_failing());
    let ready = others.iter().filter(|one| one.ready).count();
    // What needs attention has been said at the top.
    let above = match failing.len() {
        0 => String::new(),
        1 => "; 1 needs attention: see above".to_owned(),
        some => format!("; {some} need attention: see above"),
    };
    out.line("Workloads", &format!("{ready} of {} ready{above}", all.len()));
    let waiting = by_cause(others.into_iter().filter(|one| !one.ready), |one| one.reason.as_ref());
    out.some(&waiting, |out, Matter { why, things }| {
        let names: Vec<_> = things.iter().map(|one| format!("{} {}/{}", one.workload, one.have, one.want)).collect();
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        out.line("", &format!("- {}{why}", named(names.iter().map(String::as_str))));
    });
}

fn claims(volumes: &Volumes, out: &mut Lines) {
    if volumes.hub.is_empty() {
        return out.line("Volumes", "none but those of users");
    }
    let mut label = "Volumes";
    out.some(&volumes.hub, |out, claim| {
        out.line(label, &of_claim(claim));
        label = "";
    });
}

fn of_claim(claim: &ClaimRow) -> String {
    let ClaimRow { name, size, phase, class, reason } = claim;
    let class = class.as_deref().unwrap_or("no class");
    let why = match reason {
        Some(reason) if !reason.failing => format!(": {reason}"),
        Some(_) => ": see above".to_owned(),
        None => String::new(),
    };
    format!("{name}  {size}  {phase}  {class}{why}")
}

fn users(servers: &Servers, volumes: Option<&Volumes>, out: &mut Lines) {
    let mut parts = vec![format!("{} running", count(servers.running, "server"))];
    if servers.starting > 0 {
        parts.push(format!("{} starting", servers.starting));
    }
    if !servers.failing.is_empty() {
        parts.push(format!("{} cannot start", servers.failing.len()));
    }
    if let Some(users) = volumes.map(|volumes| &volumes.users) {
        parts.push(match users.count {
            0 => "no volumes".to_owned(),
            some => format!("{} of {} in all", count(some, "volume"), shown_bytes(users.bytes)),
        });
        if users.unbound > 0 {
            parts.push(format!("{} without a volume", count(users.unbound, "claim")));
        }
    }
    out.line("Users", &parts.join(", "));
    out.some(&by_cause(&servers.failing, Some), |out, Matter { why, things }| {
        let many = if things.len() > 1 { format!("{} servers: ", things.len()) } else { String::new() };
        out.line("", &format!("- {many}{}", why.as_deref().unwrap_or_default()));
    });
    let unbound = volumes.map(|volumes| volumes.users.first_unbound.as_slice()).unwrap_or_default();
    out.some(unbound, |out, claim| {
        let why = claim
            .reason
            .as_ref()
            .map_or_else(|| "no reason is known; it may wait for its first pod".to_owned(), ToString::to_string);
        out.line("", &format!("- {} {}: {why}", claim.name, claim.phase));
    });
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// An address with what there is to know about it.
pub(in crate::commands) fn of_address(address: &Address) -> String {
    match address {
        Address::Pending { why, since, .. } => {
            let why = why
                .as_ref()
                .map_or_else(|| "the cloud says nothing".to_owned(), |why| format!("the cloud says: {why}"));
            format!("pending for {}; {why}", age(*since))
        }
        known => known.to_string(),
    }
}

fn of_ledger(ledger: &LedgerState) -> String {
    match ledger {
        LedgerState::Missing => "there is no ledger in the cluster".to_owned(),
        LedgerState::Damaged { .. } => "the ledger is damaged: see above".to_owned(),
        LedgerState::Present { secrets, weak } if weak.is_empty() => {
            format!("{} in the ledger, none of them weak", count(*secrets, "secret"))
        }
        LedgerState::Present { secrets, weak } => {
            let weak: Vec<_> = weak.iter().map(|one| format!("{} {}", one.name, one.what)).collect();
            format!("{} in the ledger; weak: {}", count(*secrets, "secret"), weak.join(", "))
        }
    }
}

fn of_work(work: Option<&Work>) -> String {
    match work {
        None => "no helm iris works on it; what was done last is not known".to_owned(),
        Some(work) if work.now => format!("right now: {}, for {}", work.doing, age(work.since)),
        Some(work) => format!("no helm iris works on it; last: {}, {} ago", work.doing, age(work.last_seen)),
    }
}

fn of_backups(Backups { name, schedule, last_succeeded, state }: &Backups) -> String {
    let state = match state {
        BackupState::NotYet => "none was due yet",
        BackupState::Running => "one is being made",
        BackupState::Succeeded => "in order",
        BackupState::Failed => "the last one failed",
        BackupState::Suspended => "suspended",
    };
    let last = last_succeeded.map_or_else(|| "none so far".to_owned(), |at| format!("{} ago", age(Some(at))));
    format!("{name} ({schedule}): {state}; the last that succeeded: {last}")
}

/// How long ago, in the unit that says most.
fn age(since: Option<Timestamp>) -> String {
    since.map_or_else(|| "unknown".to_owned(), |since| of_seconds(since.duration_until(Timestamp::now()).as_secs()))
}

fn of_seconds(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ ..120 => format!("{seconds}s"),
        seconds @ ..7_200 => format!("{}m", seconds / 60),
        seconds @ ..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let shown = [-5, 0, 119, 120, 7_199, 7_200, 172_799, 172_800, 31_536_000].map(of_seconds);
        assert_eq!(shown, ["0s", "0s", "119s", "2m", "119m", "2h", "47h", "2d", "365d"]);
        assert_eq!(age(None), "unknown");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal_and_many_are_counted() {
        let mut lines = Lines(Vec::new());
        let all: Vec<_> =
            (0..20).map(|index| format!("claim-{index}: {}", "no volume could be made, ".repeat(9))).collect();
        lines.some(&all, |out, text| out.line("", text));
        let text = lines.0.join("\n");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.ends_with("and 14 more; -o json tells all"), "{text}");
    }
}
