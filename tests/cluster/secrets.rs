//! No secret is seen anywhere while a hub is installed: not in the output, not in a process's
//! arguments or environment, not in a file that others may read.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::Testbed;

/// Arguments and environments of all processes, as often as they can be read.
fn watch_processes(stop: &AtomicBool) -> (BTreeSet<Vec<u8>>, usize) {
    let mut seen = BTreeSet::new();
    let mut helms = 0;
    while !stop.load(Ordering::Relaxed) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            if !entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            for file in ["cmdline", "environ"] {
                let content = std::fs::read(entry.path().join(file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&content);
                helms += usize::from(file == "cmdline" && text.contains("upgrade\0--install"));
                seen.insert(content);
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    (seen, helms)
}

#[test]
fn no_secret_is_seen_while_a_hub_is_installed() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("seen-{word}"), &helm);
        let stop = AtomicBool::new(false);
        let (output, (processes, helms)) = thread::scope(|scope| {
            let watcher = scope.spawn(|| watch_processes(&stop));
            // A debugging helm prints values, so ours must not be one, whatever the caller's is.
            let mut command = hub.command(&["install", "daskhub", "--yes", "-v"]);
            command.env("HELM_DEBUG", "true").stdin(Stdio::null());
            let output = command.output().unwrap();
            stop.store(true, Ordering::Relaxed);
            (output, watcher.join().unwrap())
        });
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(helms > 0, "the watcher saw helm at work");
        let secrets = hub.env.secrets();
        assert!(secrets.len() >= 5);
        let printed = [output.stdout, output.stderr].concat();
        for (name, value) in &secrets {
            for form in crate::common::forms(value) {
                let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(&form);
                assert!(!holds(&printed), "the output holds {name}");
                assert!(!processes.iter().any(|process| holds(process)), "a process shows {name}");
            }
        }
        hub.env.assert_secrets_are_private();
        // The control: the values are where they must be, so the search could have found them.
        let stored = hub.helm(&["get", "values", &hub.namespace]);
        assert!(stored.contains(&secrets["login-password"]));
    }
}
