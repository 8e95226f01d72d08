//! Checks against the charts' own schemas, with their archives at hand: real schemas of the
//! upstream charts, in archives that the tests pack.

use crate::common::{TestEnv, Upstream, archive, snapshot, upstream};

/// A home with the upstream archives, and a site file that says so.
fn with_archives(upstream: &Upstream, site: &str) -> TestEnv {
    let env = TestEnv::new();
    let hub = upstream.archive("jupyterhub", "4.4.0");
    let gateway = upstream.archive("dask-gateway", "2026.3.0");
    hub.store(&env.cache());
    gateway.store(&env.cache());
    // Its published digest is known, and these are other bytes.
    env.write(
        "iris.yaml",
        format!("profile: cumulus\nsources:\n  dask-gateway: {{sha256: {}}}\n{site}", gateway.sha256),
    );
    env
}

#[test]
fn what_the_schemas_refuse_is_told_with_file_line_and_fix() {
    let Some(upstream) = upstream("checks against the real schemas") else { return };
    let mut out = String::new();
    for (title, chart, site) in [
        (
            "a wrong type, in the site file",
            "daskhub",
            "values:\n  daskhub:\n    jupyterhub:\n      hub:\n        db:\n          type: postgresql\n",
        ),
        ("a misspelt section of the umbrella", "daskhub", "values:\n  daskhub:\n    juptyerhub:\n      hub: {}\n"),
        ("a misspelt key", "jupyterhub", "values:\n  jupyterhub:\n    singleuser:\n      memroy: {limit: 2G}\n"),
        (
            "a number where a string is needed",
            "jupyterhub",
            "values:\n  jupyterhub:\n    proxy:\n      service:\n        annotations: {a: 5}\n",
        ),
        (
            "two charts at once",
            "daskhub",
            "values:\n  daskhub:\n    jupyterhub: {cull: {timeout: soon}}\n    dask-gateway: {gateway: {prefixx: /x}}\n",
        ),
        ("null over no default", "jupyterhub", "values:\n  jupyterhub:\n    hub:\n      nothingHere: null\n"),
        ("by a patch", "jupyterhub", "patches:\n  jupyterhub:\n    - {op: replace, path: /cull/every, value: often}\n"),
    ] {
        let env = with_archives(&upstream, site);
        let run = env.refused(&["render", chart]);
        out += &format!("## {title}\n{run}\n");
    }
    snapshot("schemas__refused", out);
}

