//! Two commands on one folder: the second waits, and says for whom.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{RENDER, hub};

#[test]
fn a_wait_for_another_process_is_told() {
    let hub = hub();
    let folder = std::fs::File::open(hub.env.path("")).unwrap();
    folder.lock().unwrap();
    let mut child = hub.env.command(&RENDER).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let (since, mut first) = (Instant::now(), String::new());
    stderr.read_line(&mut first).unwrap();
    assert!(first.starts_with("Waiting for another command, process "), "{first}");
    assert!(first.contains(&format!("process {} (", std::process::id())), "{first}");
    assert!(since.elapsed() > Duration::from_millis(500), "not for every short wait");
    assert!(child.try_wait().unwrap().is_none(), "it does wait");
    folder.unlock().unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success() && rest.contains("for review"), "{rest}");
    assert!(!hub.ok(&RENDER).stderr.contains("Waiting"), "a control");
}
