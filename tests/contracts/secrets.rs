//! The value paths that secrets fill are paths that the charts know.

use serde_json::{Map, Value};

use super::{PARTS, part, refusals, rendered};
use crate::common::{Upstream, read, repo, upstream};

/// The secrets of a chart: name, and the paths they fill.
fn secret_paths(chart: &str) -> Vec<(String, String)> {
    let release: Value = serde_yaml::from_str(&read(&repo().join(format!("charts/{chart}/release.yaml")))).unwrap();
    let secrets = release["secrets"].as_array().cloned().unwrap_or_default();
    let paths = |secret: &Value| {
        let name = secret["name"].as_str().unwrap().to_owned();
        let paths = secret["paths"].as_array().unwrap().clone();
        paths.into_iter().map(move |path| (name.clone(), path.as_str().unwrap().to_owned()))
    };
    secrets.iter().flat_map(paths).collect()
}

/// Values with a text at the path.
fn at(path: &str, text: &str) -> Value {
    path.rsplit('.').fold(Value::from(text), |inner, step| {
        let (key, index) = step.split_once('[').map_or((step, false), |(key, rest)| (key, rest == "0]"));
        let inner = if index { Value::Array(vec![inner]) } else { inner };
        Value::Object(Map::from_iter([(key.to_owned(), inner)]))
    })
}

fn refused(upstream: &Upstream, chart: &str, path: &str) -> Vec<String> {
    let parts = PARTS.iter().find(|(name, _)| *name == chart).unwrap().1;
    let values = at(path, &"ab".repeat(32));
    let mut found = Vec::new();
    for (key, upstream_chart) in parts {
        let ours = part(&values, key);
        if !ours.is_null() {
            found.extend(refusals(upstream, upstream_chart, ours));
        }
    }
    if parts[0].0.is_empty() || parts.iter().any(|(key, _)| !values[*key].is_null()) {
        return found;
    }
    vec![format!("{path} is of no part of {chart}")]
}

#[test]
fn the_charts_take_every_secret_at_its_path() {
    let Some(upstream) = upstream("secret paths against the upstream schemas") else { return };
    let mut count = 0;
    for (chart, _) in PARTS {
        for (name, path) in secret_paths(chart) {
            count += 1;
            assert_eq!(refused(&upstream, chart, &path), Vec::<String>::new(), "{chart}: {name} at {path}");
        }
    }
    assert!(count >= 14, "{count} paths");
    for (chart, wrong) in [
        ("jupyterhub", "proxy.secretTokn"),
        ("jupyterhub", "hub.cookieSecrett"),
        ("jupyterhub", "hub.db.pasword"),
        ("jupyterhub", "singleuser.storage"),
        ("daskhub", "jupyterhb.proxy.secretToken"),
        ("daskhub", "dask-gateway.gateway.auth.jupyterhub.apiTokn"),
        ("dask-gateway", "gateway.auth.simple.passwrd"),
    ] {
        assert_ne!(refused(&upstream, chart, wrong), Vec::<String>::new(), "a control: {wrong} is refused");
    }
}

/// The charts that we ship have a schema of their own, and take their secrets too.
#[test]
fn our_own_charts_take_their_secrets() {
    for chart in ["postgresql", "external", "cloudnative-pg", "storage"] {
        let folder = repo().join(format!("charts/{chart}/helm"));
        let schema: Value = serde_json::from_str(&read(&folder.join("values.schema.json"))).unwrap();
        let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft7).build(&schema).unwrap();
        for (name, path) in secret_paths(chart) {
            let mut values: Value = serde_yaml::from_str(&read(&folder.join("values.yaml"))).unwrap();
            if chart == "external" {
                // It has no default, and stands for nothing here.
                super::lay_over(&mut values, &at("server.host", "db.example.org"));
            }
            super::lay_over(&mut values, &at(&path, &"ab".repeat(16)));
            assert!(validator.is_valid(&values), "{chart}: {name} at {path}: {:?}", validator.validate(&values));
            super::lay_over(&mut values, &at(&format!("{path}x"), "ab"));
            assert!(!validator.is_valid(&values), "a control: {path}x is refused");
        }
    }
}