/// With the archives at hand nothing is left unchecked, and the digests are remembered.
#[test]
fn a_right_bundle_is_checked_and_locked() {
    let Some(upstream) = upstream("a bundle with all archives at hand") else { return };
    let env = with_archives(&upstream, "");
    let run = env.ok(&["render", "daskhub"]);
    assert!(!run.stderr.contains("not checked"), "{run}");
    let review = env.read("dhub/REVIEW.md");
    assert!(!review.contains("not schema-checked"), "{review}");
    let lock = env.read("iris.lock");
    assert!(lock.contains("jupyterhub-4.4.0: "), "{lock}");
    assert!(!lock.contains("dask-gateway"), "its digest is known from the site file: {lock}");
    let umbrella: Vec<_> = std::fs::read_dir(env.cache()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(umbrella.iter().any(|name| name.to_string_lossy().starts_with("daskhub-")), "{umbrella:?}");
    snapshot("schemas__right", format!("{run}──── iris.lock\n{}", env.filter(&lock)));
    let first = env.tree();
    env.ok(&["render", "daskhub"]);
    first.assert_same(&env.tree());
}

/// An edit by hand in the bundle is checked too, and told at its own place.
#[test]
fn an_edit_that_the_schema_refuses_is_told_where_it_was_made() {
    let Some(upstream) = upstream("an edit against the real schemas") else { return };
    let env = with_archives(&upstream, "values:\n  jupyterhub:\n    cull: {every: 300}\n");
    env.ok(&["render", "jupyterhub"]);
    env.edit("jhub/jupyterhub/values.yaml", "startTimeout: 600", "startTimeout: never");
    let values = env.refused(&["render", "jupyterhub"]);
    env.edit("jhub/jupyterhub/values.yaml", "startTimeout: never", "startTimeout: 600");
    env.edit("jhub/jupyterhub/overrides.yaml", "every: 300", "every: 300\n  timeout: soon");
    let overrides = env.refused(&["render", "jupyterhub"]);
    snapshot("schemas__edits", format!("{values}\n{overrides}"));
    for run in [&values, &overrides] {
        assert!(run.stderr.contains("jhub/jupyterhub/"), "the file that was edited is named:\n{run}");
    }
}

/// Archives that are not what they should be.
#[test]
fn archives_that_are_not_right_are_refused() {
    let mut out = String::new();
    let values: &[u8] = b"hub: {}\n";
    let right = archive("jupyterhub", "4.4.0", &[("values.yaml", values)]);
    let mut refused = |title: &str, set_up: &dyn Fn(&TestEnv)| {
        let env = TestEnv::with_site("profile: generic\n");
        set_up(&env);
        let run = env.refused(&["render", "jupyterhub"]);
        out += &format!("## {title}\n{run}\n");
    };
    refused("damaged", &|env| {
        crate::common::write(&env.cache().join(right.file_name()), &right.bytes[..right.bytes.len() - 9]);
    });
    refused("not a chart", &|env| {
        let bytes = b"not a tar".to_vec();
        let sha256 = helm_iris::fs::sha256_hex(&bytes);
        crate::common::write(&env.cache().join(format!("jupyterhub-4.4.0.{}.tgz", &sha256[..16])), bytes);
    });
    refused("no Chart.yaml", &|env| {
        let other = archive("jupyterhub", "4.4.0", &[]);
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_cksum();
        tar.append_data(&mut header, "jupyterhub/values.yaml", b"{}".as_slice()).unwrap();
        let bytes = tar.into_inner().unwrap().finish().unwrap();
        let sha256 = helm_iris::fs::sha256_hex(&bytes);
        assert_ne!(sha256, other.sha256);
        crate::common::write(&env.cache().join(format!("jupyterhub-4.4.0.{}.tgz", &sha256[..16])), bytes);
    });
    refused("values that are not YAML", &|env| {
        archive("jupyterhub", "4.4.0", &[("values.yaml", b"hub: [")]).store(&env.cache());
    });
    refused("a schema that is not JSON", &|env| {
        archive("jupyterhub", "4.4.0", &[("values.yaml", values), ("values.schema.json", b"{")]).store(&env.cache());
    });
    refused("a lock file that is none", &|env| env.write("iris.lock", "charts: [1, 2]\n"));
    snapshot("archives__refused", out);
}

/// An archive of other bytes than those seen first is not taken.
#[test]
fn another_archive_than_the_locked_one_is_not_taken() {
    let env = TestEnv::with_site("profile: generic\n");
    let seen = archive(
        "jupyterhub",
        "4.4.0",
        &[("values.yaml", b"hub: {}\nproxy: {}\nsingleuser: {}\nscheduling: {}\nprePuller: {}\ncull: {}\n")],
    );
    seen.store(&env.cache());
    let first = env.ok(&["render", "jupyterhub"]);
    assert!(!first.stderr.contains("not checked"), "{first}");
    std::fs::remove_file(env.cache().join(seen.file_name())).unwrap();
    archive("jupyterhub", "4.4.0", &[("values.yaml", b"evil: true\n")]).store(&env.cache());
    let second = env.ok(&["render", "jupyterhub"]);
    assert!(second.stderr.contains("not checked"), "the other archive is as good as none:\n{second}");
    assert!(env.read("iris.lock").contains(&seen.sha256), "the lock still names the first");
}

/// A schema in a dialect that does not exist, of draft-07, of a later draft, or none at all.
#[test]
fn schemas_of_every_dialect_are_used() {
    for dialect in [
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2020-12/schema",
        "http://json-schema.org/schema#",
        "",
    ] {
        let schema = if dialect.is_empty() { String::new() } else { format!("\"$schema\": \"{dialect}\", ") };
        let schema = format!(
            "{{{schema}\"properties\": {{\"cull\": {{\"properties\": {{\"every\": {{\"type\": \"string\"}}}}}}}}}}"
        );
        let env = TestEnv::with_site("profile: generic\n");
        let files: [(&str, &[u8]); 2] = [("values.yaml", b"cull: {}\n"), ("values.schema.json", schema.as_bytes())];
        archive("jupyterhub", "4.4.0", &files).store(&env.cache());
        let run = env.refused(&["render", "jupyterhub"]);
        assert!(run.stderr.contains("`cull.every`: 600 is not of type string"), "{dialect}:\n{run}");
    }
}

/// The chart of an older gateway refuses one of our values: it is left out, and what that means is told.
#[test]
fn what_an_older_gateway_does_not_know_is_left_out_and_told() {
    const NAMED: &str = "jupyterhubServiceName: dask-gateway";
    for (chart, args) in [("daskhub", &[][..]), ("dask-gateway", &["--set", "dask.hubNamespace=jhub"][..])] {
        for (source, older) in [("2025.4.0", true), ("2026.3.0", false), ("2026.9.1", false)] {
            let site = format!("profile: cumulus\nsources: {{dask-gateway: {{version: {source}}}}}\n");
            let env = TestEnv::with_site(&site);
            let run = env.ok(&[&["render", chart, "--output-dir", "out"], args].concat());
            let (values, review) = (env.read(&format!("out/{chart}/values.yaml")), env.read("out/REVIEW.md"));
            assert_eq!(values.contains(NAMED), !older, "{source}: {values}");
            assert_eq!(values.contains("# Look here: any token of th"), older, "{values}");
            assert_eq!(review.contains("**any token of the hub lets in to Dask Gateway"), older, "{review}");
            assert_eq!(review.contains("take dask-gateway 2026.3.0 or newer"), older, "{review}");
            assert_eq!(run.stderr.contains("any token of the hub lets in"), older, "{run}");
        }
    }
}
