//! Killed at any moment of an uninstallation and of a return: the data is there, and the same command ends well.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::gate::{Gate, Rule, What};
use super::{Hub, Testbed};
use crate::common::moments;

/// Kills of each verb, for each Helm.
const KILLS: u32 = 3;
/// The part of a return in which volumes come back; after that it is an installation as any other.
const ATTACHING: f64 = 0.4;

/// How often a kill came at which point.
type Phases = BTreeMap<(&'static str, &'static str), usize>;

impl Hub<'_> {
    fn killed(&self, args: &[&str], moment: Duration) {
        let mut child = self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(self.wait_until(false, Duration::from_secs(10)), "helm goes on by itself");
    }

    fn timed(&self, work: impl FnOnce(&Self)) -> Duration {
        let began = Instant::now();
        work(self);
        began.elapsed()
    }

    /// The hub comes back; a release that helm left pending is taken away first.
    fn back(&self, args: &[&str]) {
        let run = self.run(args);
        if run.code != Some(0) {
            assert!(run.stderr.contains("another helm works on"), "{run}");
            self.uninstall(&[]);
            self.install(&args[3..]);
        }
    }

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

#[test]
fn a_killed_uninstallation_and_a_killed_return_end_well() {
    let Some(testbed) = Testbed::take() else { return };
    let mut seen = Phases::new();
    for (seed, (word, helm)) in (1..).zip(testbed.helms()) {
        let mut hub = testbed.hub(&format!("cut-{word}"), &helm);
        let direct = hub.kubeconfig.clone();
        hub.install(&[]);
        let volumes = vec![hub.server_of("anna"), hub.server_of("bob"), hub.volume_of("data-postgresql-0").unwrap()];
        let secrets = hub.env.secrets();
        let file = hub.file();
        let back = ["install", "daskhub", "--yes", "--reattach", &file];

        hub.kubeconfig = slow(&hub).kubeconfig(&hub);
        let uninstall_takes = hub.timed(|hub| drop(hub.uninstall(&[])));
        hub.kubeconfig = direct.clone();
        hub.delete_namespace();
        let install_takes = hub.timed(|hub| drop(hub.install(&["--reattach", &file])));
        for moment in moments(seed, KILLS) {
            hub.kubeconfig = slow(&hub).kubeconfig(&hub);
            hub.killed(&["uninstall", "daskhub", "--yes"], uninstall_takes.mul_f64(moment));
            *seen.entry(("uninstall", hub.phase(&volumes))).or_default() += 1;
            hub.kubeconfig = direct.clone();
            hub.uninstall(&[]);
            assert_eq!(hub.phase(&volumes), "no release");
            assert!(volumes.iter().all(|volume| hub.policy(volume) == "Retain"));
            hub.delete_namespace();

            hub.killed(&back, install_takes.mul_f64(moment * ATTACHING));
            let bound = ["claim-anna", "claim-bob", "data-postgresql-0"].map(|claim| hub.volume_of(claim));
            let there = bound.iter().flatten().count();
            let phase = match there {
                0 => "before",
                3 => "attached",
                _ => "between volumes",
            };
            *seen.entry(("install", phase)).or_default() += 1;
            hub.back(&back);
            for (claim, volume) in ["claim-anna", "claim-bob", "data-postgresql-0"].iter().zip(&volumes) {
                assert_eq!(hub.volume_of(claim).as_ref(), Some(volume));
                assert_eq!(hub.policy(volume), "Delete", "as it was");
            }
            assert_eq!(hub.env.secrets(), secrets);
        }
        hub.forget_volumes();
    }
    eprintln!("kills by phase: {seen:?}");
    // Where exactly a kill comes depends on the machine; that all came at one point would prove little.
    let points = seen.keys().filter(|(of, _)| *of == "uninstall").count();
    assert!(points >= 2, "kills came at different points: {seen:?}");
}
