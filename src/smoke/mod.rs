//! LOOK: whether a hub does for a user what it is for.
//!
//! A user of our own, whom a service of the hub with the least rights makes and removes, goes the way of
//! every user: logs in, starts a server, opens a kernel, computes with Dask. The verdict rests on what
//! the program in the kernel says in lines of ours, never on what is said about it.

mod clean;
mod compute;
mod explain;
mod hub;
mod kernel;
mod log;
mod login;
mod program;
mod run;
mod shared;
mod spawn;
mod step;
mod target;
mod versions;
mod view;
mod way;
mod witness;

pub use log::Event;
pub use login::Visitor;
pub use run::{Request, run};
pub use shared::{Place, SharedToken};
pub use step::{Level, Report, Step, StepReport, Verdict};
pub use target::Target;
pub use view::{closing, line};
pub use way::{Service, Way};
pub use witness::Witness;

/// The user that a test makes and removes; the scopes of our service name it.
pub const USER: &str = "helm-iris-test";
