//! The ledger: the secrets of one hub, created once, kept, and never printed.

mod check;
pub mod cluster;
pub mod delivered;
mod kind;
mod ledger;
mod local;
mod notes;
mod reconcile;
mod settle;
mod text;

pub use check::{Weakness, is_placeholder, weaknesses};
pub use cluster::{StoredLedger, Written};
pub use kind::SecretKind;
pub use ledger::{Entry, Ledger, Need, Source};
pub use local::LocalStore;
pub use notes::Note;
pub use reconcile::{Found, Reconciled, Sources, reconcile};