/// The values that point a chart at our Secret, and the annotations that restart its pods, are
/// values that it knows; and the keys are those that the upstream documents name.
#[test]
fn the_charts_are_pointed_at_our_secret_by_values_that_they_know() {
    let Some(upstream) = upstream("values for existing Secrets against the upstream schemas") else { return };
    let values = rendered("daskhub", &["--profile", "cumulus", "--set", "secretMode=existing"]);
    let name = "helm-iris-daskhub";
    assert_eq!(values["jupyterhub"]["hub"]["existingSecret"], name);
    let auth = &values["dask-gateway"]["gateway"]["auth"]["jupyterhub"];
    assert_eq!(auth["apiTokenFromSecretName"], name);
    // The gateway's own default is where the hub looks, too.
    let defaults = upstream.values("dask-gateway-2026.3.0");
    let key = &defaults["gateway"]["auth"]["jupyterhub"]["apiTokenFromSecretKey"];
    assert_eq!(&auth["apiTokenFromSecretKey"], key);
    let release: Value = serde_yaml::from_str(&read(&repo().join("charts/daskhub/release.yaml"))).unwrap();
    let keys: Vec<&Value> =
        release["secrets"].as_array().unwrap().iter().map(|secret| &secret["existing"][0]["key"]).collect();
    assert!(keys.contains(&key), "{keys:?}");
    let print = |at: &Value| at["annotations"]["helm-iris/fingerprint"].as_str().unwrap_or_default().len();
    assert_eq!(print(&values["jupyterhub"]["hub"]), 16);
    assert_eq!(print(&values["dask-gateway"]["gateway"]), 16);
    for (key, chart) in [("hub", "jupyterhub-4.4.0"), ("gateway", "dask-gateway-2026.3.0")] {
        let wrong = at(&format!("{key}.annotations.helm-iris/fingerprint"), "x");
        assert_eq!(refusals(&upstream, chart, &wrong), Vec::<String>::new());
        let wrong = at(&format!("{key}.anotations.helm-iris/fingerprint"), "x");
        assert_ne!(refusals(&upstream, chart, &wrong), Vec::<String>::new(), "a control");
    }
}

/// Users see what is in their notebooks and in their Dask clusters, so no secret of the hub is put there.
#[test]
fn users_pods_get_no_secret_of_the_hub() {
    let seen_by_users = |path: &str| {
        let inner = path.trim_start_matches("jupyterhub.").trim_start_matches("dask-gateway.");
        inner.starts_with("singleuser") || inner.starts_with("gateway.backend")
    };
    assert!(seen_by_users("jupyterhub.singleuser.extraEnv.X"), "a control");
    let mut count = 0;
    for (chart, _) in PARTS {
        let release = read(&repo().join(format!("charts/{chart}/release.yaml")));
        let release: Value = serde_yaml::from_str(&release).unwrap();
        for secret in release["secrets"].as_array().unwrap() {
            let paths =
                ["paths", "previousPaths"].iter().flat_map(|key| secret[key].as_array().cloned().unwrap_or_default());
            for path in paths {
                count += 1;
                assert!(!seen_by_users(path.as_str().unwrap()), "{chart}: {path}");
            }
        }
        // Where they are described, our Secret is not named either.
        let values = rendered(chart, &["--profile", "cumulus", "--set", "secretMode=existing"]);
        for part in ["/singleuser", "/jupyterhub/singleuser", "/gateway/backend", "/dask-gateway/gateway/backend"] {
            let text = values.pointer(part).map(ToString::to_string).unwrap_or_default();
            assert!(!text.contains("helm-iris-"), "{chart}{part}");
        }
    }
    assert!(count >= 14, "{count} paths");
}
