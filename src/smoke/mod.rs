//! LOOK: whether a hub does for a user what it is for.
//!
//! A user of our own, whom a service of the hub with the least rights makes and removes, goes the way of
//! every user: logs in, starts a server, opens a kernel, computes with Dask. The verdict rests on what
//! the program in the kernel says in lines of ours, never on what is said about it. A Dask Gateway by itself
//! has no notebooks: of it a cluster is made with workers, by its API, and the closing line says no more.

mod alone;
mod clean;
mod compute;
mod explain;
mod gateway;
mod hub;
mod kernel;
mod log;
mod login;
mod program;
mod run;
mod shared;
mod spawn;
mod standalone;
mod step;
mod target;
mod versions;
mod view;
mod way;
mod witness;

pub use log::Event;
pub use login::Visitor;
pub use run::{OfGateway, OfHub, Request, Tested, run};
pub use shared::{Place, SharedToken};
pub use standalone::GatewayTarget;
pub use step::{Level, Report, Step, StepReport, Verdict};
pub use target::{HubTarget, Target};
pub use view::{closing, line, snippet};
pub use way::{Service, Way};
pub use witness::Witness;

/// The user that a test makes and removes; the scopes of our service name it. At a gateway by itself, the name that
/// it gives.
pub const USER: &str = "helm-iris-test";
