//! What we render is what the upstream charts take.

use serde_json::Value;

use super::{PARTS, lay_over, part, refusals, rendered};
use crate::common::{each, shipped_profiles, upstream};

const MODES: [&str; 2] = ["inline", "existing"];

/// Charts of one time, the first those that we ship: how a site file names them, and their schemas.
struct Time {
    name: &'static str,
    sources: &'static [&'static str],
    hub: &'static str,
    gateway: &'static str,
}

const TIMES: [Time; 3] = [
    Time { name: "now", sources: &[], hub: "jupyterhub-4.4.0", gateway: "dask-gateway-2026.3.0" },
    Time {
        name: "2025",
        sources: &["--set", "sources.dask-gateway.version=2025.4.0"],
        hub: "jupyterhub-4.4.0",
        gateway: "dask-gateway-2025.4.0",
    },
    // What is in the newest daskhub that was published.
    Time {
        name: "2024",
        sources: &["--set", "sources={jupyterhub: {version: 3.2.1}, dask-gateway: {version: 2024.1.0}}"],
        hub: "daskhub-2024.1.1/charts/jupyterhub",
        gateway: "daskhub-2024.1.1/charts/dask-gateway",
    },
];

impl Time {
    fn named(name: &str) -> &'static Self {
        const { &TIMES }.iter().find(|time| time.name == name).unwrap()
    }

    /// The chart of this time in the place of one that we ship.
    fn of(&self, shipped: &str) -> &'static str {
        if shipped.starts_with("jupyterhub") { self.hub } else { self.gateway }
    }
}

/// The upstream charts in a release of ours.
fn parts_of(chart: &str) -> &'static [(&'static str, &'static str)] {
    PARTS.iter().find(|(name, _)| *name == chart).unwrap().1
}

/// One of each list, in every combination.
fn combined(lists: &[&[String]]) -> Vec<String> {
    lists.iter().fold(vec![String::new()], |before, list| {
        let with =
            |start: &String| list.iter().map(|one| format!("{start} {one}").trim().to_owned()).collect::<Vec<_>>();
        before.iter().flat_map(with).collect()
    })
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

/// Every engine with every profile, both hubs, both ways of secrets, and older charts.
#[test]
fn what_we_render_for_every_engine_is_taken_by_the_real_schemas() {
    let Some(upstream) = upstream("every engine against the upstream schemas") else { return };
    let engines = ENGINES.map(|(engine, ..)| engine.to_owned());
    // A hub by itself differs with the chart `jupyterhub` alone.
    let hubs = TIMES.iter().flat_map(|time| {
        let before = TIMES.iter().take_while(|other| other.name != time.name);
        let differs = before.map(|other| other.hub).all(|hub| hub != time.hub);
        [("daskhub", true), ("jupyterhub", differs)].map(|(hub, tried)| tried.then(|| format!("{hub} {}", time.name)))
    });
    let hubs: Vec<String> = hubs.flatten().collect();
    each(combined(&[&shipped_profiles(), &MODES.map(str::to_owned), &engines, &hubs]), |case| {
        let words: Vec<&str> = case.split(' ').collect();
        let [profile, mode, engine, hub, time] = words[..] else { panic!("{case}") };
        let time = Time::named(time);
        let (_, settings, url, own) = ENGINES.into_iter().find(|(name, ..)| *name == engine).unwrap();
        let (engine_is, mode) = (format!("database.engine={engine}"), format!("secretMode={mode}"));
        let args = [&["--profile", profile, "--set", &engine_is, "--set", &mode], settings, time.sources].concat();
        let values = rendered(hub, &args);
        for (key, chart) in parts_of(hub) {
            let ours = part(&values, key);
            assert!(ours.as_object().is_some_and(|map| map.len() > 2), "{hub}: values for {key:?}");
            assert_eq!(refusals(&upstream, time.of(chart), ours), Vec::<String>::new(), "{}", time.of(chart));
        }
        let database = &part(&values, if hub == "daskhub" { "jupyterhub" } else { "" })["hub"]["db"];
        assert_eq!(database["url"].as_str().unwrap_or_default(), url);
        assert_eq!(database["upgrade"], true);
        assert_eq!(database["type"], if url.is_empty() { "sqlite-pvc" } else { "postgres" });
        assert_eq!(database["password"].is_string(), mode.ends_with("inline") && !url.is_empty());
        if let Some((key, chart)) = own.filter(|_| time.sources.is_empty()) {
            let values = rendered(engine, &args);
            assert_eq!(refusals(&upstream, chart, part(&values, key)), Vec::<String>::new(), "{chart}");
        }
    });
}

/// A gateway by itself has no database: with a password of its own, and for the users of a hub.
#[test]
fn a_gateway_is_taken_by_the_schemas_of_every_time() {
    let Some(upstream) = upstream("a gateway against the upstream schemas") else { return };
    let times = TIMES.map(|time| time.name.to_owned());
    let hubs = ["null", "jhub"].map(str::to_owned);
    each(combined(&[&shipped_profiles(), &MODES.map(str::to_owned), &hubs, &times]), |case| {
        let words: Vec<&str> = case.split(' ').collect();
        let [profile, mode, hub, time] = words[..] else { panic!("{case}") };
        let time = Time::named(time);
        let (hub_is, mode) = (format!("dask.hubNamespace={hub}"), format!("secretMode={mode}"));
        let values = rendered(
            "dask-gateway",
            &[&["--profile", profile, "--set", &hub_is, "--set", &mode], time.sources].concat(),
        );
        assert_eq!(refusals(&upstream, time.gateway, &values), Vec::<String>::new(), "{}", time.gateway);
        let name = &values["gateway"]["auth"]["jupyterhub"]["jupyterhubServiceName"];
        assert_eq!(name.is_string(), hub == "jhub" && time.sources.is_empty(), "wherever it can be: {values}");
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
        ("dask-gateway-2025.4.0", r#"{"gateway": {"auth": {"jupyterhub": {"jupyterhubServiceName": "a"}}}}"#),
        ("daskhub-2024.1.1/charts/jupyterhub", r#"{"hubb": {}}"#),
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
