//! The ledger: the secrets of one hub, created once, kept, and never printed.

mod age;
mod check;
pub mod cluster;
pub mod delivered;
mod kind;
mod ledger;
mod local;
mod moving;
mod notes;
mod plain;
mod reconcile;
mod settle;
mod text;

pub use age::{IdentityFile, Recipients};
pub use check::{Weakness, is_placeholder, weaknesses};
pub use cluster::{StoredLedger, Written};
pub use kind::SecretKind;
pub use ledger::{Entry, Ledger, Need, Source};
pub use local::LocalStore;
pub use moving::{Moved, missing};
pub use notes::Note;
pub use reconcile::{Found, Reconciled, Sources, reconcile, right_cluster};
pub use settle::ledger_of;

/// The ledger's name for the token with which `helm iris test` acts.
pub const TEST_TOKEN: &str = "test-token";
/// And for the password of a Dask Gateway by itself.
pub const DASK_PASSWORD: &str = "dask-password";
