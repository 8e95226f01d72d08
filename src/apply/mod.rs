//! ACT: does what the plan says, in its order, and waits until it runs.
//!
//! The executor decides nothing that could have been decided earlier. Waiting is ours and the same
//! for Helm 3 and 4.

mod address;
mod delivery;
mod event;
mod execute;
mod history;
mod ledger;
mod manifest;
mod pod;
mod reason;
mod trouble;
mod watch;
mod workload;

pub use address::{Address, public_address};
pub use delivery::withdraw;
pub use event::{Done, Event, Outcome, ReleaseOutcome};
pub use execute::{Executor, Level, check_archives, entry, upgrade};
pub use history::{OldRevision, old_revisions, prune};
pub use ledger::{make_namespace, secure};
pub use watch::Readiness;
pub use workload::{Kind, Workload, WorkloadState};
