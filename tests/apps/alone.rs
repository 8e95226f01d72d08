//! A Dask Gateway by itself: as far as it is tried it works, and what is broken is named.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::sizes::ask;
use super::{Apps, Fault, succeed};
use crate::common::{TestEnv, repo};

fn gateway(fault: &Fault) -> Option<Apps> {
    Apps::of("dask-gateway", fault)
}

#[test]
fn workers_come_to_what_we_render() {
    let Some(apps) = gateway(&Fault::default()) else { return };
    let run = apps.passes(&[]);
    for step in ["gateway", "gateway-auth", "scheduler", "workers", "scale-down", "clean-up"] {
        assert!(run.stdout.lines().any(|line| line.starts_with(&format!("ok       {step} "))), "{step}\n{run}");
    }
    assert!(run.stdout.contains("\nNothing was computed: "), "no more is said than was tried\n{run}");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
    assert!(!run.to_string().contains(&apps.env.secrets()["dask-password"]), "{run}");
    apps.assert_ended();

    // What it gives to a user computes.
    let python = succeed(Command::new(repo().join("scripts/apps.sh")).arg("python"));
    let program = run.stdout.lines().skip_while(|line| *line != "  import dask.array as da");
    let program: Vec<&str> = program.map(|line| line.get(2..).unwrap_or_default()).collect();
    let program = program.join("\n").replace("PASSWORD", &apps.env.secrets()["dask-password"]);
    let computed = succeed(Command::new(String::from_utf8(python.stdout).unwrap().trim()).args(["-c", &program]));
    let said = String::from_utf8(computed.stdout).unwrap();
    let mean: f64 = said.trim().strip_prefix("mean ").unwrap().parse().unwrap();
    assert!(mean.abs() < 6e-4, "{said}");

    let quick = apps.passes(&["--quick", "--output", "json"]);
    let answer: Value = serde_json::from_str(&quick.stdout).unwrap();
    assert_eq!((&answer["level"], &answer["namespace"]), (&"quick".into(), &"dask-gateway".into()));
    assert_eq!(answer["steps"].as_array().unwrap().len(), 2, "it makes nothing\n{quick}");
    let full = apps.passes(&["--workers", "1", "--output", "json"]);
    let answer: Value = serde_json::from_str(&full.stdout).unwrap();
    assert_eq!((&answer["level"], &answer["passed"]), (&"workers".into(), &true.into()), "not full\n{full}");

    let run = apps.fails(&["--workers", "3"], "workers", &["resource limit of 2 workers", "dask.clusterMaxWorkers"]);
    assert!(run.stdout.contains("ok       clean-up"), "{run}");
    apps.assert_ended();
    let usage = apps.test(&["--guide-size"]);
    assert_eq!(usage.code, Some(2), "{usage}");

    apps.stop("gateway");
    apps.fails(&[], "gateway", &["cannot reach http://127.0.0.1", "helm iris status"]);
}

#[test]
fn another_password_is_told_apart() {
    let Some(apps) = gateway(&Fault::default()) else { return };
    let store = apps.env.read(".helm-iris/dask-gateway.secrets.yaml");
    let password = &apps.env.secrets()["dask-password"];
    let reversed: String = password.chars().rev().collect();
    apps.env.write(".helm-iris/dask-gateway.secrets.yaml", store.replace(password.as_str(), &reversed));
    apps.fails(&[], "gateway-auth", &["does not take the ledger's dask-password", "HTTP 401", "helm iris plan"]);
}

/// The chart's own default: whoever reaches it starts pods.
#[test]
fn a_gateway_that_is_open_to_everybody_fails() {
    let Some(apps) = gateway(&Fault { gateway: "c.SimpleAuthenticator.password = None\n", ..Fault::default() }) else {
        return;
    };
    let run = apps.fails(&["--quick"], "gateway-auth", &["lets everybody in, whatever the password", "HTTP 200"]);
    assert!(!run.stdout.contains("scheduler"), "{run}");
}

