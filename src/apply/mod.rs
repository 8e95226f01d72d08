//! ACT: does what the plan says, in its order, and waits until it runs.
//!
//! The executor decides nothing that could have been decided earlier. Waiting is ours and the same
//! for Helm 3 and 4.

mod address;
mod archives;
mod delivery;
mod dump;
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
pub use archives::{check_archives, entry, upgrade};
pub use delivery::withdraw;
pub use event::{Done, Event, Outcome, ReleaseOutcome};
pub use execute::{Executor, Level};
pub use history::{OldRevision, old_revisions, prune};
pub use ledger::{make_namespace, secure};
pub use manifest::{public_service, workloads};
pub use reason::Reason;
pub use trouble::{claim_reason, pod_reason, why_not_ready};
pub use watch::{Readiness, standing};
pub use workload::{Kind, Workload, WorkloadState};
