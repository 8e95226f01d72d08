//! Who holds a Lease: for people, and so that one can tell whether the process is still there.

use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::fs;

/// Changes with every start of the computer.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// Process numbers mean something in here alone.
const NAMESPACE: &str = "/proc/self/ns/pid";

/// Who holds a Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// For people: `anna@laptop (process 4711)`.
    pub who: String,
    /// Which process it is, on which start of which computer.
    pub process: String,
}

impl Holder {
    /// This process, of a user of this name.
    pub fn this_process(user: Option<&str>) -> Self {
        let id = std::process::id();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let who = format!("{}@{host} (process {id})", user.unwrap_or("somebody"));
        Self { who, process: format!("{}:{id}", machine()) }
    }
}

/// Where process numbers are ours; empty where that cannot be told.
fn machine() -> String {
    let boot = fs::read_text_if_any(Path::new(BOOT)).ok().flatten();
    let namespace = std::fs::read_link(NAMESPACE).ok();
    match (boot, namespace) {
        (Some(boot), Some(namespace)) => format!("{} {}", boot.trim(), namespace.display()),
        _ => String::new(),
    }
}

/// Whether a process is surely gone: it was here, and is no more.
pub fn is_dead(process: &str) -> bool {
    let Some((there, id)) = process.rsplit_once(':') else { return false };
    let here = machine();
    let Some(pid) = id.parse().ok().and_then(Pid::from_raw).filter(|_| !here.is_empty() && there == here) else {
        return false;
    };
    test_kill_process(pid) == Err(Errno::SRCH)
}
