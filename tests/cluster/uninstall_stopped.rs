//! Ctrl-C in an uninstallation: it is told, and the same command goes on.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use super::gate::{Gate, Rule, What};
use super::{Hub, Testbed};

impl Hub<'_> {
    /// How far a verb had come.
    fn phase(&self, volumes: &[String]) -> &'static str {
        let kept = volumes.iter().filter(|volume| self.policy(volume) == "Retain").count();
        match (self.revision(&self.namespace), self.revision("postgresql"), kept) {
            (0, 0, _) => "no release",
            (0, _, _) => "between releases",
            (_, _, kept) if kept == volumes.len() => "all kept",
            (_, _, 0) => "nothing kept",
            _ => "some kept",
        }
    }
}

/// A gate that makes the moments last in which volumes are changed.
fn slow(hub: &Hub<'_>) -> Gate {
    let what = What::Wait { before: Duration::from_millis(60), after: Duration::from_millis(60) };
    Gate::open(&hub.kubeconfig, Rule { method: "PATCH", path: "", first: 8, what })
}

#[test]
fn a_stop_is_told_and_the_same_command_goes_on() {
    let Some(testbed) = Testbed::take() else { return };
    let mut hub = testbed.hub("stop", &testbed.helm4);
    hub.install(&[]);
    let volumes = [hub.server_of("anna"), hub.volume_of("data-postgresql-0").unwrap()];
    let gate = slow(&hub);
    let through = gate.kubeconfig(&hub);
    let direct = std::mem::replace(&mut hub.kubeconfig, through);
    let mut command = hub.command(&["uninstall", "daskhub", "--yes"]);
    let ours = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while gate.answers("PATCH", "").is_empty() {
        sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&ours);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = ours.wait_with_output().unwrap();
    let run = hub.env.finish(&["uninstall", "daskhub", "--yes"], &output);
    assert_eq!(run.code, Some(130), "{run}");
    assert!(run.stderr.contains("run the same command again"), "{run}");
    assert_ne!(hub.phase(&volumes), "no release", "{run}");
    hub.kubeconfig = direct;
    hub.uninstall(&[]);
    assert_eq!(hub.phase(&volumes), "no release");
    hub.forget_volumes();
}
