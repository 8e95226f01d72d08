//! Every finding of `doctor` has a state of a real cluster that triggers it, and one in which it is not
//! there.

mod probe;
mod refuse;
mod rights;
mod surroundings;
mod wanted;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Hub, Testbed};
use crate::common::Run;

const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const NODES: &str = "/api/v1/nodes";

/// A default class as Cinder's CSI driver would serve it, with more said of it.
fn class(name: &str, more: &Value) -> Value {
    let mut class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "cinder.csi.openstack.org",
        "volumeBindingMode": "WaitForFirstConsumer",
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    });
    for (key, value) in more.as_object().unwrap() {
        class[key] = value.clone();
    }
    class
}

/// What `doctor` found: the severity by id, and what it said.
struct Found {
    findings: BTreeMap<String, (String, String)>,
    run: Run,
}

impl Found {
    fn of(run: Run) -> Self {
        let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
        assert_eq!(answer["format"], 1);
        let mut findings: BTreeMap<String, (String, String)> = BTreeMap::new();
        for area in answer["areas"].as_array().unwrap() {
            for finding in area["findings"].as_array().unwrap() {
                let text = |key: &str| finding[key].as_str().unwrap().to_owned();
                assert!(!text("seen").is_empty() && !text("why").is_empty(), "{run}");
                assert!(!finding["fix"].as_array().unwrap().is_empty(), "{run}");
                let of_id = findings.entry(text("id")).or_default();
                *of_id = (text("severity"), format!("{}{finding}\n", of_id.1));
            }
        }
        let fatal = findings.values().any(|(severity, _)| severity == "fatal");
        assert_eq!((run.code, answer["fatal"].as_bool()), (Some(i32::from(fatal)), Some(fatal)), "{run}");
        Self { findings, run }
    }

    fn has(&self, id: &str, severity: &str, words: &[&str]) {
        let (found, text) = self.findings.get(id).unwrap_or_else(|| panic!("no {id} in\n{}", self.run));
        assert_eq!(found, severity, "{}", self.run);
        for word in words {
            assert!(text.contains(word), "no {word:?} in\n{text}");
        }
    }

    fn has_no(&self, id: &str) {
        assert!(!self.findings.contains_key(id), "{id} in\n{}", self.run);
    }
}

impl Hub<'_> {
    /// Looks at daskhub.
    fn doctor(&self, more: &[&str]) -> Found {
        self.doctor_of("daskhub", more)
    }

    fn doctor_of(&self, chart: &str, more: &[&str]) -> Found {
        let before = self.env.tree();
        let found = Found::of(self.run(&[&["doctor", chart, "-o", "json"], more].concat()));
        before.assert_same(&self.env.tree());
        found
    }

    /// With the chart archives at hand, without which less can be told.
    fn pull(&self) {
        let run = self.run(&["charts", "pull", "daskhub"]);
        assert_eq!(run.code, Some(0), "{run}");
    }

    /// A chart of this hub's own folder whose one template is this.
    fn chart(&self, chart_yaml: &str, template: &str) {
        self.env.write("charts/tiny/release.yaml", "description: for a test\nsource: {path: helm}\nnamespace: tiny\n");
        self.env.write("charts/tiny/values.yaml.tera", "# Nothing.\nnothing: null\n");
        let chart = format!("apiVersion: v2\nname: tiny\nversion: 0.1.0\n{chart_yaml}");
        self.env.write("charts/tiny/helm/Chart.yaml", chart);
        self.env.write("charts/tiny/helm/values.yaml", "nothing: null\n");
        self.env.write("charts/tiny/helm/templates/one.yaml", template);
    }
}

impl Testbed {
    /// Changes every node; nothing is left of it when the testbed is taken the next time.
    /// Lets every node tell of so many GPUs, as NVIDIA's device plugin does.
    fn gpus(&self, count: &str) {
        for node in self.api.list(NODES) {
            let path = format!("{NODES}/{}/status", node["metadata"]["name"].as_str().unwrap());
            let gpus = json!({"nvidia.com/gpu": count});
            self.api.patch(&path, "nvidia", &json!({"status": {"capacity": gpus, "allocatable": gpus}}));
        }
    }

    fn nodes(&self, change: impl Fn(&mut Value)) {
        for node in self.api.list(NODES) {
            let path = format!("{NODES}/{}", node["metadata"]["name"].as_str().unwrap());
            // Others write the node's status meanwhile.
            let mut node = self.api.get(&path).unwrap();
            change(&mut node);
            node["metadata"].as_object_mut().unwrap().remove("resourceVersion");
            self.api.replace(&path, &node);
        }
    }
}

#[test]
fn a_healthy_cluster_is_told_in_one_screen() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("doc-{word}"), &helm);
        hub.pull();
        let found = hub.doctor(&[]);
        assert_eq!(found.findings.keys().collect::<Vec<_>>(), ["network-policy-unknown"], "{}", found.run);
        let run = hub.run(&["doctor", "daskhub"]);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.lines().count() < 24, "{run}");
        assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
        assert!(hub.api().get(&format!("/api/v1/namespaces/{}", hub.namespace)).is_none(), "nothing was made");
        // The cluster alone, and what is left out.
        let run = hub.run(&["doctor", "--skip", "storage", "-o", "json"]);
        let answer: Value = serde_json::from_str(&run.stdout).unwrap();
        let areas: Vec<_> = answer["areas"].as_array().unwrap().iter().map(|area| area["area"].clone()).collect();
        assert_eq!(areas, ["versions", "network", "load-balancer", "releases"]);
        assert_eq!(answer["skipped"], json!(["storage"]));
        // After an installation all is well as before.
        hub.install(&[]);
        let after = hub.doctor(&[]);
        assert_eq!(after.findings.keys().collect::<Vec<_>>(), ["network-policy-unknown"], "{}", after.run);
    }
}
