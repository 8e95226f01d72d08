use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::bundle;
use crate::bundle::manifest::SecretEntry;
use crate::bundle::tests::release;
use crate::chart::release::AdoptFrom;
use crate::kube::{ClusterId, Connection};
use crate::secrets::SecretKind;

/// An API server of few words: status and body by path, the rest is `404`.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: &[(&str, u16, serde_json::Value)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answers: BTreeMap<String, (u16, String)> =
            answers.iter().map(|(path, status, body)| ((*path).to_owned(), (*status, body.to_string()))).collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, log) = (Arc::new(answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                std::thread::spawn(move || serve(&stream, &answers, &log));
            }
        });
        Self { address, asked }
    }

    fn times(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }
}

fn serve(stream: &TcpStream, answers: &BTreeMap<String, (u16, String)>, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line);
        }
        let path = lines[0].split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
        let length =
            lines.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        let _ = reader.by_ref().take(length.unwrap_or(0)).read_to_end(&mut Vec::new());
        let missing =
            (404, json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "none"}).to_string());
        let (status, body) = answers.get(&path).unwrap_or(&missing);
        log.lock().unwrap().push(path);
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

fn manifest() -> Manifest {
    let entry =
        |name: &str, namespace: &str, scope| ReleaseEntry { namespace: namespace.into(), scope, ..release(name) };
    let secret = SecretEntry {
        name: "database-password".into(),
        kind: SecretKind::Alnum(16),
        fills: vec!["postgresql:auth.password".into()],
        adopt: vec![AdoptFrom { secret: "postgresql".into(), key: "password".into(), ..AdoptFrom::default() }],
        ..SecretEntry::default()
    };
    let releases = vec![entry("storage", "sys", Scope::Cluster), entry("postgresql", "dhub", Scope::Hub)];
    bundle::tests::manifest(releases, vec![secret])
}

const LEDGER: &str = "/api/v1/namespaces/dhub/secrets/helm-iris-ledger";
const CHART_SECRET: &str = "/api/v1/namespaces/dhub/secrets/postgresql";
const DELIVERED: &str = "/api/v1/namespaces/dhub/secrets/helm-iris-postgresql";
const CLAIM: &str = "/api/v1/namespaces/dhub/persistentvolumeclaims/data-postgresql-0";
const RELEASES: &str = "/api/v1/namespaces/dhub/secrets";
const SHARED: &str = "/api/v1/namespaces/sys/secrets";

fn run(more: &[(&str, u16, serde_json::Value)]) -> (Result<Observed>, Server) {
    let list = |kind: &str| json!({"kind": kind, "apiVersion": "v1", "metadata": {}, "items": []});
    let mut answers = vec![
        (
            "/version",
            200,
            json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}),
        ),
        ("/api/v1/namespaces/kube-system", 200, json!({"metadata": {"name": "kube-system", "uid": "u-1"}})),
        ("/apis/storage.k8s.io/v1/storageclasses", 200, list("StorageClassList")),
        (RELEASES, 200, list("PartialObjectMetadataList")),
        (SHARED, 200, list("PartialObjectMetadataList")),
    ];
    answers.extend(more.iter().cloned());
    let server = Server::start(&answers);
    let connection = Connection { api_server: Some(server.address.clone()), ..Connection::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let observed = runtime.block_on(async {
        let cluster = connection.open().await?;
        assert_eq!(cluster.id, ClusterId::Uid("u-1".into()));
        observe(&cluster, &manifest(), Early::look(&cluster, &manifest().namespace).await?).await
    });
    (observed, server)
}

fn status(code: u16, reason: &str) -> serde_json::Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "the server's words"})
}

#[test]
fn an_empty_cluster_is_empty() {
    let observed = run(&[]).0.unwrap();
    assert_eq!(observed.classes, Classes::Known(vec![]));
    assert_eq!(observed.namespace_exists, Some(false));
    assert!(
        observed.releases.is_empty()
            && observed.ledger.is_none()
            && observed.found.is_empty()
            && observed.claims.is_empty()
    );
}

#[test]
fn what_may_not_be_read_is_never_absent() {
    for path in [LEDGER, CHART_SECRET, DELIVERED, CLAIM, RELEASES] {
        let (observed, server) = run(&[(path, 403, status(403, "Forbidden"))]);
        let error = observed.unwrap_err();
        assert!(
            error.message.starts_with("not allowed to") && error.causes == ["the server's words"],
            "{path}: {error:?}"
        );
        assert_eq!(server.times(path), 1, "a refusal is final");
    }
}

#[test]
fn trouble_of_the_server_is_never_absence_either_and_is_tried_again() {
    let (observed, server) = run(&[(LEDGER, 500, status(500, "InternalError"))]);
    assert!(observed.unwrap_err().message.contains("is in trouble or too busy (HTTP 500)"));
    assert!(server.times(LEDGER) > 2);
}

#[test]
fn what_all_hubs_share_may_be_unreadable() {
    let observed = run(&[(SHARED, 403, status(403, "Forbidden"))]).0.unwrap();
    assert_eq!(observed.unreadable.keys().next(), Some(&("sys".to_owned(), "storage".to_owned())));
}

#[test]
fn an_answer_that_is_none_is_not_shown() {
    let broken = json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": 7}, "data": {"ledger.yaml": "aHVudGVyMg==", "x": "hunter2"}});
    let error = run(&[(LEDGER, 200, broken)]).0.unwrap_err();
    let shown = format!("{error:?}");
    assert!(shown.contains("Secret, line 1") && !shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
}

#[test]
fn a_claim_that_waits_for_its_first_volume_holds_no_database() {
    let claim = json!({"metadata": {"name": "data-postgresql-0"}, "spec": {}, "status": {"phase": "Pending"}});
    assert!(run(&[(CLAIM, 200, claim)]).0.unwrap().claims.is_empty());
}

#[test]
fn what_is_there_is_found() {
    let observed = run(&[
        (CLAIM, 200, json!({"metadata": {"name": "data-postgresql-0"}, "spec": {"volumeName": "pv-1"}})),
        (CHART_SECRET, 200, json!({"metadata": {"name": "postgresql"}, "data": {"password": "b2xkLXBhc3N3b3Jk"}})),
        (DELIVERED, 200, json!({"metadata": {"name": "helm-iris-postgresql"}, "data": {"password": "bmV3"}})),
        ("/api/v1/namespaces/dhub", 200, json!({"metadata": {"name": "dhub"}})),
    ]);
    let observed = observed.0.unwrap();
    assert!(observed.claims.contains("data-postgresql-0"));
    assert_eq!(observed.found[0].value.expose(), "old-password");
    assert_eq!(observed.namespace_exists, Some(true));
    let delivered = &observed.delivered["helm-iris-postgresql"];
    assert!(delivered.content["password"].expose() == "new" && !delivered.ours);
}
