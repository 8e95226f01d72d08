//! Back to the bundle before: from any computer, with the secrets that hold, after a good upgrade and a bad one.

use super::{Hub, Testbed};

const CHANGED: [&str; 2] = ["--set", "users.idleTimeout=7200"];

impl Hub<'_> {
    fn goes_back(&self, more: &[&str]) -> crate::common::Run {
        let run = self.run(&[&["rollback", "--yes"], more].concat());
        assert_eq!(run.code, Some(0), "{run}");
        run
    }

    /// The values that the hub runs with, without the numbers of Helm's revisions.
    fn values(&self) -> [String; 2] {
        [self.namespace.as_str(), "postgresql"].map(|release| self.helm(&["get", "values", release]))
    }
}

#[test]
fn an_upgrade_is_undone_from_any_computer() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("back-{word}"), &helm);
        let none = hub.run(&["rollback", "--yes"]);
        assert!(none.code == Some(1) && none.stderr.contains("no bundle was applied"), "{none}");
        hub.install(&[]);
        let only = hub.run(&["rollback", "--yes"]);
        assert!(only.code == Some(1) && only.stderr.contains("there is nothing to go back to"), "{only}");
        let (first, secrets) = (hub.values(), hub.env.secrets());
        hub.install(&CHANGED);
        let second = hub.values();
        assert_ne!(first, second);

        let elsewhere = hub.elsewhere();
        let run = elsewhere.goes_back(&[]);
        assert!(run.stderr.contains("Back to bundle 1 of 20") && run.stderr.contains("7200 -> 3600"), "{run}");
        assert_eq!(hub.values(), first, "without a site file that says so, and without the archives at hand");
        assert_eq!(hub.revision("postgresql"), 1, "only what had changed");
        assert_eq!(elsewhere.env.secrets(), secrets);
        let list = hub.run(&["rollback", "--list"]);
        assert!(list.stdout.starts_with("BUNDLE  BEGUN") && list.stdout.contains("5.5.0"), "{list}");
        assert_eq!(list.stdout.lines().count(), 4, "{list}");
        let folders = |of: &Hub<'_>| ["v1", "v2", "v3"].map(|v| of.env.path(&format!("{}-{v}", of.namespace)).exists());
        assert_eq!(folders(&elsewhere), [true, false, false], "only the one that it went back to");
        hub.goes_back(&["--to", "2"]);
        assert_eq!(hub.values(), second);
        assert_eq!(hub.env.secrets(), secrets);
    }
}

/// What was never applied to the end is nothing to go back to.
#[test]
fn a_bad_upgrade_goes_back_to_the_last_good_one() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("bad", &testbed.helm4);
    hub.install(&[]);
    let good = hub.values();
    super::trouble::short_timeout(&hub);
    let site = hub.env.read("iris.yaml");
    let fault = "values:\n  daskhub:\n    jupyterhub:\n      hub:\n        annotations:\n          testbed.helm-iris/fault: image-pull\n";
    hub.env.write("iris.yaml", format!("{site}{fault}"));
    assert_eq!(hub.run(&["install", "daskhub", "--yes"]).code, Some(4));
    assert!(hub.run(&["rollback", "--list"]).stdout.contains("not to the end"));
    let run = hub.goes_back(&[]);
    assert!(run.stderr.contains("Back to bundle 1") && run.stderr.contains("change it too"), "{run}");
    assert_eq!(hub.values(), good);
}
