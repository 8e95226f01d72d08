//! No secret is seen anywhere: not in the output, not in a process's arguments or environment, not in
//! a file that others may read, at any moment of any verb.

mod flow;
mod plugin;
mod watch;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Hub;
use crate::common::forms;
pub(super) use watch::{Seen, Watch};

/// Every secret that there ever was, by value.
#[derive(Default)]
pub(super) struct Known(BTreeMap<String, String>);

impl Known {
    pub(super) fn add(&mut self, name: &str, value: &str) {
        // Of a text in several lines one line is enough, and the only one that has no other form in YAML.
        for part in value.split([';', '\n']).chain([value]).filter(|part| part.len() >= 8) {
            self.0.insert(part.to_owned(), name.to_owned());
        }
    }

    /// Learns what the local store holds, the key of the fingerprints included.
    pub(super) fn learn(&mut self, hub: &Hub<'_>) {
        let store: Value = serde_yaml::from_str(&hub.env.read(&hub.plain())).unwrap();
        self.add("the fingerprint key", store["fingerprintKey"].as_str().unwrap());
        for (name, entry) in store["secrets"].as_object().unwrap() {
            for field in ["value", "previous"] {
                self.add(name, entry[field].as_str().unwrap_or_default());
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The names of the secrets that a text holds in any form.
    pub(super) fn names_in(&self, text: &str) -> Vec<&str> {
        let held = self.0.iter().filter(|(value, _)| traces(value).iter().any(|trace| text.contains(trace)));
        held.map(|(_, name)| name.as_str()).collect()
    }

    /// Nothing of it is in what others could read, or in what belongs to everybody by its name.
    pub(super) fn assert_unseen(&self, hub: &Hub<'_>, printed: &str, seen: &Seen) {
        assert!(self.names_in(printed).is_empty(), "the output holds {:?}", self.names_in(printed));
        for process in &seen.processes {
            let held = self.names_in(&String::from_utf8_lossy(process));
            assert!(held.is_empty(), "a process shows {held:?}");
        }
        for (bytes, path) in &seen.files {
            let held = self.names_in(&String::from_utf8_lossy(bytes));
            assert!(held.is_empty(), "{path} showed {held:?}");
        }
        let mut public = 0;
        let names = ["bundle.yaml", "values.yaml", "overrides.yaml", "REVIEW.md", "iris.yaml", "iris.lock"];
        let tree = hub.env.tree();
        for (path, file) in tree.files().filter(|(path, _)| names.iter().any(|name| path.ends_with(name))) {
            let held = self.names_in(&String::from_utf8_lossy(&file.bytes));
            assert!(held.is_empty(), "{path} holds {held:?}");
            public += 1;
        }
        assert!(public >= 6, "the files of the bundle were searched: {}", tree.listing());
    }
}

/// A value as it might leak: as in [`forms`], with small letters after `%`, as Rust shows bytes, and as a
/// part of a longer text in base64.
fn traces(value: &str) -> Vec<String> {
    let mut traces = forms(value);
    let encoded = traces[2].clone();
    traces.push(encoded.split('%').enumerate().map(|(count, part)| small(count, part)).collect::<Vec<_>>().join("%"));
    traces.push(value.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", "));
    for before in 0..3 {
        let text = STANDARD.encode([&b"\0\0"[..before], value.as_bytes()].concat());
        // What only this value decides: without the letters that its neighbours have a part in.
        let from = [0, 2, 3][before];
        let to = (before + value.len()) * 8 / 6;
        traces.push(text[from..to].to_owned());
    }
    traces
}

fn small(count: usize, part: &str) -> String {
    if count == 0 || part.len() < 2 { part.to_owned() } else { part[..2].to_lowercase() + &part[2..] }
}

#[test]
fn a_value_is_found_in_every_form() {
    let mut known = Known::default();
    known.add("it", "p/ssw:rd-1");
    for text in ["x p/ssw:rd-1 y", "%70x p%2Fssw%3Ard%2D1", "p%2fssw%3ard%2d1", &format!("{:?}", b" p/ssw:rd-1 ")] {
        assert_eq!(known.names_in(text), ["it"], "{text}");
    }
    for before in 0..6 {
        let text = STANDARD.encode(format!("{}p/ssw:rd-1, and more", "a".repeat(before)));
        assert_eq!(known.names_in(&text), ["it"], "{before}");
    }
    assert!(known.names_in("q/ssw:rd-1 cS9zc3c6cmQtMQ==").is_empty());
}
