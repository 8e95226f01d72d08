//! Settings of the right type that cannot work, told where a person wrote them.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::placeholders::texts;
use super::{login, schedule, shared_data, sizes};
use crate::images::major_of_tag;
use crate::layers::{self, Layer};
use crate::problem::{Problem, Severity};
use crate::secrets::is_placeholder;
use crate::settings::{Database, Image, Settings, TlsMode};
use crate::site::hub_address;
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
    problems.extend(database(settings, &at));
    for (pointer, image) in [
        ("/users/image", &settings.users.image),
        ("/dask/image", &settings.dask.image),
        ("/database/image", &settings.database.image),
    ] {
        problems.extend(floating_tag(pointer, image, &at));
    }
    problems.extend(sizes::check(settings, &at));
    problems.extend(shared_data::check(settings, &at));
    problems.extend(backup(settings, &at));
    problems.extend(server_version(&settings.database, &at));
    problems
}

/// The engine that is ours: it makes backups, where others have ways of their own, and runs a script of ours.
const OURS: &str = "postgresql";

/// Backups that nobody would make.
fn backup(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let Some(when) = &settings.database.backup.schedule else { return Vec::new() };
    let say =
        |why: String, fix: &str| at("/database/backup/schedule", format!("`database.backup.schedule`: {why}")).fix(fix);
    match settings.database.engine.as_deref() {
        Some(engine) if engine != OURS => {
            let why = format!("the engine `{engine}` makes no backups by it");
            vec![say(why, "take it out, and back that database up by its own means")]
        }
        _ => schedule::wrong(when).into_iter().map(|(why, fix)| say(why, fix)).collect(),
    }
}

/// The versions of PostgreSQL that the script of our engine was tried with.
const SERVERS: RangeInclusive<u32> = 13..=18;

/// A server that the script of our engine would not set up, or with which nobody has tried it.
fn server_version(database: &Database, at: At<'_>) -> Option<Problem> {
    let tag = database.image.tag.as_deref().filter(|_| database.engine.as_deref() == Some(OURS))?;
    let version = major_of_tag(tag).filter(|version| !SERVERS.contains(version))?;
    let (least, most) = (SERVERS.start(), SERVERS.end());
    let fix = format!("name a tag of PostgreSQL {least} to {most}");
    if version < *least {
        let message =
            format!("`database.image.tag`: `{tag}` is older than PostgreSQL {least}, the first that works here");
        return Some(at("/database/image/tag", message).fix(fix));
    }
    let message = format!("`database.image.tag`: nobody has tried `{tag}` here, PostgreSQL {most} is the newest");
    Some(Problem { severity: Severity::Warning, ..at("/database/image/tag", message).fix(fix) })
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
    if let Some(address) = settings.load_balancer.address.as_ref().filter(|address| !is_placeholder(address))
        && let Err(why) = hub_address(address)
    {
        let message = format!("`loadBalancer.address`: `{address}` is {why}");
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
        (None, [key, ..]) => problems.push(
            at(&format!("/https/{key}"), format!("`https.{key}` is set without `https.host`"))
                .fix("set https.host to the name that the certificate is for; without it nothing is encrypted"),
        ),
        _ => {}
    }
    if let [_, second, ..] = given.as_slice() {
        problems.push(
            at(&format!("/https/{second}"), format!("`https.{}` are two certificates", given.join("` and `https.")))
                .fix("take out all but one"),
        );
    }
    if let Some(host) = https.host.as_ref().filter(|host| host.contains([':', '/', ' ']) || !host.contains('.')) {
        problems.push(
            at("/https/host", format!("`https.host`: `{host}` is no host name"))
                .fix("write the name alone, e.g. hub.example.org"),
        );
    }
    problems
}

/// A server that somebody else runs.
fn database(settings: &Settings, at: At<'_>) -> Vec<Problem> {
    let Database { host, tls, .. } = &settings.database;
    let mut problems = kept_names(&settings.database, at);
    if let Some(host) = host
        && host.contains(':')
        && host.parse::<IpAddr>().is_err()
    {
        let message = format!("`database.host`: `{host}` is neither a name nor an IP address");
        problems.push(at("/database/host", message).fix("write the name alone; the port goes into database.port"));
    }
    if settings.database.port == Some(0) {
        problems.push(at("/database/port", "`database.port`: 0 is no port".to_owned()).fix("PostgreSQL's own is 5432"));
    }
    match (tls.mode, &tls.ca) {
        (Some(TlsMode::VerifyFull), None) => problems.push(
            at("/database/tls/mode", "`verify-full` needs `database.tls.ca`: nothing could be verified".to_owned())
                .fix("put the authority's certificate there, as PEM text; or take `require`"),
        ),
        (Some(TlsMode::VerifyFull), Some(ca)) if !is_certificate(ca) => problems.push(
            at("/database/tls/ca", "`database.tls.ca` is no certificate as PEM text".to_owned())
                .fix("it begins with -----BEGIN CERTIFICATE-----, and holds no private key"),
        ),
        (mode, Some(_)) if mode != Some(TlsMode::VerifyFull) => problems.push(
            at("/database/tls/ca", "`database.tls.ca` does nothing without `mode: verify-full`".to_owned())
                .fix("set database.tls.mode: verify-full, or take it out"),
        ),
        _ => {}
    }
    problems
}

/// Names that are the server's own: an engine of ours could not make them, and an admin's rights would let us take
/// them over on a server that has other users.
fn kept_names(Database { engine, admin_user, name, user, .. }: &Database, at: At<'_>) -> Vec<Problem> {
    let engine = engine.as_deref().unwrap_or_default();
    let makes_them = OF_POSTGRESQL.contains(&engine);
    if !makes_them && admin_user.is_none() {
        // Then both are there, and somebody else has chosen them.
        return Vec::new();
    }
    let of_server = |user: &&String| {
        let of_operator = engine == "cloudnative-pg" && *user == "streaming_replica";
        KEPT_ROLES.contains(&user.as_str())
            || user.starts_with("pg_")
            || of_operator
            || admin_user.as_ref() == Some(*user)
    };
    let (role, database) = if makes_them {
        ("cannot be the hub's", "cannot be the hub's")
    } else {
        ("would get the hub's password", "the hub's role would own")
    };
    let user = user.as_ref().filter(of_server).map(|user| {
        let message = format!("`database.user`: `{user}` is a role of the server itself, which {role}");
        at("/database/user", message).fix("name a role for the hub alone, e.g. jhub")
    });
    let name = name.as_ref().filter(|name| KEPT_DATABASES.contains(&name.as_str())).map(|name| {
        let message = format!("`database.name`: `{name}` is a database of the server itself, which {database}");
        at("/database/name", message).fix("name a database for the hub alone, e.g. jhub")
    });
    user.into_iter().chain(name).collect()
}

/// The engines that make a PostgreSQL of their own, with the hub's role and database in it.
const OF_POSTGRESQL: [&str; 3] = ["postgresql", "bitnami", "cloudnative-pg"];
/// The superuser of every PostgreSQL, and two words that SQL reads otherwise.
const KEPT_ROLES: [&str; 3] = ["postgres", "public", "none"];
/// The databases that every PostgreSQL begins with.
const KEPT_DATABASES: [&str; 3] = ["postgres", "template0", "template1"];

fn is_certificate(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("-----BEGIN CERTIFICATE-----")
        && text.ends_with("-----END CERTIFICATE-----")
        && !text.contains("PRIVATE KEY")
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
