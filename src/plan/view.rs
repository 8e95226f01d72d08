//! The plan as text for a terminal of 80 columns. Marks, not colours, say what happens.

use super::view_detail;
use super::{Action, Change, How, Operation, Plan, Reason, ReleaseOperation, Skip, ValueChange};
use crate::secrets::Note;
use crate::text::{WIDTH, folded};

/// How far the reasons for a release are indented.
const REASONS: usize = 16;
/// How far what is told besides is, so that the paths of objects' fields fit in.
const DETAILS: usize = 6;
/// The column of names is at least as wide as `postgresql`.
const NARROWEST: usize = 11;
/// More changed values than this are counted, not listed.
const MAX_CHANGES: usize = 20;

/// The plan, line by line: `+` new, `~` changed, `=` as it is, `-` left out or removed, `!` to be noted.
pub fn lines(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!("Plan for namespace {} in {}", plan.namespace, place(plan)), String::new()];
    let width = plan.releases().map(|release| release.name.len()).chain([NARROWEST]).max().unwrap_or(NARROWEST);
    for operation in &plan.operations {
        lines.extend(operation_lines(operation, width));
    }
    let notes: Vec<String> =
        plan.secrets.iter().map(|one| note(one, &plan.namespace)).chain(plan.warnings.clone()).collect();
    if !notes.is_empty() {
        lines.push(String::new());
        lines.extend(notes.iter().flat_map(|note| folded(&format!("  ! {note}"), WIDTH, "    ")));
    }
    lines
}

fn place(plan: &Plan) -> String {
    if plan.cluster == plan.server { plan.server.clone() } else { format!("{} ({})", plan.cluster, plan.server) }
}

fn operation_lines(operation: &Operation, width: usize) -> Vec<String> {
    let line = |mark: &str, what: &str, rest: &str| vec![format!("  {mark} {what:<width$} {rest}")];
    match operation {
        Operation::CreateNamespace { name } => line("+", "namespace", name),
        Operation::WriteLedger { new: true, .. } => {
            line("+", "secrets", "the hub's ledger, kept in the cluster from now on")
        }
        Operation::WriteLedger { new: false, .. } => line("~", "secrets", "the hub's ledger"),
        Operation::WriteSecret { name, release, new: true, .. } => {
            line("+", "secrets", &format!("Secret {name}, for {release} to read"))
        }
        Operation::WriteSecret { name, new: false, .. } => line("~", "secrets", &format!("Secret {name}: its content")),
        Operation::RemoveSecret { name, .. } => {
            line("-", "secrets", &format!("Secret {name}: removed, nothing reads it any more"))
        }
        Operation::ApplyCrd(crd) => {
            let mut lines = line(if crd.new { "+" } else { "~" }, "crd", &crd.name);
            lines.push(format!("                of {}; the whole cluster shares it", crd.chart));
            lines
        }
        Operation::DumpDatabase(dump) => {
            let what = format!("the database, before JupyterHub {} -> {} changes it", dump.from, dump.to);
            let mut lines = line("+", "dump", &what);
            lines.push(format!("                it is kept in the volume claim {}", dump.claim));
            lines
        }
        Operation::Release(release) => release_lines(release, width),
    }
}

fn release_lines(release: &ReleaseOperation, width: usize) -> Vec<String> {
    let ReleaseOperation { name, namespace, helm_chart, action, .. } = release;
    let line = |mark: &str, rest: &str| format!("  {mark} {name:<width$} {rest}");
    let mut lines = match action {
        Action::Install => vec![line("+", &format!("new: {helm_chart} in {namespace}"))],
        Action::Keep { revision } => vec![line("=", &format!("unchanged: {helm_chart}, revision {revision}"))],
        Action::Skip { why } => vec![line("-", &skip(why))],
        Action::Upgrade { revision, reasons } => {
            let mut lines = vec![line("~", &format!("changed: {helm_chart}, revision {revision}"))];
            lines.extend(reasons.iter().flat_map(reason).map(|text| format!("{:REASONS$}{text}", "")));
            lines
        }
    };
    lines.extend(view_detail::detail(release, WIDTH - DETAILS).iter().map(|text| format!("{:DETAILS$}{text}", "")));
    lines
}

