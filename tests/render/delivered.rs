//! `secretMode: existing`: what is written for review, and that no secret is in it.

use std::fmt::Write as _;

use crate::common::{TestEnv, forms, snapshot};

/// The files of the bundle that hold a secret in any form.
fn holders(env: &TestEnv, secret: &str) -> Vec<String> {
    let tree = env.tree();
    let bundle = tree.files().filter(|(path, _)| !path.starts_with(".helm-iris/"));
    let holds = |bytes: &[u8]| forms(secret).iter().any(|form| String::from_utf8_lossy(bytes).contains(form));
    bundle.filter(|(_, file)| holds(&file.bytes)).map(|(path, _)| path.to_owned()).collect()
}

/// The fingerprint of a Secret's content differs in every home.
fn without_fingerprints(text: &str) -> String {
    let line = |line: &str| match line.split_once("helm-iris/fingerprint: ") {
        Some((before, print)) if print.starts_with('"') => {
            assert_eq!(print.trim_matches('"').len(), 16, "{print}");
            format!("{before}helm-iris/fingerprint: [FINGERPRINT]\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn bundle(chart: &str, folder: &str) {
    let env = TestEnv::with_site("profile: cumulus\nsecretMode: existing\n");
    let run = env.ok(&["render", chart]);
    let mut out = format!("{run}");
    for (path, file) in env.tree().files().filter(|(path, _)| path.starts_with(folder)) {
        let text = env.filter(&String::from_utf8_lossy(&file.bytes));
        let _ = write!(out, "\n──── {path} ({:04o})\n{}", file.mode, without_fingerprints(&text));
    }
    snapshot(&format!("bundle__existing__{chart}"), out);
}

#[test]
fn whole_bundle_of_daskhub_with_existing_secrets() {
    bundle("daskhub", "dhub/");
}

#[test]
fn whole_bundle_of_jupyterhub_with_existing_secrets() {
    bundle("jupyterhub", "jhub/");
}

/// Only what the charts read from their values alone is in a file; the control is the other mode,
/// in which everything is.
#[test]
fn no_file_of_the_bundle_holds_a_secret_but_the_exceptions() {
    for (chart, exception) in
        [("daskhub", "proxy-token"), ("jupyterhub", "proxy-token"), ("dask-gateway", "dask-password")]
    {
        let env = TestEnv::with_site("profile: cumulus\n");
        let folder = env.ok(&["render", chart, "--output-dir", "out"]);
        let secrets = env.secrets();
        assert!(secrets.contains_key(exception), "{folder}");
        for (name, secret) in &secrets {
            assert!(!holders(&env, secret).is_empty(), "the control: {name} of {chart} is found");
        }
        let again = env.ok(&["render", chart, "--output-dir", "out", "--set", "secretMode=existing"]);
        assert_eq!(env.secrets(), secrets, "{again}");
        for (name, secret) in &secrets {
            let expected = if name == exception { vec![format!("out/{chart}/secrets.yaml")] } else { Vec::new() };
            assert_eq!(holders(&env, secret), expected, "{name} of {chart}");
        }
        let review = env.read("out/REVIEW.md");
        assert!(review.contains(&format!("- {exception} (")), "{review}");
    }
}
