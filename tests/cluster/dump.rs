//! A JupyterHub that changes the database: dumped first, by a Job in the hub's namespace, or not begun.

use serde_json::Value;

use super::versions::other_version;
use super::{Hub, Testbed};
use crate::common::ChartArchive;

fn jupyterhub(chart: &str, version: &str) -> ChartArchive {
    other_version("jupyterhub", (chart, version), |_, bytes| bytes)
}

impl Hub<'_> {
    fn dump_jobs(&self) -> Vec<Value> {
        let path = format!("/apis/batch/v1/namespaces/{}/jobs?labelSelector=helm-iris%2Fdump", self.namespace);
        self.api().list(&path)
    }

    fn dump_claim(&self) -> Option<Value> {
        self.api().get(&self.core("persistentvolumeclaims/postgresql-dumps"))
    }

    fn dumps(&self) -> Vec<String> {
        let claim = self.dump_claim().unwrap();
        let noted = claim["metadata"]["annotations"]["helm-iris/dumps"].as_str().unwrap_or_default();
        noted.split(' ').filter(|file| !file.is_empty()).map(str::to_owned).collect()
    }

    /// When the newest revision of the hub was begun.
    fn hub_began(&self) -> String {
        let secrets = self.api().list(&self.core("secrets?labelSelector=owner%3Dhelm"));
        let meta = |secret: &Value| secret["metadata"].clone();
        let mine = secrets.iter().map(meta).filter(|meta| meta["labels"]["name"] == *self.namespace);
        mine.map(|meta| meta["creationTimestamp"].as_str().unwrap().to_owned()).max().unwrap()
    }
}

#[test]
fn a_newer_jupyterhub_is_upgraded_after_a_dump_and_the_same_without() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("dump-{word}"), &helm);
        hub.install(&[]);
        hub.takes(&jupyterhub("4.4.1", "5.5.7"));
        let same = hub.install(&[]);
        assert!(same.stderr.contains("changed: daskhub") && !same.stderr.contains("+ dump"), "{same}");
        assert!(hub.dump_jobs().is_empty() && hub.dump_claim().is_none(), "the same database");
        assert_eq!(hub.revision(&hub.namespace), 2);

        hub.takes(&jupyterhub("5.0.0", "6.1.1"));
        let plan = hub.run(&["plan", "daskhub", "-o", "json"]);
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap_or_else(|_| panic!("{plan}"));
        let operations = plan["operations"].as_array().unwrap();
        let dump = operations.iter().find(|one| one["operation"] == "dump-database").unwrap();
        assert_eq!((&dump["from"], &dump["to"]), (&Value::from("5.5.7"), &Value::from("6.1.1")));
        let release = operations.iter().find(|one| one["name"] == *hub.namespace).unwrap();
        assert!(release["needs"].as_array().unwrap().contains(&dump["id"]), "{plan}");
        assert!(hub.dump_jobs().is_empty(), "a plan changes nothing");

        let run = hub.install(&[]);
        let jobs = hub.dump_jobs();
        let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
        assert_eq!(job["status"]["succeeded"], 1, "{job}");
        let ended = job["status"]["completionTime"].as_str().unwrap().to_owned();
        assert!(ended <= hub.hub_began(), "dumped until {ended}, upgraded at {}\n{run}", hub.hub_began());
        let [before, after] = ["The database is dumped", "Upgrading"].map(|words| run.stderr.find(words));
        assert!(before.is_some() && before < after, "{run}");
        let file = hub.dumps()[0].clone();
        assert!(file.starts_with("jupyterhub-5.5.7-to-6.1.1-20"), "{file}");
        assert!(run.stdout.contains(&file) && run.stdout.contains("postgresql-dumps"), "{run}");
        for value in hub.env.secrets().values() {
            assert!(!job.to_string().contains(value), "a secret is in the Job");
        }

        let back = hub.run(&["rollback", "--yes"]);
        assert!(back.code == Some(1) && back.stderr.contains("has run 6.1.1"), "{back}");
        assert!(back.stderr.replace('\n', " ").contains(&file), "the way out names the dump\n{back}");
        let again = hub.install(&[]);
        assert!(again.stderr.contains("Nothing to change") && hub.dump_jobs().len() == 1, "{again}");

        let gone = hub.uninstall(&[]);
        assert!(gone.stderr.contains("postgresql-dumps"), "{gone}");
        assert_eq!(hub.dumps(), [file], "the claim is kept");
    }
}

#[test]
fn without_a_dump_the_upgrade_does_not_begin() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let fault = "values:\n  postgresql:\n    podAnnotations:\n      testbed.helm-iris/dump-fault: fail\n";
        let hub = testbed.hub_with(&format!("nodump-{word}"), &helm, fault);
        hub.install(&[]);
        super::trouble::short_timeout(&hub);
        hub.env.edit("charts/daskhub/release.yaml", "timeout: 15s", "timeout: 60s");
        hub.takes(&jupyterhub("5.0.0", "6.1.1"));
        let run = hub.refused(&[], &["the database could not be dumped", "no space", "mend that"]);
        assert!(!run.stderr.contains("Upgrading"), "{run}");
        assert_eq!(hub.revision(&hub.namespace), 1, "the hub was left alone");
        assert!(hub.dumps().is_empty());

        hub.env.edit("iris.yaml", "dump-fault: fail", "dump-fault: none");
        let run = hub.install(&[]);
        assert!(run.stderr.contains("The database is dumped"), "{run}");
        assert_eq!((hub.revision(&hub.namespace), hub.dumps().len()), (2, 1));
    }
}
