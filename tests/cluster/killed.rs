//! Our process is killed while helm works: helm ends too, and the same command goes on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Hub, Testbed};

impl Hub<'_> {
    /// Whether a helm works on this hub.
    fn helm_works(&self) -> bool {
        std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains("upgrade\0--install") && line.contains(&self.namespace) && !line.contains("__helm")
        })
    }

    pub(super) fn wait_until(&self, wanted: bool, within: Duration) -> bool {
        let start = Instant::now();
        while self.helm_works() != wanted {
            if start.elapsed() > within {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

#[test]
fn helm_ends_with_us() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("killed-{word}"), &helm);
        let mut command = hub.command(&["install", "daskhub", "--yes"]);
        let mut ours = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        assert!(hub.wait_until(true, Duration::from_secs(30)), "helm was seen at work");
        ours.kill().unwrap();
        ours.wait().unwrap();
        assert!(hub.wait_until(false, Duration::from_secs(10)), "helm goes on by itself");
        let before = hub.env.secrets();
        let run = hub.install(&[]);
        assert!(run.stderr.contains("ready"), "{run}");
        assert_eq!(hub.env.secrets(), before);
    }
}
