//! The processes that work on a hub, found by the folder in which they run.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Hub;

/// A process that was started for a hub.
#[derive(Debug, Clone)]
pub(super) struct AtWork {
    pub(super) pid: Pid,
    /// The release that it works on, if it is a helm that does.
    pub(super) release: Option<String>,
}

/// Every process that runs in a folder, us and helms alike.
pub(super) fn at_work(folder: &Path) -> Vec<AtWork> {
    let of = |entry: std::fs::DirEntry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        std::fs::read_link(entry.path().join("cwd")).ok().filter(|cwd| cwd.starts_with(folder))?;
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        Some(AtWork { pid, release: release_of(&String::from_utf8_lossy(&line)) })
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(of).collect()
}

/// The release that a helm installs, upgrades or uninstalls; not one that is only about to become helm.
fn release_of(line: &str) -> Option<String> {
    let mut words = line.split('\0');
    words.next().filter(|program| program.ends_with("/helm"))?;
    words.next().filter(|verb| ["upgrade", "uninstall"].contains(verb))?;
    words.find(|word| !word.starts_with("--")).map(str::to_owned)
}

impl Hub<'_> {
    /// The helm that works on a release of this hub.
    pub(super) fn helm_at_work(&self) -> Option<AtWork> {
        at_work(self.env.root()).into_iter().find(|one| one.release.is_some())
    }

    /// Waits until a helm works on this hub, or none does.
    pub(super) fn wait_until(&self, wanted: bool, within: Duration) -> bool {
        let start = Instant::now();
        while self.helm_at_work().is_some() != wanted {
            if start.elapsed() > within {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Kills all that works on this hub, helms too.
    pub(super) fn kill_all(&self) {
        for one in at_work(self.env.root()) {
            let _ = kill_process(one.pid, Signal::KILL);
        }
    }
}
