//! Values that every schema takes and that cannot work (`upstream-facts`, chapters 2 and 5).

use serde_json::Value;

use super::Merged;
use crate::problem::{Problem, Severity};

/// The jupyterhub chart's values: at the top, or under its name in an umbrella.
const HUB_ROOTS: [&str; 2] = ["", "/jupyterhub"];

pub(super) fn check(merged: &Merged<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for root in HUB_ROOTS {
        if merged.value.pointer(&format!("{root}/hub")).is_some_and(Value::is_object) {
            problems.extend(database(merged, root));
            problems.extend(open_login(merged, root));
            problems.extend(clear_text(merged, root));
        }
    }
    problems.extend(tokens(merged));
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
    let get = |path: &str| merged.value.pointer(&format!("{root}/proxy/{path}"));
    let public = get("service/type").and_then(Value::as_str).is_none_or(|kind| kind == "LoadBalancer");
    let encrypted = get("https/enabled").and_then(Value::as_bool).unwrap_or(false);
    (public && !encrypted).then(|| Problem {
        severity: Severity::Warning,
        ..merged
            .error(&format!("{root}/proxy"), "passwords travel in clear: the hub has a public address and no https")
            .fix("set https.host and https.contactEmail in the site file")
    })
}

/// Hub and gateway must hold the same token.
fn tokens(merged: &Merged<'_>) -> Option<Problem> {
    let hub = merged.value.pointer("/jupyterhub/hub/services/dask-gateway/apiToken")?;
    let at = "/dask-gateway/gateway/auth/jupyterhub/apiToken";
    let gateway = merged.value.pointer(at)?;
    (hub != gateway).then(|| {
        merged
            .error(at, "the hub and the gateway have different tokens for the service dask-gateway")
            .fix("let one secret of release.yaml fill both paths")
    })
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
