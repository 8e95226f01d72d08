//! One hub from plain helm through every verb that touches secrets, while a watcher looks.

use std::io::Write;
use std::process::Stdio;

use super::super::adopt::BY_HAND;
use super::super::{Hub, Testbed};
use super::{Known, Seen, Watch};

const BROUGHT: &str = "values:
  daskhub:
    jupyterhub:
      hub:
        config:
          GitHubOAuthenticator:
            client_secret: {secret: github-client-secret}
          Planted: {key: {secret: planted-key}}
";
const CLIENT_SECRET: &str = "ghs_16C7e42F292c6912E7#%!";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHplanted\n-----END PRIVATE KEY-----\n";
/// What helm keeps even where the secrets go past the values: the proxy's, and what people put there.
const STAY_IN_VALUES: [&str; 3] = ["proxy-token", "github-client-secret", "planted-key"];
/// The values of [`BY_HAND`].
const PLANTED: [&str; 4] = [
    "8d3f0b53c1d74a6a9d2b7f0c6e5a4938271605f4e3d2c1b0a9f8e7d6c5b4a392",
    "1f6c0de5a1b24c3d8e9f70a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5",
    "everybodys-passphrase",
    "first/password-of-jhub",
];

/// A hub with all that it printed and all secrets that it had.
struct Flow<'t> {
    hub: Hub<'t>,
    known: Known,
    printed: String,
}

impl Flow<'_> {
    /// Runs a verb in an environment that asks everybody to be talkative; it must end well.
    fn run(&mut self, args: &[&str], input: &str) {
        let mut command = self.hub.command(args);
        for name in ["HELM_IRIS_LOG", "RUST_LOG"] {
            command.env(name, "trace");
        }
        command.env("HELM_DEBUG", "true").env("RUST_BACKTRACE", "full");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        self.printed += &text;
        let end: String = text.lines().filter(|line| !line.contains("TRACE") && !line.contains("DEBUG")).collect();
        assert!(output.status.success(), "{args:?}: {}", self.hub.env.filter(&end));
    }

    /// What is in use now is where it must be, so that the search for it could find it.
    fn control(&mut self, existing: bool) {
        self.known.learn(&self.hub);
        let ledger = self.hub.data("helm-iris-ledger")["ledger.yaml"].clone();
        let tree = self.hub.env.tree();
        let bundle = tree.files().filter(|(path, _)| path.ends_with("/secrets.yaml"));
        let bundle: String = bundle.map(|(_, file)| String::from_utf8_lossy(&file.bytes).into_owned()).collect();
        let helms = [self.hub.namespace.as_str(), "postgresql"].map(|name| self.hub.helm(&["get", "values", name]));
        let helms = helms.concat();
        for (name, value) in self.hub.env.secrets() {
            // Of several lines, one that looks the same in every way of writing YAML.
            let value = value.lines().max_by_key(|line| line.len() * usize::from(!line.contains('-'))).unwrap();
            assert!(ledger.contains(value), "{name} is in the cluster's ledger");
            let by_values = !existing || STAY_IN_VALUES.contains(&name.as_str());
            assert_eq!(helms.contains(value), by_values, "{name}: whether helm keeps it");
            assert!(bundle.contains(value) || existing, "{name} is in a secrets.yaml");
        }
    }
}

fn every_verb(testbed: &Testbed, word: &str, helm: &std::path::Path) {
    testbed.reset();
    let hub = testbed.hub(&format!("seen-{word}"), helm);
    hub.made_by_hand(BY_HAND);
    hub.env.write("iris.yaml", hub.env.read("iris.yaml") + BROUGHT);
    let mut flow = Flow { known: Known::default(), printed: String::new(), hub };
    for value in PLANTED.into_iter().chain([CLIENT_SECRET, KEY]) {
        flow.known.add("a planted one", value);
    }
    let me = flow.hub.identity();
    let identity = flow.hub.env.root().join("config/helm-iris/age-identity.txt");
    flow.known.add("the age identity", &std::fs::read_to_string(&identity).unwrap());
    let watch = Watch::start(flow.hub.env.root());

    flow.run(&["secrets", "adopt", "daskhub", "--yes", "-v"], "");
    flow.known.learn(&flow.hub);
    flow.run(&["secrets", "set", "github-client-secret", "-v"], &format!("{CLIENT_SECRET}\n"));
    flow.hub.private_file("given", KEY);
    flow.run(&["secrets", "set", "planted-key", "--from-file", "given"], "");
    flow.run(&["install", "daskhub", "--yes", "-v"], "");
    flow.control(false);
    for args in [&["secrets", "list"][..], &["secrets", "list", "-o", "yaml"]] {
        flow.run(args, "");
    }
    for name in flow.hub.env.secrets().keys() {
        flow.run(&["secrets", "show", name], "");
    }
    let before = flow.hub.env.secrets();
    flow.run(&["secrets", "rotate", "--all", "--yes", "-v"], "");
    flow.control(false);
    let after = flow.hub.env.secrets();
    assert_eq!(after.iter().filter(|(name, value)| before[*name] == **value).count(), 2, "the brought ones stay");
    flow.run(&["secrets", "export", "--to", "age", "--recipient", &me, "-v"], "");
    flow.run(&["install", "daskhub", "--yes", "-v", "--set", "secretMode=existing"], "");
    flow.run(&["secrets", "export", "--to", "file", "-v"], "");
    flow.control(true);
    assert_eq!(flow.hub.env.secrets(), after);
    flow.run(&["secrets", "rotate", "login-password", "--yes", "-v"], "");
    flow.control(true);
    flow.nowhere(&watch.end());
}

impl Flow<'_> {
    fn nowhere(&self, seen: &Seen) {
        assert!(self.known.len() >= 20, "old and new values are looked for: {}", self.known.len());
        assert!(self.printed.contains("TRACE") && self.printed.contains("helm_iris"), "the log was at its loudest");
        assert!(!seen.places("upgrade\0--install").is_empty(), "helm was seen at work");
        assert!(!seen.places("HELM_IRIS_LOG=trace").is_empty(), "environments were seen");
        assert!(seen.files.values().any(|path| path.contains("values.yaml")), "open files were seen");
        self.known.assert_unseen(&self.hub, &self.printed, seen);
        // The control: the same search finds them in what may hold them.
        let store = self.hub.env.read(&self.hub.plain());
        assert!(self.known.names_in(&store).len() >= 10);
    }
}

#[test]
fn no_verb_shows_a_secret_to_anybody() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        every_verb(&testbed, word, &helm);
    }
}
