//! `helm iris test` through the API server: a pod's port comes out on loopback, where the real hub is.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

use super::{Hub, Testbed};
use crate::apps::{Fault, Running};

/// Where what comes out of pods' ports goes.
static TO: Mutex<String> = Mutex::new(String::new());

/// Passes on what comes out of pods' ports; until the next test does.
fn pass_on(url: &str) {
    let before = std::mem::replace(&mut *TO.lock().unwrap(), url.strip_prefix("http://").unwrap().to_owned());
    if !before.is_empty() {
        return;
    }
    let from = TcpListener::bind(std::env::var("IRIS_TEST_FORWARD").unwrap()).unwrap();
    thread::spawn(move || {
        for here in from.incoming() {
            let to = TO.lock().unwrap().clone();
            // What has ended refuses.
            let (here, Ok(there)) = (here.unwrap(), TcpStream::connect(&to)) else { continue };
            one_way(here.try_clone().unwrap(), there.try_clone().unwrap());
            one_way(there, here);
        }
    });
}

fn one_way(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

impl Hub<'_> {
    fn test(&self, more: &[&str], code: i32, words: &[&str]) {
        self.test_chart("daskhub", more, code, words);
    }

    fn test_chart(&self, chart: &str, more: &[&str], code: i32, words: &[&str]) {
        let run = self.run(&[&["test", chart], more].concat());
        assert_eq!(run.code, Some(code), "{run}");
        let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(said.contains(word), "no {word:?} in\n{run}");
        }
    }
}

#[test]
fn a_hub_is_tested_through_the_api_server() {
    let Some(testbed) = Testbed::take() else { return };
    let (word, helm) = testbed.helms().into_iter().next_back().unwrap();
    let hub = testbed.hub(&format!("test-{word}"), &helm);
    let none = hub.run(&["test", "daskhub"]);
    assert!(none.code == Some(1) && none.stderr.contains("no hub of helm iris is in"), "{none}");

    let installed = hub.run(&["install", "daskhub", "--yes", "--verify=quick"]);
    assert_eq!(installed.code, Some(4), "nothing answers behind the pods of a simulated node\n{installed}");
    assert!(installed.stderr.contains("it is installed, and does not work"), "{installed}");
    assert!(installed.stdout.contains("Verified  ready: "), "{installed}");
    hub.test(&["--quick"], 1, &["FAILED reach", "FAILED at reach"]);

    let bundle = hub.env.path(&hub.namespace);
    let Some(apps) = Running::up(hub.env.root().join("apps"), &bundle, &Fault::default()) else { return };
    pass_on(&apps.url);
    let where_ = format!("at service/proxy-public in {}", hub.namespace);
    hub.test(&["--quick"], 0, &[&where_, "the hub and Dask Gateway were given the same"]);
    hub.test(&[], 0, &["ok compute", "ok clean-up", "All of it works"]);
    let verified = hub.run(&["install", "daskhub", "--yes", "--verify=full"]);
    assert_eq!(verified.code, Some(0), "{verified}");
    assert!(verified.stdout.contains("Verified  full: "), "{verified}");

    // Somebody gives one side another token: this gateway never uses it, and nothing else would tell.
    let other = "dask-gateway.gateway.auth.jupyterhub.apiToken=another-token-of-somebody";
    let archive = hub.chart_archive();
    hub.helm(&["upgrade", &hub.namespace, &archive, "--reuse-values", "--set", other]);
    hub.test(&["--quick"], 1, &["FAILED shared-token", "were given different tokens", "helm iris install mends it"]);
}

#[test]
fn a_gateway_by_itself_is_tested_through_the_api_server() {
    let Some(testbed) = Testbed::take() else { return };
    let (word, helm) = testbed.helms().into_iter().next_back().unwrap();
    let hub = testbed.hub(&format!("gateway-{word}"), &helm);
    let none = hub.run(&["test", "dask-gateway"]);
    assert!(none.code == Some(1) && none.stderr.contains("no Dask Gateway of helm iris is in"), "{none}");
    let installed = hub.run(&["install", "dask-gateway", "--yes"]);
    assert_eq!(installed.code, Some(0), "{installed}");

    let bundle = hub.env.path(&hub.namespace);
    let Some(apps) = Running::up(hub.env.root().join("apps"), &bundle, &Fault::default()) else { return };
    pass_on(&apps.url);
    let service = format!("service/traefik-{}", hub.namespace);
    hub.test_chart("dask-gateway", &["--quick"], 0, &[&service, "All of it answers"]);
    let address = format!("\"http://traefik-{0}.{0}\"", hub.namespace);
    hub.test_chart("dask-gateway", &[], 0, &["2 came", "ok clean-up", "Nothing was computed", &address]);
    let verified = hub.run(&["install", "dask-gateway", "--yes", "--verify=full"]);
    assert_eq!(verified.code, Some(0), "{verified}");
    assert!(verified.stdout.contains("Verified  workers: "), "no more than was tried\n{verified}");
    drop(apps);
    hub.test_chart("dask-gateway", &["--quick"], 1, &["FAILED at gateway"]);
}

impl Hub<'_> {
    /// The archive of the umbrella that was installed.
    fn chart_archive(&self) -> String {
        let folders = walkdir::WalkDir::new(self.env.cache()).into_iter().map(Result::unwrap);
        let mut found = folders.filter(|entry| {
            let name = entry.file_name().to_string_lossy();
            name.starts_with("daskhub") && name.ends_with(".tgz")
        });
        found.next().expect("the archive of daskhub is in the cache").path().to_string_lossy().into_owned()
    }
}
