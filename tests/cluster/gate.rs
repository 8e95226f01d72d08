//! A gate before the API server, which answers some requests itself, or lets them wait.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::Hub;
use super::api::Api;

/// What happens to the first requests of a method (empty: of any) to a path that ends so.
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) first: usize,
    pub(super) what: What,
}

#[derive(Clone)]
pub(super) enum What {
    /// It is answered with this status, and the API server does not get it.
    Refuse(u16),
    /// It waits before it goes on, and so does the answer.
    Wait { before: Duration, after: Duration },
    /// One in ten meets a fault, by this seed: the connection is cut before or after the API server has
    /// worked, the answer is late, or it is 429 or 500.
    Faults(u64),
    /// Somebody stands there, sees all, and may let a request wait.
    Guard(Arc<dyn Guard>),
}

/// Who stands at a gate.
pub(super) trait Guard: Send + Sync {
    /// Before a request goes on; tells whether it is one to look after.
    fn comes(&self, asked: &Asked<'_>) -> bool;
    /// The API server has done what was asked, and nobody has its answer yet.
    fn is_done(&self, _mine: bool) {}
    /// The answer was given.
    fn is_answered(&self, _mine: bool) {}
}

/// A request as it came.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Whether helm sends it, by way of us.
    pub(super) of_helm: bool,
    pub(super) body: &'a [u8],
}

/// What a gate of faults does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Cut,
    CutAfter,
    Late,
    Busy,
    Broken,
}

impl Fault {
    pub(super) const ALL: [Self; 5] = [Self::Cut, Self::CutAfter, Self::Late, Self::Busy, Self::Broken];

    fn of(seed: u64, request: usize) -> Option<Self> {
        let mut chance = StdRng::seed_from_u64(seed.wrapping_add(request as u64));
        chance.random_ratio(1, 10).then(|| Self::ALL[chance.random_range(0..Self::ALL.len())])
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "connection cut before the API server had it",
            Self::CutAfter => "connection cut after the API server had done it",
            Self::Late => "answer 0.7 s late",
            Self::Busy => "429",
            Self::Broken => "500",
        })
    }
}

/// What has come to the gate.
#[derive(Default)]
struct Log {
    /// Method, path, status.
    answered: Vec<(String, String, u16)>,
    met: usize,
    faults: BTreeMap<Fault, usize>,
    at_work: usize,
}

/// A gate; it stays open until the process ends.
pub(super) struct Gate {
    address: String,
    log: Arc<Mutex<Log>>,
}