fn skip(why: &Skip) -> String {
    match why {
        Skip::DefaultClass { name } => format!("not needed: the default StorageClass {name} is used"),
        Skip::ClassesHidden => "left out: you may not look at StorageClasses".to_owned(),
    }
}

fn reason(reason: &Reason) -> Vec<String> {
    let told = match reason {
        Reason::Values { changes } => return values(changes, WIDTH - REASONS),
        Reason::Chart { from, to } => format!("chart: {from} -> {to}"),
        Reason::Archive => "chart: same version, other content".to_owned(),
        Reason::Foreign { revision } => format!("revision {revision} was not made by helm iris; its changes go"),
        Reason::Unfinished { revision, status } => format!("revision {revision} did not succeed ({status})"),
        Reason::Abandoned { revision, status } => {
            format!("revision {revision} was left {status} by a helm that was killed: it is freed")
        }
        Reason::Forced => "applied again because of --force".to_owned(),
    };
    folded(&told, WIDTH - REASONS, "")
}

/// What changes of values or fields, in lines of a width if that can be.
pub(super) fn values(changes: &[ValueChange], width: usize) -> Vec<String> {
    let (in_use, others): (Vec<_>, Vec<_>) = changes.iter().partition(|one| one.change == Change::InUse);
    let mut lines: Vec<String> = others.iter().take(MAX_CHANGES).flat_map(|one| value(one, width)).collect();
    if others.len() > MAX_CHANGES {
        lines.push(format!("… and {} values more", others.len() - MAX_CHANGES));
    }
    match in_use.len() {
        0 => {}
        1 => lines.push("1 secret stays as it is and is pinned".to_owned()),
        count => lines.push(format!("{count} secrets stay as they are and are pinned")),
    }
    lines
}

fn value(ValueChange { path, change }: &ValueChange, width: usize) -> Vec<String> {
    let (from, to) = match change {
        Change::Hidden { how } => {
            return on_lines(path, &[format!("{} (may be a secret, not shown)", hidden(*how))], width);
        }
        Change::InUse => return on_lines(path, &["stays as it is and is pinned".to_owned()], width),
        Change::Added { to } => ("(unset)", to.as_str()),
        Change::Removed { from } => (from.as_str(), "(unset)"),
        Change::Changed { from, to } => (from.as_str(), to.as_str()),
    };
    on_lines(path, &[from.to_owned(), format!("-> {to}")], width)
}

fn hidden(how: How) -> &'static str {
    match how {
        How::Added => "is added",
        How::Removed => "is removed",
        How::Changed => "changes",
    }
}

/// A path and what is told of it: on one line, or on several rather than past the edge.
fn on_lines(path: &str, told: &[String], width: usize) -> Vec<String> {
    let line = format!("{path}: {}", told.join(" "));
    if line.chars().count() <= width {
        return vec![line];
    }
    let told = told.iter().map(|text| format!("  {text}"));
    std::iter::once(format!("{path}:")).chain(told).collect()
}

/// A note about the secrets, in words.
pub fn note(note: &Note, namespace: &str) -> String {
    match note {
        Note::New { names } => format!("new secrets: {}", names.join(", ")),
        Note::Adopted { name, origin } => format!("secret {name}: taken over from the cluster ({origin})"),
        Note::Weak { name, what } => {
            format!(
                "secret {name}: it {what}; it is in use, so it stays: helm iris secrets rotate {name} -n {namespace}"
            )
        }
        Note::Given { names } => format!("secrets that you brought: {}", names.join(", ")),
        Note::Replaced { name, means } if means.is_empty() => format!("secret {name} is replaced"),
        Note::Replaced { name, means } => format!("secret {name} is replaced: {means}"),
        Note::FromCluster { names } => format!("secrets of the cluster's ledger are used: {}", names.join(", ")),
        Note::Restored { names } => format!("secrets of this machine go into the cluster again: {}", names.join(", ")),
        Note::Moved => "the ledger came from another cluster and belongs to this one from now on".to_owned(),
    }
}
