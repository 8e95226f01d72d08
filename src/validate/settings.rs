//! Settings of the right type that cannot work, told where a person wrote them.

use std::net::IpAddr;

use super::placeholders::texts;
use super::{login, sizes};
use crate::layers::{self, Layer};
use crate::problem::Problem;
use crate::secrets::is_placeholder;
use crate::settings::{Image, Settings};
use crate::yaml::pointer_to_path;

/// Makes an error at the place where a setting was given.
pub(super) type At<'a> = &'a dyn Fn(&str, String) -> Problem;

/// All problems of the settings, before anything is rendered from them.
pub fn check(settings: &Settings, layers: &[Layer]) -> Vec<Problem> {
    let at = |pointer: &str, message: String| {
        let (file, place) = layers::origin(layers, pointer);
        Problem::error(file, place, message)
    };
    let mut problems = placeholders(layers);
    problems.extend(address(settings, &at));
    problems.extend(login::check(settings, &at));
    problems.extend(https(settings, &at));
    for (pointer, image) in [
        ("/users/image", &settings.users.image),
        ("/dask/image", &settings.dask.image),
        ("/database/image", &settings.database.image),
    ] {
        problems.extend(floating_tag(pointer, image, &at));
    }
    problems.extend(sizes::check(settings, &at));
    problems
}

fn placeholders(layers: &[Layer]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for layer in layers {
        let document = &layer.document;
        texts(&document.value, &mut |pointer, text| {
            if is_placeholder(text) {
                let message = format!("`{}` still holds the placeholder `{text}`", pointer_to_path(pointer));
                let problem = Problem::error(&document.file, document.place(pointer), message);
                problems.push(problem.fix("put the real value in its place"));
            }
        });
    }
    problems
}

fn address(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(address) = &settings.load_balancer.address
        && !is_placeholder(address)
        && address.parse::<IpAddr>().is_err()
    {
        let message = format!("`loadBalancer.address`: `{address}` is no IP address");
        problems.push(at("/loadBalancer/address", message).fix("give the floating IP itself, e.g. 128.232.224.75"));
    }
    for (index, range) in settings.load_balancer.source_ranges.iter().enumerate() {
        if !is_network(range) {
            let message = format!("`loadBalancer.sourceRanges`: `{range}` is no network");
            let pointer = format!("/loadBalancer/sourceRanges/{index}");
            problems.push(at(&pointer, message).fix("write address and length, e.g. 192.0.2.0/24"));
        }
    }
    problems
}

fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    match (address.parse::<IpAddr>(), length.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(length)) => length <= 32,
        (Ok(IpAddr::V6(_)), Ok(length)) => length <= 128,
        _ => false,
    }
}

/// A name, and one way to get a certificate for it.
fn https(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let https = &settings.https;
    let ways = [
        ("contactEmail", https.contact_email.is_some()),
        ("secretName", https.secret_name.is_some()),
        ("ownCertificate", https.own_certificate == Some(true)),
    ];
    let given: Vec<&str> = ways.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
    let mut problems = Vec::new();
    match (&https.host, given.as_slice()) {
        (Some(_), []) => problems.push(
            at("/https/host", "`https.host` is set without `https.contactEmail`".to_owned()).fix(
                "set https.contactEmail; Let's Encrypt asks for it. For a certificate of your own: https.secretName or https.ownCertificate",
            ),
        ),
        (None, [key, ..]) if *key != "contactEmail" => problems.push(
            at(&format!("/https/{key}"), format!("`https.{key}` is set without `https.host`"))
                .fix("set https.host to the name in the certificate"),
        ),
        (_, [_, second, ..]) => problems.push(
            at(&format!("/https/{second}"), format!("`https.{}` are two certificates", given.join("` and `https.")))
                .fix("take out all but one"),
        ),
        _ => {}
    }
    if let Some(host) = https.host.as_ref().filter(|host| host.contains([':', '/', ' ']) || !host.contains('.')) {
        problems.push(
            at("/https/host", format!("`https.host`: `{host}` is no host name"))
                .fix("write the name alone, e.g. hub.example.org"),
        );
    }
    problems
}

/// What was reviewed must be what runs.
fn floating_tag(pointer: &str, image: &Image, at: At<'_>) -> Option<Problem> {
    let floating = image.tag.as_deref().is_some_and(|tag| tag == "latest" || tag.is_empty());
    floating.then(|| {
        let path = pointer_to_path(pointer);
        at(&format!("{pointer}/tag"), format!("`{path}.tag` is not fixed: what runs tomorrow is not what was reviewed"))
            .fix("name a tag of one build, e.g. 2026.01.30")
    })
}
