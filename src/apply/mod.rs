//! ACT: does what the plan says, in its order, and waits until it runs.
//!
//! The executor decides nothing that could have been decided earlier. Waiting is ours and the same
//! for Helm 3 and 4.

mod address;
mod archives;
mod delivery;
mod event;
mod execute;
mod free;
mod history;
mod ledger;
mod manifest;
mod pod;
mod reason;
mod release;
mod trouble;
mod walk;
mod watch;
mod workload;

pub use address::{Address, public_address};
pub use archives::check_archives;
pub use delivery::withdraw;
pub use event::{Done, Event, Outcome, ReleaseOutcome};
pub use execute::{Executor, Level};
pub use history::{OldRevision, old_revisions, prune};
pub use ledger::{make_namespace, secure};
pub use manifest::documents;
pub use trouble::why_not_ready;
pub use watch::Readiness;
pub use workload::{Kind, Workload, WorkloadState};
