//! Settings of the right type that cannot work, told where a person wrote them.

use std::net::IpAddr;

use super::placeholders::texts;
use crate::layers::{self, Layer};
use crate::problem::Problem;
use crate::quantity::hub_size;
use crate::secrets::is_placeholder;
use crate::settings::{Database, Image, Settings, TlsMode};
use crate::yaml::pointer_to_path;

/// All problems of the settings, before anything is rendered from them.
pub fn check(settings: &Settings, layers: &[Layer]) -> Vec<Problem> {
    let at = |pointer: &str, message: String| {
        let (file, place) = layers::origin(layers, pointer);
        Problem::error(file, place, message)
    };
    let mut problems = placeholders(layers);
    problems.extend(address(settings, &at));
    problems.extend(login(settings, &at));
    problems.extend(https(settings, &at));
    problems.extend(database(settings, &at));
    for (pointer, image) in [
        ("/users/image", &settings.users.image),
        ("/dask/image", &settings.dask.image),
        ("/database/image", &settings.database.image),
    ] {
        problems.extend(floating_tag(pointer, image, &at));
    }
    problems.extend(sizes(settings, &at));
    problems.extend(backup(settings, &at));
    problems
}

/// The engine that makes backups; others have ways of their own.
const BACKED_UP: &str = "postgresql";

/// Backups that nobody would make.
fn backup(settings: &Settings, at: &dyn Fn(&str, String) -> Problem) -> Option<Problem> {
    let engine = settings.database.engine.as_deref().filter(|engine| *engine != BACKED_UP)?;
    settings.database.backup.schedule.as_ref()?;
    let message = format!("`database.backup.schedule`: the engine `{engine}` makes no backups by it");
    Some(at("/database/backup/schedule", message).fix("take it out, and back that database up by its own means"))
}

/// A limit below what is guaranteed: Kubernetes refuses the pod, Dask Gateway does not even start.
fn sizes(settings: &Settings, at: &dyn Fn(&str, String) -> Problem) -> Vec<Problem> {
    let Settings { users, dask, .. } = settings;
    let cpus = [
        ("/users/cpu", &users.cpu),
        ("/dask/worker/cpu", &dask.worker.cpu),
        ("/dask/scheduler/cpu", &dask.scheduler.cpu),
    ];
    let memories = [
        ("/users/memory", &users.memory),
        ("/dask/worker/memory", &dask.worker.memory),
        ("/dask/scheduler/memory", &dask.scheduler.memory),
    ];
    let cpus = cpus.into_iter().filter_map(|(pointer, cpu)| {
        let below = cpu.limit.as_ref()?.as_f64()? < cpu.guarantee.as_ref()?.as_f64()?;
        below.then_some(pointer)
    });
    let memories = memories.into_iter().filter_map(|(pointer, memory)| {
        let below = hub_size(memory.limit.as_deref()?)? < hub_size(memory.guarantee.as_deref()?)?;
        below.then_some(pointer)
    });
    cpus.chain(memories)
        .map(|pointer| {
            let path = pointer_to_path(pointer);
            at(&format!("{pointer}/limit"), format!("`{path}.limit` is less than `{path}.guarantee`"))
                .fix(format!("raise the limit, or lower {path}.guarantee"))
        })
        .collect()
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

fn address(settings: &Settings, at: &dyn Fn(&str, String) -> Problem) -> Vec<Problem> {
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

/// Since JupyterHub 5 nobody may log in who is not allowed by name or by `allow_all`.
fn login(settings: &Settings, at: &dyn Fn(&str, String) -> Problem) -> Option<Problem> {
    let login = &settings.login;
    let nobody = login.allow_all == Some(false) && login.allowed_users.is_empty() && login.admin_users.is_empty();
    nobody.then(|| {
        at("/login/allowAll", "nobody could log in: `login.allowAll` is false and no user is named".to_owned())
            .fix("name them in login.allowedUsers or login.adminUsers")
    })
}

fn https(settings: &Settings, at: &dyn Fn(&str, String) -> Problem) -> Option<Problem> {
    match (&settings.https.host, &settings.https.contact_email) {
        (Some(_), None) => Some(
            at("/https/host", "`https.host` is set without `https.contactEmail`".to_owned())
                .fix("set https.contactEmail; Let's Encrypt asks for it"),
        ),
        (Some(host), Some(_)) if host.contains([':', '/', ' ']) || !host.contains('.') => Some(
            at("/https/host", format!("`https.host`: `{host}` is no host name"))
                .fix("write the name alone, e.g. hub.example.org"),
        ),
        _ => None,
    }
}

/// A server that somebody else runs.
fn database(settings: &Settings, at: &dyn Fn(&str, String) -> Problem) -> Vec<Problem> {
    let Database { host, tls, .. } = &settings.database;
    let mut problems = Vec::new();
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

fn is_certificate(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("-----BEGIN CERTIFICATE-----")
        && text.ends_with("-----END CERTIFICATE-----")
        && !text.contains("PRIVATE KEY")
}

/// What was reviewed must be what runs.
fn floating_tag(pointer: &str, image: &Image, at: &dyn Fn(&str, String) -> Problem) -> Option<Problem> {
    let floating = image.tag.as_deref().is_some_and(|tag| tag == "latest" || tag.is_empty());
    floating.then(|| {
        let path = pointer_to_path(pointer);
        at(&format!("{pointer}/tag"), format!("`{path}.tag` is not fixed: what runs tomorrow is not what was reviewed"))
            .fix("name a tag of one build, e.g. 2026.01.30")
    })
}
