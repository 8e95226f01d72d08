//! Values that every schema takes and that cannot work (`upstream-facts`, chapters 2 and 5).

use serde_json::Value;

use super::Merged;
use crate::images::Known;
use crate::login::{HUB_ROOTS, Rendered};
use crate::problem::{Problem, Severity};

pub(super) fn check(merged: &Merged<'_>, known: &Known) -> Vec<Problem> {
    let mut problems = Vec::new();
    for root in HUB_ROOTS {
        if merged.value.pointer(&format!("{root}/hub")).is_some_and(Value::is_object) {
            problems.extend(database(merged, root));
            problems.extend(open_login(merged, root));
            problems.extend(clear_text(merged, root));
        }
    }
    problems.extend(tokens(merged));
    problems.extend(any_token(merged, known));
    problems.extend(floating_tags(merged));
    problems
}

/// Without a url the hub falls back to a database file that is gone at the next restart.
fn database(merged: &Merged<'_>, root: &str) -> Option<Problem> {
    let text = |key: &str| merged.value.pointer(&format!("{root}/hub/db/{key}")).and_then(Value::as_str);
    let kind = text("type")?;
    let needs_url = matches!(kind, "postgres" | "mysql" | "other");
    (needs_url && text("url").is_none_or(str::is_empty)).then(|| {
        let at = format!("{root}/hub/db/type");
        merged
            .error(
                &at,
                format!(
                    "hub.db.type is {kind} and there is no hub.db.url: the hub would lose its state at every restart"
                ),
            )
            .fix("set hub.db.url, e.g. postgresql+psycopg2://jhub@postgresql:5432/jhub")
    })
}

/// The chart's default authenticator lets everyone in with any password.
fn open_login(merged: &Merged<'_>, root: &str) -> Option<Problem> {
    let at = format!("{root}/hub/config/JupyterHub/authenticator_class");
    let class = merged.value.pointer(&at).and_then(Value::as_str);
    match class {
        Some(class) if !class.contains("dummy") && !class.contains("Dummy") => None,
        _ => Some(
            merged
                .error(&at, "the login is open: the dummy authenticator takes any name with any password")
                .fix("set hub.config.JupyterHub.authenticator_class, e.g. shared-password"),
        ),
    }
}

fn clear_text(merged: &Merged<'_>, root: &str) -> Option<Problem> {
    let hub = Rendered(merged.value.pointer(root)?);
    let kind = merged.value.pointer(&format!("{root}/proxy/service/type")).and_then(Value::as_str);
    let how = match kind {
        None | Some("LoadBalancer") => "the hub has a public address and no https",
        Some("NodePort") => "the hub is on a port of every node, without https",
        Some(_) => return None,
    };
    let what = if hub.asks_for_password() { "passwords travel" } else { "what lets people in travels" };
    (!hub.is_encrypted()).then(|| Problem {
        severity: Severity::Warning,
        ..merged
            .error(&format!("{root}/proxy"), format!("{what} in clear: {how}"))
            .fix("set https.host and https.contactEmail in the site file")
    })
}

/// Where the hub keeps the token of the service `dask-gateway` in a Secret (z2jh, `get_secret_value`).
const TOKEN_KEY: &str = "hub.services.dask-gateway.apiToken";

/// Hub and gateway must hold the same token.
fn tokens(merged: &Merged<'_>) -> Option<Problem> {
    let hub = "/jupyterhub/hub/services/dask-gateway/apiToken";
    let gateway = "/dask-gateway/gateway/auth/jupyterhub";
    let text = |at: &str| merged.value.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (at, of_gateway) = (format!("{gateway}/apiToken"), text(&format!("{gateway}/apiToken")));
    if let (Some(hub), Some(gateway)) = (text(hub), of_gateway) {
        return (hub != gateway).then(|| {
            merged
                .error(&at, "the hub and the gateway have different tokens for the service dask-gateway")
                .fix("let one secret of release.yaml fill both paths")
        });
    }
    // The hub reads its token in this Secret; the gateway, unless told, in that of the hub's chart.
    let secret = text("/jupyterhub/hub/existingSecret").filter(|_| text(hub).is_none())?;
    merged.value.pointer(gateway)?;
    let (name, key) = ("apiTokenFromSecretName", "apiTokenFromSecretKey");
    let (at, set) = if of_gateway.is_some() {
        (at, "take it out, so that the gateway reads it there too".to_owned())
    } else if text(&format!("{gateway}/{name}")) != Some(secret) {
        (format!("{gateway}/{name}"), format!("set gateway.auth.jupyterhub.{name}: {secret}"))
    } else if text(&format!("{gateway}/{key}")).is_some_and(|key| key != TOKEN_KEY) {
        (format!("{gateway}/{key}"), format!("set gateway.auth.jupyterhub.{key}: {TOKEN_KEY}"))
    } else {
        return None;
    };
    let message = format!("the gateway does not read its token where the hub does, in the Secret {secret}");
    Some(merged.error(&at, message).fix(set))
}

