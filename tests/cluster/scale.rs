//! A cluster of many nodes, pods, claims, Secrets and releases: what looks at it stays quick and small.
//!
//! A tenth of it by default; the whole with `IRIS_SOAK` set, as `scripts/soak.sh` does.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Hub, Testbed, report};
use crate::common::Run;

/// The whole: nodes, pods, claims, Secrets (those of releases among them), Helm releases.
const WHOLE: [usize; 5] = [1000, 5000, 2000, 3000, 500];
/// The most that a look may take.
const MOST_TIME: Duration = Duration::from_secs(3);
const MOST_MEMORY: u64 = 100 << 20;
/// How often it is tried.
const RUNS: usize = 5;
/// Marks what is made here.
const LABEL: &str = "testbed.helm-iris/scale";
/// Namespaces in which it is made, as on a cluster of many projects.
const NAMESPACES: usize = 20;

/// What a run cost: the time, and the most memory that our own process held.
struct Cost {
    time: Duration,
    memory: u64,
    run: Run,
}

impl Hub<'_> {
    /// Runs a verb on this hub, and measures it.
    fn measured(&self, args: &[&str]) -> Cost {
        let mut command = self.command(args);
        let [out, err] = ["out", "err"].map(|name| self.env.root().join(name));
        let file = |path: &std::path::Path| Stdio::from(std::fs::File::create(path).unwrap());
        let start = Instant::now();
        let mut child = command.stdout(file(&out)).stderr(file(&err)).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut memory = 0;
        let ended = loop {
            // The high-water mark; a zombie has none any more.
            memory = memory.max(high_water(&std::fs::read_to_string(&status).unwrap_or_default()));
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let time = start.elapsed();
        let output = std::process::Output {
            status: ended,
            stdout: std::fs::read(out).unwrap(),
            stderr: std::fs::read(err).unwrap(),
        };
        Cost { time, memory, run: self.env.finish(args, &output) }
    }

    /// A verb must end well, in time and in little memory; the best of some runs counts, because
    /// whatever else the machine does can only make it slower.
    fn is_quick(&self, args: &[&str]) -> Cost {
        let costs = (0..RUNS).map(|_| self.measured(args)).inspect(|cost| {
            eprintln!("{}: {:.2} s, {} MB", args.join(" "), cost.time.as_secs_f64(), cost.memory >> 20);
        });
        let cost = costs.min_by_key(|cost| cost.time).unwrap();
        assert_eq!(cost.run.code, Some(0), "{}", cost.run);
        assert!(cost.memory > 1 << 20, "the memory was seen");
        assert!(cost.time < MOST_TIME, "{:?}: {}", cost.time, cost.run);
        assert!(cost.memory < MOST_MEMORY, "{} MB: {}", cost.memory >> 20, cost.run);
        let (time, memory) = (cost.time.as_secs_f64(), cost.memory >> 20);
        report(&[format!("| `{}` | {time:.2} s | {memory} MB |", args.join(" "))]);
        cost
    }
}

fn high_water(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() << 10
}

/// Removes what was made, also if the test fails.
struct Crowd<'t>(&'t Testbed);

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        let api = &self.0.api;
        for at in 0..NAMESPACES {
            api.delete(&format!("/api/v1/namespaces/{}", namespace(at)));
        }
        api.delete(&format!("/api/v1/nodes?labelSelector={}", LABEL.replace('/', "%2F")));
    }
}

