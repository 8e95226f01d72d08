//! The ledger: the secrets of one hub, created once, kept, and never printed.

mod kind;
mod ledger;
mod local;

pub use kind::SecretKind;
pub use ledger::{Entry, Ledger, Need};
pub use local::LocalStore;
