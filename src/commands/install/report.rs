//! The closing lines: where the hub is, how to log in, and how far that was verified.

use crate::apply::{self, Address, Level};
use crate::bundle::manifest::Manifest;
use crate::error::Result;
use crate::kube::{Cluster, denied};
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
pub(in crate::commands) fn print(
    outcome: &apply::Outcome,
    unchanged: bool,
    manifest: &Manifest,
    address: Option<&Address>,
    ui: &Ui,
) {
    let what = &manifest.chart;
    ui.status("");
    match (unchanged, outcome.level) {
        (true, Level::None) => ui.status(&format!("Nothing to change: {what} is as the bundle says.")),
        (true, _) => ui.status(&format!("Nothing to change: {what} is as the bundle says, and ready.")),
        (false, Level::None) => ui.status(&format!("{what} is installed.")),
        (false, _) => ui.status(&format!("{what} is installed and ready.")),
    }
    let mut lines = Vec::new();
    if let Some(address) = address {
        lines.push(format!("Address   {address}"));
    }
    if manifest.secrets.iter().any(|secret| secret.name == LOGIN) {
        lines.push("Log in    any user name, with the password that this shows:".to_owned());
        lines.push(format!("          helm iris secrets show {LOGIN} --reveal -n {}", manifest.namespace));
    }
    for dump in outcome.releases.iter().filter_map(|release| release.dump.as_ref()) {
        lines.push(format!("Dump      {}", dump.file));
        lines.push(format!("          in the volume claim {}; how to restore it: docs/upgrades.md", dump.claim));
    }
    lines.push(format!("Verified  {}", level(outcome.level)));
    ui.data(&lines.join("\n"));
    if let Some(address) = address {
        remark(address, ui);
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::None => "none: helm took it, nothing was waited for",
        Level::Ready => "ready: everything runs; whether notebooks start and compute was not tried",
        Level::Quick => "quick: everything runs and answers; whether notebooks compute was not tried",
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
pub(super) fn warn_of_clear_passwords(address: Option<&Address>, ui: &Ui) {
    if matches!(address, Some(Address::Url { url }) if url.starts_with("http://")) {
        ui.warning("passwords travel in clear over http");
        ui.hint("with a name that resolves to this address, set https.host and https.contactEmail in the site file");
    }
}