impl Testbed {
    /// Waits until what was made is as it will stay, until all pods run: making them run keeps the
    /// machine busy. Not for ever, because it would do without.
    fn calms_down(&self) {
        let start = Instant::now();
        let starting = || !self.api.list("/api/v1/pods?fieldSelector=status.phase%3DPending&limit=1").is_empty();
        while start.elapsed() < Duration::from_mins(10) && starting() {
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

fn namespace(at: usize) -> String {
    format!("t-scale-{:x}-{}", std::process::id(), at % NAMESPACES)
}

fn meta(name: &str, at: usize, more: &Value) -> Value {
    let mut labels = more.clone();
    labels[LABEL] = "true".into();
    json!({"name": format!("{name}-{at}"), "labels": labels})
}

/// A node with as much in its status as a real one has: the images that it holds.
fn node(at: usize) -> (String, Value) {
    let images = (0..30).map(|image| {
        let digest = format!("{:064x}", at * 100 + image);
        json!({"names": [format!("registry.example.org/project/image-{image}@sha256:{digest}"),
            format!("registry.example.org/project/image-{image}:1.{at}")], "sizeBytes": 123_456_789})
    });
    let size = json!({"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "50Gi"});
    let labels = json!({"topology.kubernetes.io/zone": "nova", "kubernetes.io/os": "linux"});
    let status = json!({"capacity": size, "allocatable": size, "images": images.collect::<Vec<_>>()});
    ("/api/v1/nodes".into(), json!({"metadata": meta("scale", at, &labels), "status": status}))
}

fn pod(at: usize, nodes: usize) -> (String, Value) {
    let env: Vec<Value> =
        (0..20).map(|env| json!({"name": format!("VARIABLE_{env}"), "value": "x".repeat(40)})).collect();
    let requests = json!({"requests": {"cpu": "500m", "memory": "1Gi"}});
    let container = |name: &str| json!({"name": name, "image": "i", "env": env, "resources": requests});
    let spec = json!({"nodeName": format!("scale-{}", at % nodes), "containers": [container("one"), container("two")]});
    (
        format!("/api/v1/namespaces/{}/pods", namespace(at)),
        json!({"metadata": meta("pod", at, &json!({})), "spec": spec}),
    )
}

/// The claim of a user of the hub.
fn claim(at: usize, hub: &str) -> (String, Value) {
    let spec = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": "nobodys",
        "resources": {"requests": {"storage": "10Gi"}}});
    let labels = json!({"component": "singleuser-storage"});
    let claim = json!({"metadata": meta("claim", at, &labels), "spec": spec});
    (format!("/api/v1/namespaces/{hub}/persistentvolumeclaims"), claim)
}

/// Of the first ones Helm keeps a release in each, all finished.
fn secret(at: usize, releases: usize) -> (String, Value) {
    let labels = json!({"owner": "helm", "name": format!("release-{at}"), "version": "1", "status": "deployed"});
    let (labels, kind) = if at < releases { (labels, "helm.sh/release.v1") } else { (json!({}), "Opaque") };
    let secret =
        json!({"metadata": meta("secret", at, &labels), "type": kind, "stringData": {"release": "x".repeat(8000)}});
    (format!("/api/v1/namespaces/{}/secrets", namespace(at)), secret)
}

#[test]
fn a_large_cluster_is_looked_at_in_little_time_and_memory() {
    let Some(testbed) = Testbed::take() else { return };
    let part = if std::env::var_os("IRIS_SOAK").is_some() { 1 } else { 10 };
    let counts = WHOLE.map(|whole| whole / part);
    let [nodes, pods, claims, secrets, releases] = counts;
    let hub = testbed.hub("scale", &testbed.helm4);
    hub.install(&[]);
    let _crowd = Crowd(&testbed);
    let named =
        (0..NAMESPACES).map(|at| ("/api/v1/namespaces".to_owned(), json!({"metadata": {"name": namespace(at)}})));
    testbed.api.create_all(named.collect());
    testbed.api.create_all((0..nodes).map(node).collect());
    testbed.api.create_all((0..pods).map(|at| pod(at, nodes)).collect());
    testbed.api.create_all((0..claims).map(|at| claim(at, &hub.namespace)).collect());
    testbed.api.create_all((0..secrets).map(|at| secret(at, releases)).collect());
    let size =
        format!("{nodes} nodes, {pods} pods, {claims} claims, {secrets} Secrets, {releases} of them of releases");
    eprintln!("{size}");
    report(&[size + ":", String::new(), "| Command | Time | Memory |".into(), "|---|---:|---:|".into()]);

    testbed.calms_down();

    let doctor = hub.is_quick(&["doctor", "daskhub"]);
    // All of them were seen: the nodes, and the room that the pods leave.
    let seen = format!("of {} nodes ready", nodes + 2);
    assert!(doctor.run.stdout.contains(&seen), "{}", doctor.run);
    let status = hub.is_quick(&["status"]);
    let seen = format!("{claims} volumes of");
    assert!(status.run.stdout.contains(&seen), "{}", status.run);
}
