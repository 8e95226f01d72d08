//! `helm iris secrets list` and `show`: never a value, unless it is asked for.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::problem::did_you_mean;
use crate::secrets::Ledger;
use crate::ui::{OutputFormat, Ui, table};

#[derive(Serialize)]
struct Row {
    name: String,
    kind: String,
    fingerprint: String,
    state: &'static str,
    purpose: String,
}

fn row(ledger: &Ledger, name: &str) -> Option<Row> {
    let entry = ledger.entries.get(name)?;
    Some(Row {
        name: name.to_owned(),
        kind: entry.kind.to_string(),
        fingerprint: ledger.fingerprint(&entry.value),
        state: if entry.provisional { "provisional" } else { "installed" },
        purpose: entry.purpose.clone(),
    })
}

pub(super) fn list(ledger: &Ledger, output: OutputFormat, ui: &Ui) -> Result<()> {
    let rows: Vec<Row> = ledger.entries.keys().filter_map(|name| row(ledger, name)).collect();
    ui.answer(output, &rows, |rows| {
        let cells: Vec<_> = rows
            .iter()
            .map(|row| vec![row.name.clone(), row.fingerprint.clone(), row.state.to_owned(), row.purpose.clone()])
            .collect();
        table(&["SECRET", "FINGERPRINT", "STATE", "WHAT IT IS FOR"], &cells)
    })
}

pub(super) fn show(ledger: &Ledger, name: &str, reveal: bool, ui: &Ui) -> Result<()> {
    let Some(found) = row(ledger, name) else {
        let like = did_you_mean(name, ledger.entries.keys().map(String::as_str));
        let fix = like.map_or_else(|| "helm iris secrets list".to_owned(), |like| format!("did you mean `{like}`?"));
        return Err(Error::user(format!("there is no secret `{name}`")).hint(fix));
    };
    match ledger.value(name) {
        Some(value) if reveal => ui.data(value.expose()),
        _ => {
            ui.data(&format!("{} ({}): {}\nfingerprint {}", found.name, found.kind, found.purpose, found.fingerprint));
            ui.hint("add --reveal to print the value");
        }
    }
    Ok(())
}
