//! Releases that a killed helm left pending, and Ctrl-C.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Hub, Testbed};

/// A site file that makes the next run of helm work on the hub itself.
const CHANGED: [&str; 2] = ["--set", "users.idleTimeout=7200"];

impl Hub<'_> {
    /// Starts an installation, and waits until the release of that name is pending.
    fn until_pending(&self, release: &str, more: &[&str]) -> std::process::Child {
        let mut command = self.command(&[&["install", "daskhub", "--yes"], more].concat());
        let mut ours = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while !self.is_pending(release) {
            assert!(start.elapsed() < Duration::from_secs(30), "{release} never was pending");
            assert!(ours.try_wait().unwrap().is_none(), "it ended before {release} was seen pending");
            std::thread::sleep(Duration::from_millis(2));
        }
        ours
    }

    fn is_pending(&self, release: &str) -> bool {
        self.api().list(&self.core("secrets")).iter().any(|secret| {
            let labels = &secret["metadata"]["labels"];
            labels["name"] == release && labels["status"].as_str().is_some_and(|status| status.starts_with("pending-"))
        })
    }

    /// Installs, and kills both while the release of that name is pending; helm first, so that it can mark
    /// nothing. Helm is held while it is looked at, or it would be done before.
    fn killed_while_pending(&self, release: &str, more: &[&str]) {
        let mut command = self.command(&[&["install", "daskhub", "--yes"], more].concat());
        let mut ours = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        loop {
            assert!(ours.try_wait().unwrap().is_none(), "it ended before {release} was seen pending");
            let Some(helm) = self.helm_at_work().map(|helm| helm.pid) else { continue };
            if kill_process(helm, Signal::STOP).is_ok() && self.is_pending(release) {
                kill_process(helm, Signal::KILL).unwrap();
                break;
            }
            let _ = kill_process(helm, Signal::CONT);
            std::thread::sleep(Duration::from_millis(5));
        }
        ours.kill().unwrap();
        ours.wait().unwrap();
        assert!(self.wait_until(false, Duration::from_secs(5)));
    }
}

/// Nobody has to free anything by hand: the Lease says whose the pending revision was.
#[test]
fn a_release_that_both_left_pending_is_freed() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("left-{word}"), &helm);
        for (release, more) in [("postgresql", &[][..]), (&hub.namespace, &[]), (&hub.namespace, &CHANGED)] {
            hub.killed_while_pending(release, more);
            assert!(hub.is_pending(release), "the control: nobody has marked it");
            let plan = hub.run(&[&["plan", "daskhub"], more].concat());
            let told = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains("helm that was killed: it is freed"), "{plan}");
        }
        hub.install(&CHANGED);
        let again = hub.install(&CHANGED);
        assert!(again.stderr.contains("Nothing to change"), "{again}");
        assert!(!hub.is_pending(&hub.namespace) && !hub.is_pending("postgresql"));
    }
}

/// A helm that is not ours is left alone: nobody knows whether it works.
#[test]
fn a_release_that_somebody_else_left_pending_is_theirs() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("theirs", &testbed.helm4);
    hub.install(&[]);
    let mut command = std::process::Command::new(&hub.helm);
    hub.env.clear(&mut command);
    command.args(["rollback", &hub.namespace, "1", "-n", &hub.namespace]);
    let mut theirs = command.env("KUBECONFIG", &hub.kubeconfig).stdout(Stdio::null()).spawn().unwrap();
    while !hub.is_pending(&hub.namespace) {
        assert!(theirs.try_wait().unwrap().is_none(), "it ended before it was seen");
        std::thread::sleep(Duration::from_millis(2));
    }
    theirs.kill().unwrap();
    theirs.wait().unwrap();
    for more in [&[][..], &CHANGED] {
        hub.refused(more, &["another helm works on", "revision 2 is `pending-rollback` since 20", "helm rollback"]);
    }
    let run = hub.run(&["uninstall", "daskhub", "--yes"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("another helm works on") && hub.revision("postgresql") > 0, "{run}");
    assert!(hub.is_pending(&hub.namespace));
    hub.helm(&["rollback", &hub.namespace]);
    hub.install(&CHANGED);
}

/// What is being applied stays as it was reviewed, whatever is looked at meanwhile in the same folder.
#[test]
fn a_plan_in_the_same_folder_does_not_disturb_an_installation() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("beside", &testbed.helm4);
    let mut ours = hub.until_pending("postgresql", &[]);
    let mut refused = 0;
    while ours.try_wait().unwrap().is_none() {
        let run = hub.run(&["plan", "daskhub", "--set", "users.idleTimeout=7200"]);
        refused += usize::from(run.code == Some(1) && run.stderr.contains("is at work with the bundle"));
    }
    let run = hub.env.finish(&["install"], &ours.wait_with_output().unwrap());
    assert_eq!(run.code, Some(0), "{run}");
    assert!(refused > 0, "it was planned meanwhile");
    let run = hub.run(&["plan", "daskhub", "--set", "users.idleTimeout=7200", "--exit-code"]);
    assert_eq!(run.code, Some(3), "afterwards it is as ever\n{run}");
}

/// Ctrl-C lets helm finish, and begins nothing more; the second one stops helm, which tidies up.
#[test]
fn ctrl_c_stops_after_helm_and_twice_at_once() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("ctrl-{word}"), &helm);
        let ours = hub.until_pending("postgresql", &[]);
        let pid = Pid::from_child(&ours);
        kill_process(pid, Signal::INT).unwrap();
        let run = hub.env.finish(&["install"], &ours.wait_with_output().unwrap());
        assert_eq!(run.code, Some(130), "{run}");
        assert!(run.stderr.contains("Stopping as soon as helm is done with postgresql"), "{run}");
        assert!(run.stderr.contains(&format!("not begun because of that: {}", hub.namespace)), "{run}");
        assert_eq!((hub.revision("postgresql"), hub.revision(&hub.namespace)), (1, 0));
        assert!(!hub.is_pending("postgresql"), "helm was let finish");
        let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/helm-iris", hub.namespace);
        assert!(hub.api().get(&lease).unwrap()["spec"]["holderIdentity"].is_null(), "it is given back");

        let ours = hub.until_pending(&hub.namespace, &[]);
        let pid = Pid::from_child(&ours);
        kill_process(pid, Signal::INT).unwrap();
        std::thread::sleep(Duration::from_millis(30));
        kill_process(pid, Signal::INT).unwrap();
        let run = hub.env.finish(&["install"], &ours.wait_with_output().unwrap());
        assert_eq!(run.code, Some(130), "{run}");
        assert!(run.stderr.contains("stopped while helm was working"), "{run}");
        hub.install(&[]);
        assert!(hub.install(&[]).stderr.contains("Nothing to change"));

        // A machine that goes down does not wait, and is not told that it would be waited for.
        let ours = hub.until_pending(&hub.namespace, &CHANGED);
        kill_process(Pid::from_child(&ours), Signal::TERM).unwrap();
        let run = hub.env.finish(&["install"], &ours.wait_with_output().unwrap());
        assert_eq!(run.code, Some(130), "{run}");
        assert!(run.stderr.contains("stopped while helm was working"), "{run}");
        assert!(run.stderr.contains("Stopping at once") && !run.stderr.contains("Ctrl-C again"), "{run}");
        hub.install(&CHANGED);
    }
}
