//! The plan as text: what goes, whose data is there and what becomes of it, what stays.

use crate::text::{fold, named};
use crate::ui::table;
use crate::uninstall::{Fate, Stay, Step, Uninstall, VolumeFate};

/// The column of names is at least as wide as in the plan of an installation.
const WIDTH: usize = 11;

/// The plan, line by line: `-` goes, `=` stays.
pub(super) fn text(plan: &Uninstall) -> String {
    let place =
        if plan.cluster == plan.server { plan.server.clone() } else { format!("{} ({})", plan.cluster, plan.server) };
    let mut lines = vec![format!("Uninstall from namespace {} in {place}", plan.namespace), String::new()];
    lines.extend(plan.operations.iter().filter_map(|operation| line(&operation.step)));
    lines.extend(plan.stays.iter().map(stay));
    if !plan.volumes.is_empty() {
        lines.push(String::new());
        let rows: Vec<Vec<String>> = plan.volumes.iter().map(|volume| row(plan, volume)).collect();
        let table = table(&["VOLUME OF", "CLAIM", "SIZE", "CLASS", "POLICY", "THEN"], &rows);
        lines.extend(table.lines().map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

fn stay(Stay { kind, name, why }: &Stay) -> String {
    match kind.as_str() {
        "release" => under('=', name, &format!("stays: {why}")),
        _ => under('=', kind, &format!("{name} stays: {why}")),
    }
}

fn under(mark: char, what: &str, rest: &str) -> String {
    fold(&format!("  {mark} {what:<WIDTH$} {rest}"), &" ".repeat(WIDTH + 5))
}

fn line(step: &Step) -> Option<String> {
    let line = |what: &str, rest: String| Some(under('-', what, &rest));
    match step {
        // The table tells it.
        Step::SetReclaimPolicy { .. } | Step::DeleteClaim { .. } => None,
        Step::UninstallRelease { release, helm_chart, revision, status } => {
            let state = if status == "deployed" { String::new() } else { format!(" ({status})") };
            line(release, format!("{helm_chart}, revision {revision}{state}"))
        }
        Step::StopServers { servers } if servers.is_empty() => None,
        Step::StopServers { servers } => {
            let users = servers.iter().map(|server| server.user.as_deref().unwrap_or(&server.pod));
            line("servers", format!("{} running: {}", servers.len(), named(users)))
        }
        Step::StopDask { clusters } if clusters.is_empty() => None,
        Step::StopDask { clusters } => {
            let s = if clusters.len() == 1 { "" } else { "s" };
            line("dask", format!("{} cluster{s}: {}", clusters.len(), named(clusters.iter().map(String::as_str))))
        }
        Step::RemoveSecret { name } => line("secrets", format!("Secret {name}")),
        Step::RemoveLedger => line("secrets", "the hub's ledger in the cluster".to_owned()),
    }
}

fn row(plan: &Uninstall, volume: &VolumeFate) -> Vec<String> {
    let fate = match volume.fate {
        Fate::Kept => "kept",
        Fate::KeptAlone => "kept, claim goes",
        Fate::Deleted => "DELETED",
        Fate::Empty => "no volume yet",
    };
    let to = plan.operations.iter().find_map(|operation| match &operation.step {
        Step::SetReclaimPolicy { volume: of, to, from } if Some(of) == volume.volume.as_ref() && from != to => Some(to),
        _ => None,
    });
    let policy = volume.policy.clone().unwrap_or_default();
    let policy = to.map_or(policy.clone(), |to| format!("{policy} -> {to}"));
    let class = volume.class.clone().unwrap_or_default();
    vec![volume.owner.to_string(), volume.claim.clone(), volume.size.clone(), class, policy, fate.to_owned()]
}