#[test]
fn another_prefix_is_told() {
    let site = "values: {dask-gateway: {gateway: {prefix: /elsewhere}}}\n";
    let Some(apps) = gateway(&Fault { site, ..Fault::default() }) else { return };
    apps.fails(&[], "gateway", &["no Dask Gateway behind it", "gateway.prefix"]);
    let run = apps.passes(&["--file", "broken.yaml", "--workers", "1"]);
    assert!(run.stdout.contains("/elsewhere\"\n"), "a user's address has it too\n{run}");
}

#[test]
fn a_scheduler_that_does_not_start_is_told() {
    let fault = "c.ClusterConfig.scheduler_cmd = ['no-such-program']\n";
    let Some(apps) = gateway(&Fault { gateway: fault, ..Fault::default() }) else { return };
    let run = apps.fails(&[], "scheduler", &["failed to start", "does dask.image hold dask"]);
    assert!(run.stdout.contains("ok       clean-up"), "{run}");
    apps.assert_ended();
}

#[test]
fn workers_that_never_come_are_told() {
    let fault = "c.ClusterConfig.worker_cmd = ['sleep', '600']\n";
    let Some(apps) = gateway(&Fault { gateway: fault, ..Fault::default() }) else { return };
    apps.fails(&["--timeout", "10"], "workers", &["0 of 2 workers after 10 seconds", "are the nodes full?"]);
    apps.assert_ended();
}

/// Ctrl-C takes all of it away, the next test what a killed one left; neither takes what is somebody else's.
#[test]
fn nothing_is_left_of_a_test_that_was_stopped_or_killed() {
    let Some(apps) = gateway(&Fault { site: "dask: {userMaxClusters: 1}\n", ..Fault::default() }) else { return };
    let password = &apps.env.secrets()["dask-password"];
    let others = || ask(&apps.running.url, ("ada", password), "GET", "", &Value::Null).1;
    let made = ask(&apps.running.url, ("ada", password), "POST", "", &json!({}));
    assert_eq!(made.0, 201, "{made:?}");
    let until = |step: &str, signal| {
        let mut child = apps.command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = format!("ok       {step} ");
        assert!(lines.any(|line| line.unwrap().starts_with(&wanted)), "it did not come to {step}");
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(lines);
        output
    };
    // The second one is in the middle of asking for a cluster.
    for step in ["workers", "gateway-auth"] {
        let output = until(step, Signal::INT);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("the test was stopped; nothing of it is left"), "{step}: {said}");
        assert_eq!(ask(&apps.running.url, ("helm-iris-test", password), "GET", "", &Value::Null).1, "{}");
    }
    until("scheduler", Signal::KILL);
    let left = ask(&apps.running.url, ("helm-iris-test", password), "GET", "", &Value::Null).1;
    assert!(left.contains("RUNNING"), "a control: a cluster is left: {left}");
    let run = apps.passes(&[]);
    let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("1 left clusters were stopped"), "{run}");
    assert!(others().contains("RUNNING"), "{}", others());
    let cluster: Value = serde_json::from_str(&others()).unwrap();
    let name = cluster.as_object().unwrap().keys().next().unwrap();
    ask(&apps.running.url, ("ada", password), "DELETE", name, &Value::Null);
    apps.assert_ended();
}

/// It is another thing that is tested then.
#[test]
fn a_gateway_of_a_hub_is_tested_with_its_hub() {
    let env = TestEnv::with_site("profile: kind\ndask: {hubNamespace: jhub}\n");
    let run = env.run(&["test", "dask-gateway", "--url", "http://127.0.0.1:1"]);
    assert_eq!(run.code, Some(2), "{run}");
    let said = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("is tested with its hub") && said.contains("helm iris test jupyterhub -n jhub"), "{run}");
}

/// Told before anything is sent: here it ends for want of secrets.
#[test]
fn plain_http_is_warned_of_beyond_this_machine() {
    let env = TestEnv::with_site("profile: kind\n");
    let told = |url: &str| {
        let run = env.run(&["test", "daskhub", "--quick", "--url", url]);
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("has no secrets"), "{run}");
        run.stderr.contains("in clear")
    };
    assert!(told("http://hub.example.org") && !told("https://hub.example.org") && !told("http://127.0.0.1:1"));
}
