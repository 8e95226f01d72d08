//! What we render is what the upstream charts take.

use serde_json::Value;

use super::{PARTS, lay_over, part, refusals, rendered, rendered_with};
use crate::common::{each, shipped_profiles, upstream};

#[test]
fn what_we_render_is_taken_by_the_real_schemas() {
    let Some(upstream) = upstream("rendered values against the upstream schemas") else { return };
    let cases =
        shipped_profiles().into_iter().flat_map(|profile| PARTS.map(move |(chart, _)| format!("{profile} {chart}")));
    each(cases, |case| {
        let (profile, chart) = case.split_once(' ').unwrap();
        let values = rendered(chart, &["--profile", profile]);
        let delivered = rendered(chart, &["--profile", profile, "--set", "secretMode=existing"]);
        for (key, upstream_chart) in PARTS.iter().find(|(name, _)| *name == chart).unwrap().1 {
            assert_eq!(refusals(&upstream, upstream_chart, part(&delivered, key)), Vec::<String>::new(), "existing");
        }
        for (key, upstream_chart) in PARTS.iter().find(|(name, _)| *name == chart).unwrap().1 {
            let ours = part(&values, key);
            assert!(ours.as_object().is_some_and(|map| map.len() > 2), "{chart}: values for {key:?}");
            assert_eq!(refusals(&upstream, upstream_chart, ours), Vec::<String>::new(), "{upstream_chart}");
        }
    });
}

/// Every setting that a site file can give, in values that a schema could dislike.
#[test]
fn every_setting_is_taken_by_the_real_schemas() {
    let Some(upstream) = upstream("all settings against the upstream schemas") else { return };
    let settings = [
        "loadBalancer.address=192.0.2.7",
        "loadBalancer.sourceRanges=[192.0.2.0/24, 2001:db8::/32]",
        "loadBalancer.floatingNetworkId=8c6a4f2e-0000-4000-8000-000000000000",
        "loadBalancer.annotations={a.example.org/b: \"true\", c: \"5\"}",
        "scheduling.matchNodePurpose=require",
        "scheduling.coreNodeSelector={a: b}",
        "scheduling.userNodeSelector={a: b}",
        "scheduling.workerNodeSelector={a: b}",
        "scheduling.userTolerations=[{key: a, operator: Exists}, {key: b, value: c, effect: NoSchedule}]",
        "scheduling.workerTolerations=[{key: a, operator: Exists}]",
        "login.allowAll=false",
        "login.allowedUsers=[ada]",
        "login.adminUsers=[bob]",
        "https={host: hub.example.org, contactEmail: ops@example.org}",
        "users.cpu={guarantee: 0.25, limit: 2}",
        "users.memory={guarantee: 512M, limit: 1.5G}",
        "users.maxAge=86400",
        "users.idleTimeout=0",
        "users.prePull=true",
        "storage.className=fast",
        "dask.idleTimeout=0",
        "dask.clusterMaxWorkers=3",
        "dask.clusterMaxCores=30.5",
        "dask.clusterMaxMemory=1T",
        "dask.userMaxClusters=2",
        "dask.sizes=[{name: a, cpu: 1, memory: 2G}, {name: b, cpu: 0.5, gpus: 1, default: true}]",
        "scheduling.nodes={cpu: 64, memory: 500G}",
        "users.sizes=[{name: A b, description: c}, {name: D, cpu: {limit: 4}, gpus: 2, default: true}]",
        "users.sharedData=[{name: a, claim: b, mountPath: /c}, {name: d, nfs: {server: e, path: /f}, mountPath: /g}]",
        "dask.hubNamespace=jhub",
        "dask.gatewayNamespace=dask-gateway",
        "dask.image={name: ghcr.io/x/y, tag: \"1\"}",
    ];
    for (chart, parts) in PARTS {
        let args: Vec<&str> =
            ["--profile", "cumulus"].into_iter().chain(settings.iter().flat_map(|one| ["--set", one])).collect();
        let values = rendered(chart, &args);
        for (key, upstream_chart) in parts {
            assert_eq!(
                refusals(&upstream, upstream_chart, part(&values, key)),
                Vec::<String>::new(),
                "{upstream_chart}"
            );
        }
    }
}

