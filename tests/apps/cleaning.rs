//! A test that is stopped takes away what it made, and the next one what a killed one left.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Apps, Fault};

/// A test that has come as far as this step.
fn test_until(apps: &Apps, step: &str) -> Child {
    until(apps.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), step)
}

/// The same one, once it has come as far as this step.
fn until(mut child: Child, step: &str) -> Child {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let wanted = format!("ok       {step} ");
    assert!(lines.any(|line| line.unwrap().starts_with(&wanted)), "it did not come to {step}");
    child
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_stopped_test_leaves_nothing() {
    let Some(apps) = Apps::up() else { return };
    for step in ["user", "workers"] {
        let child = test_until(&apps, step);
        signal(&child, Signal::INT);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("the test was stopped; nothing of it is left"), "{step}: {said}");
        apps.assert_clean();
    }
}

/// Only what nobody uses any more is taken away.
#[test]
fn a_test_leaves_another_one_alone() {
    let Some(apps) = Apps::up() else { return };
    // One that takes its time with a kernel.
    let first = apps.command(&["--guide-size"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = until(first, "scheduler");
    let run = apps.fails(&[], "user", &["another test of this hub is running", "connected to a kernel"]);
    assert!(!run.stdout.contains("clean-up"), "it took nothing away\n{run}");
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut first.stdout.take().unwrap(), &mut rest).unwrap();
    assert_eq!(first.wait().unwrap().code(), Some(0), "{rest}");
    apps.passes(&[]);
    apps.assert_clean();
}

#[test]
fn what_a_killed_test_left_goes_with_the_next_one() {
    let Some(apps) = Apps::up() else { return };
    let mut child = test_until(&apps, "workers");
    signal(&child, Signal::KILL);
    child.wait().unwrap();
    assert!(apps.processes("singleuser") > 0, "a control: a server is left");
    let run = apps.passes(&[]);
    let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("left by an earlier test; its server was stopped"), "{run}");
    apps.assert_clean();
}

/// A kernel that is killed leaves its Dask cluster behind, and so does a server that is killed.
#[test]
fn a_dask_cluster_of_a_kernel_that_died_is_stopped() {
    let dies = "
c.Spawner.environment['PYTHONPATH'] = str(state)
(state / 'sitecustomize.py').write_text('''
import importlib.abc, os, signal, sys, time
class Killer(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == 'dask.array' and 'ipykernel_launcher' in ' '.join(sys.orig_argv):
            # What it printed a moment ago would be lost with it.
            time.sleep(2)
            os.kill(os.getpid(), signal.SIGKILL)
sys.meta_path.insert(0, Killer())
''')
";
    let Some(apps) = Apps::broken(&Fault { hub: dies, ..Fault::default() }) else { return };
    let run = apps.fails(&[], "kernel", &["the kernel died during compute", "users.memory.limit"]);
    assert!(run.stdout.contains("ok       clean-up"), "{run}");
    apps.assert_clean();
}
