//! Installing, installing again, changing one value, and noticing what others changed.

use serde_json::json;

use super::Testbed;

/// The guide's hub by one command, with both Helms; then again; then with one value changed; then
/// after somebody else's upgrade.
#[test]
fn installs_and_a_second_run_changes_nothing() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let mut hub = testbed.hub(word, &helm);
        let first = hub.install(&["--profile", "cumulus"]);
        assert!(first.stderr.contains("ready"), "{first}");
        let class = testbed.api.get("/apis/storage.k8s.io/v1/storageclasses/standard").expect("the default class");
        assert_eq!(class["provisioner"], "cinder.csi.openstack.org");
        assert_eq!(class["parameters"], json!({"availability": "nova"}));
        hub.env.assert_secrets_are_private();
        let state = hub.state();
        assert_eq!(state.revisions.values().collect::<Vec<_>>(), [&1, &1], "{state:?}");
        assert!(state.pods.len() >= 6, "{state:?}");

        // The second run needs no helm at all.
        hub.helm = "/nowhere/helm".into();
        let second = hub.install(&["--profile", "cumulus"]);
        assert_eq!(hub.state(), state, "{second}");
        hub.helm = helm;

        let third = hub.install(&["--set", "users.idleTimeout=7200"]);
        assert_eq!(hub.revision(&hub.namespace), 2, "{third}");
        assert_eq!(hub.revision("postgresql"), 1, "{third}");
        assert!(third.stderr.contains("jupyterhub.cull.timeout"), "{third}");
        // The chart keeps its values in the Secret `hub` too; the secrets themselves are as they were.
        let only_secrets = |state: &super::state::State| {
            let mut data = state.secrets["hub"].clone();
            data.as_object_mut().unwrap().remove("values.yaml");
            data
        };
        assert_eq!(only_secrets(&hub.state()), only_secrets(&state));

        foreign_change_is_noticed(&hub);
    }
}

fn foreign_change_is_noticed(hub: &super::Hub<'_>) {
    let cache = hub.env.cache();
    let archive = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path());
    let archive = archive.filter(|path| path.to_string_lossy().contains("daskhub-")).last().unwrap();
    let set = "jupyterhub.cull.maxAge=99";
    hub.helm(&["upgrade", &hub.namespace, &archive.to_string_lossy(), "--reuse-values", "--set", set]);
    assert_eq!(hub.revision(&hub.namespace), 3);
    let run = hub.install(&["--set", "users.idleTimeout=7200"]);
    assert!(run.stderr.contains("revision 3") && run.stderr.contains("jupyterhub.cull.maxAge"), "{run}");
    assert_eq!(hub.revision(&hub.namespace), 4, "{run}");
    assert!(!hub.helm(&["get", "values", &hub.namespace]).contains("maxAge: 99"));
}

/// The bundle of a review is applied byte for byte, or not at all.
#[test]
fn a_bundle_is_applied_as_it_was_reviewed() {
    let Some(testbed) = Testbed::take() else { return };
    let (word, helm) = &testbed.helms()[1];
    let hub = testbed.hub(&format!("bundle-{word}"), helm);
    hub.run(&["charts", "pull", "daskhub"]);
    hub.run(&["render", "daskhub"]);
    let folder = hub.namespace.clone();
    let values = format!("{folder}/daskhub/values.yaml");
    let original = hub.env.read(&values);
    hub.env.edit(&values, "timeout: 3600", "timeout: 1");
    hub.refused(&["--bundle", &folder], &["was changed after it was written for review"]);
    hub.assert_nothing_installed();
    hub.env.write(&values, &original);
    hub.install(&["--bundle", &folder]);
    assert_eq!(hub.env.read(&values), original);
    let stored: serde_json::Value =
        serde_yaml::from_str(&hub.helm(&["get", "values", &hub.namespace, "-o", "json"])).unwrap();
    assert_eq!(stored["jupyterhub"]["cull"]["timeout"], 3600);
    assert_eq!(stored["jupyterhub"]["hub"]["db"]["type"], "postgres");
}

/// What another folder, or another operator, finds in the cluster is what holds.
#[test]
fn a_lost_folder_loses_no_secret() {
    let Some(testbed) = Testbed::take() else { return };
    let (word, helm) = &testbed.helms()[1];
    let hub = testbed.hub(&format!("lost-{word}"), helm);
    hub.install(&[]);
    let state = hub.state();
    std::fs::remove_dir_all(hub.env.path(".helm-iris")).unwrap();
    std::fs::remove_dir_all(hub.env.path(&hub.namespace)).unwrap();
    let again = hub.install(&[]);
    assert_eq!(hub.state(), state, "{again}");
    assert!(!hub.env.secrets().is_empty(), "the local store is back");
}