/// An engine with the settings that it needs, what the hub is told, and its own upstream chart.
type Engine = (&'static str, &'static [&'static str], &'static str, Option<(&'static str, &'static str)>);

const ENGINES: [Engine; 5] = [
    ("postgresql", &[], "postgresql+psycopg2://jhub@postgresql:5432/jhub", None),
    ("sqlite", &[], "", None),
    (
        "bitnami",
        &[],
        "postgresql+psycopg2://jhub@bitnami-postgresql:5432/jhub",
        Some(("", "bitnami-postgresql-17.1.0")),
    ),
    (
        "cloudnative-pg",
        &[],
        "postgresql+psycopg2://jhub@hub-db-rw:5432/jhub",
        Some(("cluster", "cloudnative-pg-cluster-0.8.1")),
    ),
    (
        "external",
        &[
            "--set",
            "database={host: db.example.org, tls: {mode: verify-full, ca: \"-----BEGIN CERTIFICATE-----\\n-----END CERTIFICATE-----\"}}",
        ],
        "postgresql+psycopg2://jhub@db.example.org:5432/jhub?sslmode=verify-full&sslrootcert=/usr/local/etc/jupyterhub/database-ca.crt",
        None,
    ),
];

/// Every engine with every profile and both hubs.
#[test]
fn what_we_render_for_every_engine_is_taken_by_the_real_schemas() {
    let Some(upstream) = upstream("every engine against the upstream schemas") else { return };
    let chosen = |profile: &str, mode: &str| {
        ENGINES.map(|(engine, ..)| ["jupyterhub", "daskhub"].map(|hub| format!("{profile} {mode} {engine} {hub}")))
    };
    let cases = shipped_profiles().into_iter().flat_map(|profile| {
        ["inline", "existing"].into_iter().flat_map(move |mode| chosen(&profile, mode)).flatten().collect::<Vec<_>>()
    });
    each(cases, |case| {
        let words: Vec<&str> = case.split(' ').collect();
        let [profile, mode, engine, hub] = words[..] else { panic!("{case}") };
        let (_, settings, url, own) = ENGINES.into_iter().find(|(name, ..)| *name == engine).unwrap();
        let (engine_is, mode) = (format!("database.engine={engine}"), format!("secretMode={mode}"));
        let args = [&["--profile", profile, "--set", &engine_is, "--set", &mode], settings].concat();
        let values = rendered(hub, &args);
        for (key, chart) in PARTS.iter().find(|(name, _)| *name == hub).unwrap().1 {
            assert_eq!(refusals(&upstream, chart, part(&values, key)), Vec::<String>::new(), "{chart}");
        }
        let database = &part(&values, if hub == "daskhub" { "jupyterhub" } else { "" })["hub"]["db"];
        assert_eq!(database["url"].as_str().unwrap_or_default(), url);
        assert_eq!(database["upgrade"], true);
        assert_eq!(database["type"], if url.is_empty() { "sqlite-pvc" } else { "postgres" });
        assert_eq!(database["password"].is_string(), mode.ends_with("inline") && !url.is_empty());
        if let Some((key, chart)) = own {
            let values = rendered(engine, &args);
            assert_eq!(refusals(&upstream, chart, part(&values, key)), Vec::<String>::new(), "{chart}");
        }
    });
}

/// Every way to log in, and every certificate.
#[test]
fn every_login_is_taken_by_the_real_schemas() {
    let Some(upstream) = upstream("logins against the upstream schemas") else { return };
    let place =
        "{entityId: \"urn:a\", usernameClaim: eppn, stripDomain: a.b, allowAll: true, allowedDomains: [\"*.b\"]}";
    let oauth = "{provider: iris-iam, name: Us, scopes: [openid], usernameClaim: email, groupsClaim: g}";
    let logins = [
        "{authenticator: github, clientId: a, allowedOrganizations: [b, \"c:d\"]}".to_owned(),
        format!("{{authenticator: cilogon, clientId: a, identityProviders: [{place}]}}"),
        format!("{{authenticator: generic-oauth, clientId: a, allowedGroups: [b], adminGroups: [c], oauth: {oauth}}}"),
    ];
    let certificates = ["{host: h.example.org, ownCertificate: true}", "{host: h.example.org, secretName: tls}"];
    for (chart, parts) in [PARTS[0], PARTS[2]] {
        for (index, login) in logins.iter().enumerate() {
            for mode in ["inline", "existing"] {
                let more = [
                    format!("login={login}"),
                    format!("https={}", certificates[index % certificates.len()]),
                    format!("secretMode={mode}"),
                    "dask.gatewayNamespace=dask-gateway".to_owned(),
                ];
                let args: Vec<&str> =
                    ["--profile", "cumulus"].into_iter().chain(more.iter().flat_map(|one| ["--set", one])).collect();
                let values = rendered(chart, &args);
                let (key, upstream_chart) = parts[0];
                let hub = part(&values, key);
                assert_eq!(refusals(&upstream, upstream_chart, hub), Vec::<String>::new(), "{login}");
                assert_eq!(hub["hub"]["config"]["OAuthenticator"]["client_id"], "a");
                assert_eq!(hub["hub"]["config"]["SharedPasswordAuthenticator"], Value::Null, "no password of ours");
                let plain = hub["singleuser"]["extraEnv"]["DASK_GATEWAY__ADDRESS"].as_str().unwrap();
                assert!(plain.starts_with("http://traefik-"), "{plain}: the proxy itself speaks https");
            }
        }
    }
}

/// A control: the schemas do refuse, at every level.
#[test]
fn the_real_schemas_refuse_what_is_wrong() {
    let Some(upstream) = upstream("controls of the upstream schemas") else { return };
    for (chart, wrong) in [
        ("jupyterhub-4.4.0", r#"{"hub": {"db": {"type": "postgresql"}}}"#),
        ("jupyterhub-4.4.0", r#"{"singleuser": {"storage": {"capacity": 5}}}"#),
        ("jupyterhub-4.4.0", r#"{"hubb": {}}"#),
        ("dask-gateway-2026.3.0", r#"{"gateway": {"prefix": 5}}"#),
        ("dask-gateway-2026.3.0", r#"{"gatewayy": {}}"#),
    ] {
        let wrong: Value = serde_json::from_str(wrong).unwrap();
        assert_ne!(refusals(&upstream, chart, &wrong), Vec::<String>::new(), "{chart}: {wrong}");
    }
}

/// The charts' defaults, as we read and merge them, are what another parser and merge make.
#[test]
fn our_merge_over_the_real_defaults_is_helms() {
    let Some(upstream) = upstream("merging over the upstream defaults") else { return };
    for (chart, parts) in PARTS {
        let values = rendered(chart, &["--profile", "cumulus"]);
        for (key, upstream_chart) in parts {
            let defaults = upstream.values(upstream_chart);
            let empty = serde_json::json!({});
            assert_eq!(helm_iris::overlay::coalesce(defaults.clone(), &empty), defaults);
            assert_eq!(helm_iris::overlay::coalesce(empty.clone(), &defaults), defaults);
            let mut by_the_test = defaults.clone();
            lay_over(&mut by_the_test, part(&values, key));
            let by_us = helm_iris::overlay::coalesce(defaults.clone(), part(&values, key));
            assert_eq!(by_us, by_the_test, "{upstream_chart}");
            assert_ne!(by_us, defaults, "a control: our values change something");
        }
    }
}

/// Our YAML parser reads the upstream values as another one does, or refuses what the two
/// versions of YAML read differently.
#[test]
fn our_parser_reads_the_upstream_values() {
    let Some(upstream) = upstream("parsing the upstream values") else { return };
    let mut read = 0;
    for chart in [
        "jupyterhub-4.4.0",
        "dask-gateway-2026.3.0",
        "dask-gateway-2025.4.0",
        "daskhub-2024.1.1",
        "bitnami-postgresql-17.1.0",
        "cloudnative-pg-cluster-0.8.1",
    ] {
        match helm_iris::yaml::parse(chart, &upstream.values_text(chart)) {
            Ok(document) => {
                assert_eq!(document.value, upstream.values(chart), "{chart}");
                read += 1;
            }
            Err(problems) => {
                for problem in problems {
                    let reason =
                        ["YAML 1.1", "anchor", "alias", "tag"].iter().any(|word| problem.message.contains(word));
                    assert!(reason && problem.place.is_some(), "{chart}: {problem:?}");
                }
            }
        }
    }
    assert!(read >= 4, "{read} were read");
}

/// With an older gateway, or the newest published daskhub, one value is one too many: it is named, and without it
/// both take all that we render.
#[test]
fn older_charts_refuse_one_value_alone() {
    let Some(upstream) = upstream("rendered values against older upstream schemas") else { return };
    let older = [
        ("dask-gateway", "dask-gateway-2025.4.0"),
        ("dask-gateway", "daskhub-2024.1.1/charts/dask-gateway"),
        ("jupyterhub", "daskhub-2024.1.1/charts/jupyterhub"),
    ];
    let without = |key: &str| {
        let of_gateway = "{dask-gateway: {gateway: {auth: {jupyterhub: {jupyterhubServiceName: null}}}}}";
        let values = if key.is_empty() { of_gateway.to_owned() } else { format!("{{daskhub: {of_gateway}}}") };
        format!("profile: cumulus\nvalues: {values}\n")
    };
    for (chart, parts) in PARTS {
        for (key, _) in parts {
            for (_, old) in older.iter().filter(|(name, _)| *name == if key.is_empty() { chart } else { *key }) {
                // A gateway by itself, and one that is for a hub.
                for args in
                    [&["--profile", "cumulus"][..], &["--profile", "cumulus", "--set", "dask.hubNamespace=jhub"]]
                {
                    let values = rendered(chart, args);
                    let ours = part(&values, key);
                    let names_service = !ours["gateway"]["auth"]["jupyterhub"]["jupyterhubServiceName"].is_null();
                    let found = refusals(&upstream, old, ours);
                    assert_eq!(found.len(), usize::from(names_service), "{chart} on {old}: {found:#?}");
                    if !names_service {
                        continue;
                    }
                    assert!(
                        found[0].starts_with("/gateway/auth/jupyterhub: ")
                            && found[0].contains("jupyterhubServiceName"),
                        "{found:?}"
                    );
                    let values = rendered_with(chart, Some(&without(key)), args);
                    assert_eq!(refusals(&upstream, old, part(&values, key)), Vec::<String>::new(), "{chart} on {old}");
                }
            }
        }
    }
}
