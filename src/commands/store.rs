//! The store of this machine with a person before it: who else works on it, and who will read what is written.

use crate::error::Result;
use crate::fs::Held;
use crate::secrets::{Ledger, LocalStore};
use crate::ui::Ui;

/// Keeps other processes away from the store until the guard is dropped; a wait is told.
pub(super) fn hold(store: &LocalStore, ui: &Ui) -> Result<Held> {
    store.hold(|holder| {
        let who = holder.map_or_else(|| "another process".to_owned(), |holder| format!("another command, {holder}"));
        ui.status(&format!("Waiting for {who}, which works on the secrets of this folder"));
    })
}

/// As [`agree`], where the store does not say what is to be written.
pub(super) fn agree_to_write(store: &LocalStore, ledger: &Ledger, ui: &Ui) -> Result<()> {
    if store.read()?.as_ref() == Some(ledger) { Ok(()) } else { agree(store, ui) }
}

/// Names those who can read the encrypted file, where this machine did not write to it before, and asks
/// about them: the list came with the file, and the file may have come with git.
///
/// # Errors
/// Where they are not agreed to, or are others than before.
pub(super) fn agree(store: &LocalStore, ui: &Ui) -> Result<()> {
    let Some(recipients) = store.unconfirmed()? else { return Ok(()) };
    let refused = || store.never_confirmed(&recipients);
    if !ui.can_ask() {
        return Err(refused());
    }
    ui.warning(&format!("{} is encrypted to {}", store.path().display(), store.readers(&recipients)));
    if !ui.confirm("This machine writes to it for the first time. Shall all of them read this hub's secrets?")? {
        return Err(refused());
    }
    store.confirm(&recipients)
}
