//! `helm iris secrets list` and `show`: never a value, unless it is asked for.

use jiff::Timestamp;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::problem::did_you_mean;
use crate::secrets::{Entry, Ledger};
use crate::ui::{OutputFormat, Ui, table};

#[derive(Serialize)]
struct Row {
    name: String,
    kind: String,
    fingerprint: String,
    state: &'static str,
    purpose: String,
    source: String,
    created: Option<Timestamp>,
    rotated: Option<Timestamp>,
    fills: Vec<String>,
}

fn row(ledger: &Ledger, (name, entry): (&String, &Entry)) -> Row {
    Row {
        name: name.clone(),
        kind: entry.kind.to_string(),
        fingerprint: ledger.fingerprint(&entry.value),
        state: match (entry.provisional, &ledger.cluster) {
            (true, _) => "provisional",
            (false, None) => "not installed",
            (false, Some(_)) => "installed",
        },
        purpose: entry.purpose.clone(),
        source: entry.source.to_string(),
        created: entry.created,
        rotated: entry.rotated,
        fills: entry.fills.clone(),
    }
}

pub(super) fn list(ledger: &Ledger, output: OutputFormat, ui: &Ui) -> Result<()> {
    let rows: Vec<Row> = ledger.entries.iter().map(|entry| row(ledger, entry)).collect();
    ui.answer(output, &rows, |rows| {
        let cells: Vec<_> = rows
            .iter()
            .map(|row| vec![row.name.clone(), row.fingerprint.clone(), row.state.to_owned(), row.purpose.clone()])
            .collect();
        table(&["SECRET", "FINGERPRINT", "STATE", "WHAT IT IS FOR"], &cells)
    })
}

pub(super) fn show(ledger: &Ledger, name: &str, reveal: bool, ui: &Ui) -> Result<()> {
    let Some(entry) = ledger.entries.get_key_value(name) else {
        let like = did_you_mean(name, ledger.entries.keys().map(String::as_str));
        let fix = like.map_or_else(|| "helm iris secrets list".to_owned(), |like| format!("did you mean `{like}`?"));
        return Err(Error::user(format!("there is no secret `{name}`")).hint(fix));
    };
    if reveal {
        ui.exact(entry.1.value.expose())?;
    } else {
        ui.data(&lines(&row(ledger, entry)).join("\n"))?;
        ui.hint("add --reveal to print the value");
    }
    Ok(())
}

/// What there is to tell about a secret without showing it.
fn lines(row: &Row) -> Vec<String> {
    let mut lines = vec![format!("{} ({}): {}", row.name, row.kind, row.purpose)];
    let mut tell = |what: &str, text: String| lines.push(format!("{what:<13}{text}"));
    tell("fingerprint", row.fingerprint.clone());
    tell("state", row.state.to_owned());
    tell("from", row.source.clone());
    for (what, time) in [("since", row.created), ("replaced", row.rotated)] {
        if let Some(time) = time {
            tell(what, time.to_string());
        }
    }
    for (index, place) in row.fills.iter().enumerate() {
        tell(if index == 0 { "fills" } else { "" }, place.clone());
    }
    lines
}
