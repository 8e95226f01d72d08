//! Every shipped profile × chart, found from the folders: a new one is a case by itself.

use std::fmt::Write as _;

use crate::common::{TestEnv, each, installable, needed_settings, shipped_profiles, snapshot};

#[test]
fn values_of_every_profile_and_chart() {
    let cases = shipped_profiles()
        .into_iter()
        .flat_map(|profile| installable().into_iter().map(move |chart| format!("{profile} {chart}")));
    each(cases, |case| {
        let (profile, chart) = case.split_once(' ').unwrap();
        let env = TestEnv::new();
        let args = ["render", chart, "--profile", profile, "--output-dir", "out"];
        let run = env.ok(&[&args, needed_settings(chart)].concat());
        let values = env.read(&format!("out/{chart}/values.yaml"));
        snapshot(&format!("values__{profile}__{chart}"), format!("{run}──── out/{chart}/values.yaml\n{values}"));
    });
}

/// Everything that the operator of the guide's cloud gets to review.
#[test]
fn whole_bundle_of_cumulus_daskhub() {
    let env = TestEnv::new();
    let run = env.ok(&["render", "daskhub", "--profile", "cumulus"]);
    env.assert_secrets_are_private();
    let tree = env.tree();
    let mut out = format!("{run}──── files\n{}", tree.listing());
    for (path, file) in tree.files().filter(|(path, _)| !path.ends_with("daskhub/values.yaml")) {
        let text = env.filter(&String::from_utf8_lossy(&file.bytes));
        let _ = write!(out, "\n──── {path}\n{}", without_key(&text));
    }
    snapshot("bundle__cumulus__daskhub", out);
}

/// A review tells of a StorageClass where there are volumes, and of nodes where there are pods of a chosen size.
#[test]
fn a_review_tells_of_what_the_chart_has() {
    for (chart, volumes, sizes) in [
        ("daskhub", true, true),
        ("jupyterhub", true, true),
        ("postgresql", true, false),
        ("storage", true, false),
        ("dask-gateway", false, true),
    ] {
        let env = TestEnv::new();
        let review = |more: &[&str]| {
            env.ok(&[&["render", chart, "--profile", "cumulus", "--output-dir", "out"], more].concat());
            env.read("out/REVIEW.md")
        };
        let of_cumulus = review(&[]);
        assert_eq!(of_cumulus.contains("StorageClass. If it has none"), volumes, "{chart}: {of_cumulus}");
        assert_eq!(of_cumulus.contains("**Sizes against nodes**"), sizes, "{chart}: {of_cumulus}");
        let with_nodes = review(&["--set", "scheduling.nodes={cpu: 16, memory: 60G}"]);
        assert!(!with_nodes.contains("**Sizes against nodes**"), "{chart}: {with_nodes}");
        if chart != "storage" {
            let of_one_class = review(&["--set", "storage.className=fast"]);
            assert_eq!(of_one_class.contains("- Volumes: StorageClass fast."), volumes, "{chart}: {of_one_class}");
        }
    }
}

/// The ledger's fingerprint key is no named secret, and differs in every home.
fn without_key(text: &str) -> String {
    let line = |line: &str| match line.split_once("fingerprintKey: ") {
        Some((before, key)) => {
            assert_eq!(key, "[SHA256]", "64 hex digits, filtered like a digest");
            format!("{before}fingerprintKey: [KEY]\n")
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// The listed digests are those of the files, and every file but the manifest and the secrets is listed.
#[test]
fn the_manifest_lists_every_file_with_its_digest() {
    let env = TestEnv::new();
    env.ok(&["render", "daskhub", "--profile", "cumulus"]);
    let manifest: serde_json::Value = serde_yaml::from_str(&env.read("dhub/bundle.yaml")).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    let tree = env.tree();
    for file in listed {
        let path = file["path"].as_str().unwrap();
        let digest = helm_iris::fs::sha256_hex(tree.text(&format!("dhub/{path}")).as_bytes());
        assert_eq!(file["sha256"], digest, "{path}");
    }
    let written = tree.public().into_keys().filter(|path| path.starts_with("dhub/") && !path.ends_with("bundle.yaml"));
    assert_eq!(written.count(), listed.len());
    assert!(helm_iris::bundle::Bundle::open(&env.path("dhub")).is_ok());
}