/// A gateway that takes its users from a hub, and does not ask what their tokens are for.
fn any_token(merged: &Merged<'_>, known: &Known) -> Option<Problem> {
    let auth = ["", "/dask-gateway"].map(|root| format!("{root}/gateway/auth"));
    let at =
        auth.into_iter().find(|at| merged.value.pointer(&format!("{at}/type")) == Some(&Value::from("jupyterhub")))?;
    let name = merged.value.pointer(&format!("{at}/jupyterhub/jupyterhubServiceName")).and_then(Value::as_str);
    let since = known.gateway_tells_tokens_since();
    let fix = if known.gateway_tells_tokens() {
        "set gateway.auth.jupyterhub.jupyterhubServiceName: dask-gateway".to_owned()
    } else {
        format!("take dask-gateway {since} or newer (sources.dask-gateway.version)")
    };
    let message =
        "any token of the hub lets in to Dask Gateway, whatever it was made for: `jupyterhubServiceName` is not set";
    name.is_none_or(str::is_empty)
        .then(|| Problem { severity: Severity::Warning, ..merged.error(&format!("{at}/jupyterhub"), message).fix(fix) })
}

/// What was reviewed must be what runs.
fn floating_tags(merged: &Merged<'_>) -> Vec<Problem> {
    let images = [
        "/singleuser/image",
        "/jupyterhub/singleuser/image",
        "/gateway/backend/image",
        "/dask-gateway/gateway/backend/image",
        "/image",
    ];
    let floating = |at: &&&str| {
        // What comes from settings is told there.
        let overrides = &merged.overrides.value;
        overrides
            .pointer(&format!("{at}/tag"))
            .and_then(Value::as_str)
            .is_some_and(|tag| tag == "latest" || tag.is_empty())
    };
    images
        .iter()
        .filter(floating)
        .map(|at| {
            merged
                .error(&format!("{at}/tag"), "the image tag is not fixed: what runs tomorrow is not what was reviewed")
                .fix("name a tag of one build, e.g. 2025.11.13")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::yaml::Document;

    /// Where the problem with the token is; none where hub and gateway have the same.
    fn place(hub: &Value, gateway: &Value) -> Option<String> {
        let value = json!({"jupyterhub": {"hub": hub}, "dask-gateway": {"gateway": {"auth": {"jupyterhub": gateway}}}});
        let rendered = Document::synthetic("values.yaml", value.clone());
        let overrides = Document::synthetic("overrides.yaml", json!({}));
        let merged = Merged { value, rendered: &rendered, overrides: &overrides, edited: &[] };
        tokens(&merged).map(|problem| format!("{} {}", problem.message, problem.fix.unwrap_or_default()))
    }

    #[test]
    fn a_gateway_that_takes_any_token_is_told() {
        let with = |version: &str| {
            let charts = BTreeMap::from([("dask-gateway".to_owned(), version.to_owned())]);
            Known::new(&BTreeMap::new(), charts).unwrap()
        };
        let told = |value: Value, known: &Known| {
            let rendered = Document::synthetic("values.yaml", value.clone());
            let overrides = Document::synthetic("overrides.yaml", json!({}));
            let merged = Merged { value, rendered: &rendered, overrides: &overrides, edited: &[] };
            any_token(&merged, known).map(|problem| (problem.severity, problem.fix.unwrap_or_default()))
        };
        let gateway = |kind: &str, name: Value| json!({"gateway": {"auth": {"type": kind, "jupyterhub": {"jupyterhubServiceName": name}}}});
        let (new, old) = (with("2026.3.0"), with("2025.4.0"));
        for name in [json!(null), json!("")] {
            let (severity, fix) = told(gateway("jupyterhub", name), &new).unwrap();
            assert_eq!((severity, fix.contains("jupyterhubServiceName")), (Severity::Warning, true), "{fix}");
        }
        let part_of_a_hub = json!({"dask-gateway": {"gateway": {"auth": {"type": "jupyterhub"}}}});
        assert!(told(part_of_a_hub, &old).unwrap().1.contains("dask-gateway 2026.3.0 or newer"));
        for right in [gateway("jupyterhub", json!("a")), gateway("simple", json!(null)), json!({"hub": {}})] {
            assert_eq!(told(right, &old), None);
        }
    }

    #[test]
    fn hub_and_gateway_take_the_token_from_one_place() {
        let own = |token: &str| json!({"services": {"dask-gateway": {"apiToken": token}}});
        let ours = json!({"existingSecret": "ours", "services": {"dask-gateway": {"display": false}}});
        let both = json!({"existingSecret": "mine", "services": {"dask-gateway": {"apiToken": "a"}}});
        for (hub, gateway) in [
            (&own("a"), json!({"apiToken": "a"})),
            (&both, json!({"apiToken": "a"})),
            (&ours, json!({"apiTokenFromSecretName": "ours"})),
            (&ours, json!({"apiTokenFromSecretName": "ours", "apiTokenFromSecretKey": TOKEN_KEY})),
            (&json!({}), json!({})),
        ] {
            assert_eq!(place(hub, &gateway), None, "{hub} {gateway}");
        }
        for (hub, gateway, words) in [
            (&own("a"), json!({"apiToken": "b"}), "different tokens"),
            (&ours, json!({}), "set gateway.auth.jupyterhub.apiTokenFromSecretName: ours"),
            (&ours, json!({"apiTokenFromSecretName": "hub"}), "apiTokenFromSecretName: ours"),
            (&ours, json!({"apiToken": "a", "apiTokenFromSecretName": "ours"}), "take it out"),
            (
                &ours,
                json!({"apiTokenFromSecretName": "ours", "apiTokenFromSecretKey": "k"}),
                "apiTokenFromSecretKey: hub.",
            ),
        ] {
            let told = place(hub, &gateway).unwrap_or_default();
            assert!(told.contains(words), "{hub} {gateway}: {told}");
        }
    }
}
