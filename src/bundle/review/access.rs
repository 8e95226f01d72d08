//! How people get to the hub, and into it.

use std::fmt::Write as _;

use crate::login::{CALLBACK_PATH, LoginContext};
use crate::settings::{Authenticator, Https, ServiceType, Settings};

/// Tells of address, encryption and login.
pub(super) fn tell(settings: &Settings, namespace: &str, out: &mut String) {
    if settings.load_balancer.service_type == ServiceType::LoadBalancer {
        match &settings.load_balancer.address {
            Some(address) => {
                let _ = writeln!(out, "- Address: {address}. It must be allocated in your project, and the firewall open for ports 80 and 443.");
            }
            None => out.push_str("- Address: the cloud picks one. If it stays pending, ask your cloud support for one and set `loadBalancer.address`.\n"),
        }
    }
    certificate(&settings.https, namespace, out);
    let login = LoginContext::new(settings);
    if let (Some(service), Some(client)) = (login.service(), &login.client_id) {
        let _ = writeln!(
            out,
            "- Login: with an account at {service}, which knows this hub as client `{client}`. {}",
            who(&login)
        );
        match (&login.callback_url, settings.load_balancer.service_type) {
            (Some(url), _) => {
                let _ =
                    writeln!(out, "- Callback: {service} must know {url} as callback (redirect URI) of that client.");
            }
            (None, ServiceType::LoadBalancer) => {
                let _ = writeln!(
                    out,
                    "- Callback: {service} must know http://ADDRESS{CALLBACK_PATH} as callback (redirect URI) of that client. ADDRESS is known after `install`, which shows it; `https.host` or `loadBalancer.address` fixes it now."
                );
            }
            (None, ServiceType::NodePort) => {
                let _ = writeln!(
                    out,
                    "- Callback: {service} must know http://NODE:PORT{CALLBACK_PATH} as callback (redirect URI) of that client, with the name or address of the node by which people come. PORT is known after `install`, which shows it."
                );
            }
            (None, ServiceType::ClusterIP) => {
                let _ = writeln!(
                    out,
                    "- Callback: {service} must know http://localhost:8080{CALLBACK_PATH} as callback (redirect URI) of that client, for whoever comes by `kubectl port-forward` to that port."
                );
            }
        }
    }
}

fn certificate(https: &Https, namespace: &str, out: &mut String) {
    let Some(host) = &https.host else { return };
    let _ = match &https.secret_name {
        Some(secret) => writeln!(
            out,
            "- Certificate: for {host}, from the Secret {secret}, which must be in {namespace} before: `kubectl create secret tls {secret} --cert FILE --key FILE -n {namespace}`."
        ),
        None if https.own_certificate == Some(true) => {
            writeln!(
                out,
                "- Certificate: for {host}, your own, from the ledger (https-certificate, https-key). Nobody renews it but you."
            )
        }
        None => writeln!(
            out,
            "- Certificate: for {host}, from Let's Encrypt, which must reach ports 80 and 443 of this name from the internet."
        ),
    };
}

/// Who may log in by a login service, in words.
fn who(login: &LoginContext) -> String {
    if login.allow_all {
        return "Everyone who has one may log in.".to_owned();
    }
    let lists = [
        ("users", &login.allowed_users),
        ("members of", &login.allowed_organizations),
        ("groups", &login.allowed_groups),
        ("admins", &login.admin_users),
        ("groups of admins", &login.admin_groups),
    ];
    let mut who: Vec<String> = lists
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(what, list)| format!("{what} {}", list.join(", ")))
        .collect();
    if login.authenticator == Authenticator::Cilogon {
        for place in &login.identity_providers {
            if place.allow_all == Some(true) {
                who.push(format!("everyone of {}", place.entity_id));
            } else if !place.allowed_domains.is_empty() {
                who.push(format!("{} of {}", place.allowed_domains.join(", "), place.entity_id));
            }
        }
    }
    format!("May log in: {}.", who.join("; "))
}
