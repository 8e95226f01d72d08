//! The ledger: the secrets of one hub, created once, kept, and never printed.

pub mod cluster;
mod kind;
mod ledger;
mod local;
mod reconcile;

pub use cluster::{StoredLedger, Written};
pub use kind::SecretKind;
pub use ledger::{Entry, Ledger, Need};
pub use local::LocalStore;
pub use reconcile::{Found, Note, Reconciled, Sources, reconcile};
