//! A helm that debugs prints what it gets from its plugins; none of it is secret.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::adopt::BY_HAND;
use super::super::{Hub, Testbed};
use super::{Known, Watch};
use crate::plugin::plugin_folder;

/// A hub whose verbs are called through helm.
struct Plugged<'t> {
    hub: Hub<'t>,
    printed: String,
}

impl Plugged<'_> {
    fn command(&self, helm: &Path) -> Command {
        let mut command = Command::new(helm);
        self.hub.env.clear(&mut command);
        let root = self.hub.env.root();
        command.current_dir(self.hub.env.path("")).env("KUBECONFIG", &self.hub.kubeconfig);
        command.env("HELM_DATA_HOME", root.join("data")).env("HELM_CONFIG_HOME", root.join("helm-config"));
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
    }

    /// Runs `helm --debug iris …`, which must end well.
    fn run(&mut self, args: &[&str], input: &str) {
        let mut command = self.command(&self.hub.helm);
        command.args(["--debug", "-n", &self.hub.namespace, "iris"]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{args:?}: {}", self.hub.env.filter(&text));
        self.printed += &text;
    }
}

#[test]
fn a_debugging_helm_shows_no_secret_of_a_cluster() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        testbed.reset();
        let hub = testbed.hub(&format!("debug-{word}"), &helm);
        hub.made_by_hand(BY_HAND);
        let mut plugged = Plugged { hub, printed: String::new() };
        let folder = plugged.hub.env.root().join("the plugin");
        plugin_folder(&folder);
        let installed = plugged.command(&helm).args(["plugin", "install"]).arg(&folder).output().unwrap();
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));

        let mut known = Known::default();
        known.add("a planted one", "everybodys-passphrase");
        known.add("a planted one", "brought-by-a-person");
        let watch = Watch::start(plugged.hub.env.root());
        plugged.run(&["secrets", "adopt", "daskhub", "--yes"], "");
        known.learn(&plugged.hub);
        plugged.run(&["secrets", "set", "login-password"], "brought-by-a-person\n");
        plugged.run(&["install", "daskhub", "--yes", "-v"], "");
        known.learn(&plugged.hub);
        plugged.run(&["secrets", "rotate", "login-password", "--yes", "-v"], "");
        known.learn(&plugged.hub);
        plugged.run(&["secrets", "list"], "");
        let seen = watch.end();
        assert!(!seen.places("HELM_DEBUG=true").is_empty(), "it was a debugging helm that called");
        assert!(known.len() >= 10);
        known.assert_unseen(&plugged.hub, &plugged.printed, &seen);

        // The control: a helm that debugs does print them.
        let mut command = plugged.command(&helm);
        let release = plugged.hub.namespace.clone();
        command.args(["--debug", "get", "values", &release, "-n", &release]);
        let printed = command.output().unwrap();
        assert!(!known.names_in(&String::from_utf8_lossy(&printed.stdout)).is_empty());
    }
}
