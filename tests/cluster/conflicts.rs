//! A field that somebody else has set since: Helm 4 does not overwrite it unless it is told to, Helm 3 does.

use super::Testbed;

#[test]
fn what_others_set_is_overwritten_when_that_is_asked_for() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("theirs-{word}"), &helm);
        hub.install(&[]);
        let path = format!("/apis/apps/v1/namespaces/{}/deployments/user-scheduler", hub.namespace);
        let change = |cpu: &str| {
            let mut object = hub.api().get(&path).unwrap();
            object["spec"]["template"]["spec"]["containers"][0]["image"] = cpu.into();
            hub.api().replace(&path, &object);
        };
        let image = || hub.api().get(&path).unwrap()["spec"]["template"]["spec"]["containers"][0]["image"].clone();
        let ours = image();
        change("example.org/theirs:1");
        let other = ["--set", "values.daskhub.jupyterhub.scheduling.userScheduler.image.tag=v9"];
        if word == "h4" {
            hub.refused(&other, &["was changed by", "the same command with --force-conflicts"]);
            assert_eq!(image(), "example.org/theirs:1");
        }
        let run = hub.install(&[&other[..], &["--force-conflicts"]].concat());
        assert!(image() != "example.org/theirs:1" && image() != ours, "{run}");
    }
}