impl Gate {
    /// Opens one to the API server of a kubeconfig.
    pub(super) fn open(kubeconfig: &Path, rule: Rule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Log::default()));
        let (logs, kubeconfig) = (Arc::clone(&log), kubeconfig.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, kubeconfig, rule) = (Arc::clone(&logs), kubeconfig.clone(), rule.clone());
                thread::spawn(move || serve(&stream, &Api::new(&kubeconfig), &rule, &log));
            }
        });
        Self { address, log }
    }

    /// A kubeconfig that leads through the gate, in the hub's home.
    pub(super) fn kubeconfig(&self, hub: &Hub<'_>) -> PathBuf {
        let path = hub.env.root().join("home/gate");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "gate",
            "contexts": [{"name": "gate", "context": {"cluster": "gate", "user": "gate"}}],
            "clusters": [{"name": "gate", "cluster": {"server": self.address}}],
            "users": [{"name": "gate", "user": {}}],
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// The statuses of the requests of a method to a path that ends so.
    pub(super) fn answers(&self, method: &str, end: &str) -> Vec<u16> {
        let log = self.log.lock().unwrap();
        let meant = log.answered.iter().filter(|(how, path, _)| how == method && path.ends_with(end));
        meant.map(|(.., status)| *status).collect()
    }

    /// How many requests have come, and how many of them met which fault.
    pub(super) fn faults(&self) -> (usize, BTreeMap<Fault, usize>) {
        let log = self.log.lock().unwrap();
        (log.met, log.faults.clone())
    }

    /// Waits until what was on its way when somebody was killed has arrived.
    pub(super) fn settle(&self) {
        thread::sleep(Duration::from_millis(10));
        while self.log.lock().unwrap().at_work > 0 {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn serve(stream: &TcpStream, api: &Api, rule: &Rule, log: &Mutex<Log>) {
    let mut reader = BufReader::new(stream);
    while let Some((first, headers)) = head(&mut reader) {
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let header = |name: &str| headers.iter().find_map(|(key, value)| (key == name).then_some(value.as_str()));
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        if reader.by_ref().take(length).read_to_end(&mut body).is_err() {
            return;
        }
        let meant = {
            let mut log = log.lock().unwrap();
            log.at_work += 1;
            let fits = (rule.method.is_empty() || rule.method == method) && path.ends_with(rule.path);
            log.met += usize::from(fits);
            fits && log.met <= rule.first
        };
        let fault = match rule.what {
            What::Faults(seed) => Fault::of(seed, log.lock().unwrap().met),
            _ => None,
        };
        if let Some(fault) = fault {
            *log.lock().unwrap().faults.entry(fault).or_default() += 1;
        }
        let of_helm = header("user-agent").is_some_and(|agent| agent.starts_with("Helm/"));
        let asked = Asked { method, path, of_helm, body: &body };
        let mut mine = false;
        let forward = || api.forward(method, target, [header("content-type"), header("accept")], body.clone());
        let (status, kind, answer) = match &rule.what {
            What::Faults(_) => match fault {
                Some(Fault::Cut) => return cut(stream, log),
                Some(Fault::CutAfter) => {
                    forward();
                    return cut(stream, log);
                }
                Some(Fault::Busy) => (429, "application/json".to_owned(), refusal(429).into_bytes()),
                Some(Fault::Broken) => (500, "application/json".to_owned(), refusal(500).into_bytes()),
                Some(Fault::Late) => {
                    thread::sleep(Duration::from_millis(700));
                    forward()
                }
                None => forward(),
            },
            What::Refuse(status) if meant => (*status, "application/json".to_owned(), refusal(*status).into_bytes()),
            What::Wait { before, after } if meant => {
                thread::sleep(*before);
                let Some(answer) = unless_gone(stream, log, forward) else { return };
                thread::sleep(*after);
                answer
            }
            What::Guard(guard) if meant => {
                mine = guard.comes(&asked);
                let Some(answer) = unless_gone(stream, log, forward) else { return };
                guard.is_done(mine);
                answer
            }
            _ => forward(),
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", answer.len());
        let mut stream = stream;
        let written = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer));
        let mut log = log.lock().unwrap();
        log.at_work -= 1;
        log.answered.push((method.to_owned(), path.to_owned(), status));
        drop(log);
        if let What::Guard(guard) = &rule.what {
            guard.is_answered(mine);
        }
        if written.is_err() {
            return;
        }
    }
}

/// Ends a connection as a broken network does, without an answer.
fn cut(stream: &TcpStream, log: &Mutex<Log>) {
    log.lock().unwrap().at_work -= 1;
    let _ = stream.shutdown(Shutdown::Both);
}

/// What comes of a request that had to wait; nothing where who sent it was killed meanwhile.
fn unless_gone<T>(stream: &TcpStream, log: &Mutex<Log>, forward: impl Fn() -> T) -> Option<T> {
    if is_gone(stream) {
        log.lock().unwrap().at_work -= 1;
        return None;
    }
    Some(forward())
}

/// Whether the other side was killed; what it had begun to say is as good as never said.
fn is_gone(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let gone = match stream.peek(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    };
    stream.set_nonblocking(false).unwrap();
    gone
}

fn refusal(status: u16) -> String {
    let reason = match status {
        403 => "Forbidden",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason,
           "message": format!("the gate says {status}")})
    .to_string()
}

/// The first line of a request, and its headers; nothing where the other side has gone.
fn head(reader: &mut impl BufRead) -> Option<(String, Vec<(String, String)>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let first = lines.first()?.clone();
    let headers = lines[1..].iter().filter_map(|line| line.split_once(':'));
    Some((first, headers.map(|(key, value)| (key.to_lowercase(), value.trim().to_owned())).collect()))
}
