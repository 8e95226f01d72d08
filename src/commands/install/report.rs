//! The closing lines: where the hub is, how to log in, and how far that was verified.

use serde_json::Value;

use crate::apply::{self, Address, Level};
use crate::bundle::Bundle;
use crate::bundle::manifest::Manifest;
use crate::error::Result;
use crate::kube::{Cluster, denied};
use crate::login::{CALLBACK_PATH, Rendered, hub_part};
use crate::ui::Ui;

/// The ledger's name for the password with which users log in.
const LOGIN: &str = "login-password";

/// The address of the hub; none where nothing of the bundle is public.
///
/// # Errors
/// When its Service may not be read.
pub(in crate::commands) async fn address(cluster: &Cluster, manifest: &Manifest) -> Result<Option<Address>> {
    let public = manifest.releases.iter().rev().find_map(|entry| Some((entry, entry.public_service.as_ref()?)));
    match public {
        Some((entry, service)) => {
            let found = apply::public_address(cluster, &entry.namespace, service).await;
            let doing = format!("look at the Service {service} in {}", entry.namespace);
            found.map(Some).map_err(|error| denied(&error, &cluster.server, &doing))
        }
        None => Ok(None),
    }
}

/// Prints the closing lines.
///
/// # Errors
/// When they cannot be written.
pub(in crate::commands) fn print(
    outcome: &apply::Outcome,
    unchanged: bool,
    bundle: &Bundle,
    address: Option<&Address>,
    ui: &Ui,
) -> Result<()> {
    let manifest = bundle.manifest();
    let what = &manifest.chart;
    ui.status("");
    match (unchanged, outcome.level) {
        (true, Level::None) => ui.status(&format!("Nothing to change: {what} is as the bundle says.")),
        (true, _) => ui.status(&format!("Nothing to change: {what} is as the bundle says, and ready.")),
        (false, Level::None) => ui.status(&format!("{what} is installed.")),
        (false, _) => ui.status(&format!("{what} is installed and ready.")),
    }
    let mut lines = Vec::new();
    let hub = hub(bundle);
    if let Some(address) = address {
        lines.push(format!("Address   {address}"));
        lines.extend(hub.as_ref().and_then(|hub| name(Rendered(hub), address)));
    }
    if manifest.secrets.iter().any(|secret| secret.name == LOGIN) {
        lines.push("Log in    any user name, with the password that this shows:".to_owned());
        lines.push(format!("          helm iris secrets show {LOGIN} --reveal -n {}", manifest.namespace));
    } else if let Some(hub) = &hub {
        lines.extend(elsewhere(Rendered(hub), address));
    }
    for dump in outcome.releases.iter().filter_map(|release| release.dump.as_ref()) {
        lines.push(format!("Dump      {}", dump.file));
        lines.push(format!("          in the volume claim {}; how to restore it: docs/upgrades.md", dump.claim));
    }
    lines.push(format!("Verified  {}", level(outcome.level)));
    ui.data(&lines.join("\n"))?;
    if let Some(address) = address {
        remark(address, ui);
    }
    Ok(())
}

/// The values of the bundle's hub; none where it has none.
fn hub(bundle: &Bundle) -> Option<Value> {
    let releases = bundle.manifest().releases.iter().rev();
    let values = releases.filter_map(|entry| bundle.visible_values(entry).ok());
    values.into_iter().find_map(|values| hub_part(&values).cloned())
}

/// The line with the name that the certificate is for: under the address alone, browsers refuse it.
fn name(hub: Rendered<'_>, address: &Address) -> Option<String> {
    let host = hub.https_host().filter(|_| matches!(address, Address::Url { .. } | Address::Pending { .. }))?;
    Some(format!("Name      https://{host}, once that name leads to the address"))
}

