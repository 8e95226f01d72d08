//! A helm that ends when we are killed: nobody is left to finish what it would go on doing.
//!
//! Linux tells a process when its parent dies, if it has asked for that before it became helm. So we
//! start ourselves, ask, and become helm. On other systems helm is started as it is.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;

use rustix::process::{Signal, getppid};

use crate::error::{Error, Result};

/// The word by which we ask ourselves to become helm.
pub const WORD: &str = "__helm";
/// This very program, also while it is replaced by a newer one.
const OURSELVES: &str = "/proc/self/exe";

/// The program that [`become_helm`] is called in; none where the system has no such signal.
pub fn program() -> Option<&'static Path> {
    cfg!(target_os = "linux").then(|| Path::new(OURSELVES))
}

/// The arguments with which that program becomes helm.
pub(super) fn arguments(helm: &Path) -> [OsString; 3] {
    [WORD.into(), std::process::id().to_string().into(), helm.as_os_str().to_owned()]
}

/// Becomes helm: `<pid of the parent> <helm> <its arguments>…`. Returns only if that fails.
///
/// # Errors
/// When the parent is gone already, or helm cannot be started.
pub fn become_helm(arguments: &[OsString]) -> Result<()> {
    let [parent, helm, rest @ ..] = arguments else { return Err(Error::bug("nothing to become")) };
    // Helm takes this signal as an order to mark its release as failed, and to end.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| Error::bug("cannot follow the parent").because(error))?;
    let alive = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if alive.as_deref().map(OsStr::new) != Some(parent.as_os_str()) {
        return Err(Error::interrupted("the parent is gone"));
    }
    #[expect(clippy::disallowed_methods, reason = "this is the one door to helm")]
    let error = std::process::Command::new(helm).args(rest).exec();
    Err(Error::user(format!("cannot run {}", helm.display())).because(error))
}
