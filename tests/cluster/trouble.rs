//! Releases that helm applies and that do not become ready.

use super::Testbed;
use crate::common::repo;

/// The shipped chart with a short timeout, in the hub's own folder.
pub(super) fn short_timeout(hub: &super::Hub<'_>) {
    for entry in walkdir::WalkDir::new(repo().join("charts/daskhub")) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let inside = entry.path().strip_prefix(repo()).unwrap().to_string_lossy().into_owned();
            hub.env.write(&inside, std::fs::read(entry.path()).unwrap());
        }
    }
    hub.env.edit("charts/daskhub/release.yaml", "timeout: 15m", "timeout: 15s");
}

#[test]
fn a_pod_that_cannot_pull_its_image_is_named_and_a_clean_run_ends_well() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let fault = "values:\n  daskhub:\n    jupyterhub:\n      hub:\n        annotations:\n          testbed.helm-iris/fault: image-pull\n";
        let hub = testbed.hub_with(&format!("pull-{word}"), &helm, fault);
        short_timeout(&hub);
        let run = hub.run(&["install", "daskhub", "--yes"]);
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.stderr.contains("hub") && run.stderr.contains("cannot be pulled"), "{run}");
        let site = hub.env.read("iris.yaml");
        hub.env.write("iris.yaml", site.replace(fault, ""));
        hub.install(&[]);
    }
}