/// The lines for people who log in at a service of others, and for who registers the hub there.
fn elsewhere(login: Rendered<'_>, address: Option<&Address>) -> Vec<String> {
    let Some(service) = login.service() else { return Vec::new() };
    let callback = match (login.callback_url(), address) {
        (Some(url), _) => url.to_owned(),
        (None, Some(Address::Url { url } | Address::Forward { url, .. })) => format!("{url}{CALLBACK_PATH}"),
        (None, Some(Address::NodePort { port })) => format!("http://NODE:{port}{CALLBACK_PATH}"),
        (None, _) => format!("the address, once there is one, with {CALLBACK_PATH} behind it"),
    };
    vec![
        format!("Log in    with an account at {service}, which must know this hub by:"),
        format!("Callback  {callback}"),
    ]
}

fn level(level: Level) -> &'static str {
    match level {
        Level::None => "none: helm took it, nothing was waited for",
        Level::Ready => "ready: everything runs; whether notebooks start and compute was not tried",
        Level::Quick => "quick: everything runs and answers; whether notebooks compute was not tried",
        Level::Workers => "workers: a Dask cluster came with its workers; nothing was computed",
        Level::Full => "full: a user of our own logged in, started a notebook and computed",
    }
}

fn remark(address: &Address, ui: &Ui) {
    if let Address::Pending { why, .. } = address {
        ui.warning("the cloud has given the hub no address yet; that takes minutes at times, and was not waited for");
        if let Some(why) = why {
            ui.hint(&format!("the cloud says: {why}"));
        }
    }
}

/// A bundle that was rendered before: the warning of its rendering may be long forgotten.
pub(super) fn warn_of_clear_passwords(bundle: &Bundle, address: Option<&Address>, ui: &Ui) {
    let hub = hub(bundle).unwrap_or_default();
    let hub = Rendered(&hub);
    let is_plain = match address {
        Some(Address::Url { url }) => url.starts_with("http://"),
        Some(Address::NodePort { .. }) => !hub.is_encrypted(),
        _ => false,
    };
    if is_plain {
        ui.warning(if hub.asks_for_password() {
            "passwords travel in clear over http"
        } else {
            "what lets people in travels in clear over http"
        });
        ui.hint("with a name that resolves to this address, set https.host and https.contactEmail in the site file");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hub_with_https_is_opened_by_its_name() {
        let https = |enabled| json!({"proxy": {"https": {"enabled": enabled, "hosts": ["hub.example.org"]}}});
        let url = Address::Url { url: "https://192.0.2.7".to_owned() };
        let line = "Name      https://hub.example.org, once that name leads to the address";
        assert_eq!(name(Rendered(&https(true)), &url).as_deref(), Some(line));
        assert_eq!(name(Rendered(&https(true)), &Address::NodePort { port: 31000 }), None);
        assert_eq!(name(Rendered(&https(false)), &url), None);
    }

    #[test]
    fn who_registers_the_hub_is_told_the_callback() {
        let values = |config| json!({"hub": {"config": config}});
        let github = values(json!({"JupyterHub": {"authenticator_class": "github"}}));
        let line = |address: Option<&Address>| elsewhere(Rendered(&github), address).remove(1);
        let url = Address::Url { url: "http://192.0.2.7".to_owned() };
        assert_eq!(line(Some(&url)), "Callback  http://192.0.2.7/hub/oauth_callback");
        assert_eq!(line(Some(&Address::NodePort { port: 31000 })), "Callback  http://NODE:31000/hub/oauth_callback");
        assert!(line(None).contains("once there is one"));
        let known = values(json!({"JupyterHub": {"authenticator_class": "github"},
            "OAuthenticator": {"oauth_callback_url": "https://hub.example.org/hub/oauth_callback"}}));
        let lines = elsewhere(Rendered(&known), Some(&url));
        assert!(lines[0].contains("at GitHub") && lines[1].ends_with("https://hub.example.org/hub/oauth_callback"));
        let own = values(json!({"JupyterHub": {"authenticator_class": "shared-password"}}));
        assert!(elsewhere(Rendered(&own), Some(&url)).is_empty(), "the hub's own form");
    }
}
