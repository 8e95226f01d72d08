//! What users may choose of Dask, and what not, on the real gateway.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Fault, Running, can_be_had};
use crate::common::TestEnv;

/// A Dask Gateway by itself, and its password.
struct Gateway {
    running: Running,
    password: String,
    _env: TestEnv,
}

impl Gateway {
    fn up(site: &str) -> Option<Self> {
        if !can_be_had() {
            return None;
        }
        let env = TestEnv::with_site(format!("profile: kind\n{site}"));
        env.ok(&["render", "dask-gateway"]);
        let running = Running::up(env.root().join("apps"), &env.path("dask-gateway"), &Fault::default())?;
        Some(Self { running, password: env.secrets()["dask-password"].clone(), _env: env })
    }

    fn ask(&self, user: &str, method: &str, path: &str, body: &Value) -> (u16, String) {
        ask(&self.running.url, (user, &self.password), method, path, body)
    }

    /// Starts a cluster: its name, or why not.
    fn start(&self, user: &str, options: &Value) -> Result<String, String> {
        let (status, body) = self.ask(user, "POST", "", &json!({"cluster_options": options}));
        let name = || serde_json::from_str::<Value>(&body).unwrap()["name"].as_str().unwrap().to_owned();
        if status == 201 { Ok(name()) } else { Err(format!("{status} {body}")) }
    }

    /// What the gateway says to far more workers than there may be.
    fn too_many_workers(&self, user: &str, cluster: &str) -> String {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let (status, body) = self.ask(user, "POST", &format!("{cluster}/scale"), &json!({"count": 100}));
            // Until the scheduler runs.
            if status != 409 || Instant::now() > end {
                return body;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

/// What a gateway says to a user about clusters: status and body.
pub(super) fn ask(url: &str, (user, password): (&str, &str), method: &str, path: &str, body: &Value) -> (u16, String) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let token = STANDARD.encode(format!("{user}:{password}"));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let head = format!("{method} /api/v1/clusters/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {token}");
    let more = format!("Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close");
    write!(stream, "{head}\r\n{more}\r\n\r\n{body}").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1.to_owned();
    (text[9..12].parse().unwrap(), body)
}

#[test]
fn users_choose_a_size_within_the_limits_of_cluster_and_user() {
    let site = "dask:
  sizes: [{name: small, cpu: 0.5, memory: 512M}, {name: large, cpu: 2, memory: 2G, gpus: 1, default: true}]
  clusterMaxWorkers: 50
  clusterMaxCores: 6
  clusterMaxMemory: 64G
  userMaxClusters: 2
users:
  sharedData: [{name: survey, claim: survey, mountPath: /data/survey}]
";
    let Some(gateway) = Gateway::up(site) else { return };
    let refused = gateway.start("ada", &json!({"worker_size": "huge"})).unwrap_err();
    assert!(refused.starts_with("422") && refused.contains("is not a valid option"), "{refused}");
    let refused = gateway.start("ada", &json!({"worker_cores": 100})).unwrap_err();
    assert!(refused.starts_with("422") && refused.contains("Unknown fields"), "{refused}");

    let large = gateway.start("ada", &json!({})).unwrap();
    // Six cores, a tenth of one the scheduler's.
    let said = gateway.too_many_workers("ada", &large);
    assert!(said.contains("resource limit of 2 workers"), "{said}");
    let small = gateway.start("ada", &json!({"worker_size": "small"})).unwrap();
    let said = gateway.too_many_workers("ada", &small);
    assert!(said.contains("resource limit of 11 workers"), "of another size than usual: {said}");

    let refused = gateway.start("ada", &json!({})).unwrap_err();
    assert!(refused.starts_with("422") && refused.contains("may have 2 clusters at a time"), "{refused}");
    // As many at once as may be.
    let started: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..4).map(|_| scope.spawn(|| gateway.start("ben", &json!({"worker_size": "small"})))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(started.iter().filter(|one| one.is_ok()).count(), 2, "{started:?}");

    assert_eq!(gateway.ask("ada", "DELETE", &large, &Value::Null).0, 204);
    let end = Instant::now() + Duration::from_secs(30);
    while let Err(why) = gateway.start("ada", &json!({"worker_size": "small"})) {
        assert!(Instant::now() < end, "one that was shut down does not count: {why}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn without_sizes_users_choose_cores_and_memory_up_to_the_limits() {
    let site = "dask:
  worker: {cpu: {guarantee: 1, limit: 2}, memory: {guarantee: 1G, limit: 4G}}
  clusterMaxWorkers: 50
  clusterMaxMemory: 14G
";
    let Some(gateway) = Gateway::up(site) else { return };
    for (options, word) in [
        (json!({"worker_cores": 3}), "worker_cores must be <= 2"),
        (json!({"worker_memory": 5}), "worker_memory must be <= 4"),
    ] {
        let refused = gateway.start("ada", &options).unwrap_err();
        assert!(refused.starts_with("422") && refused.contains(word), "{refused}");
    }
    // Fourteen gigabytes, half of one the scheduler's; of workers of the usual size there could be thirteen.
    let cluster = gateway.start("ada", &json!({"worker_cores": 2, "worker_memory": 4})).unwrap();
    let said = gateway.too_many_workers("ada", &cluster);
    assert!(said.contains("resource limit of 3 workers"), "{said}");
}
