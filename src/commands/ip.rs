//! `helm iris ip`: where people reach the hub, what to ask the cloud's support for, and recording the answer.

use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use k8s_openapi::api::core::v1::Service;

use super::plan::{self, PlanArgs};
use super::session::BundleArgs;
use super::status::{find, view};
use super::{Outcome, wait_for};
use crate::apply::Address;
use crate::cli::{Environment, GlobalArgs, TargetArgs};
use crate::error::{Error, Result};
use crate::fs;
use crate::kube::denied;
use crate::load;
use crate::site::{DEFAULT_FILE, hub_address, with_address};
use crate::status;
use crate::text::fold;
use crate::ui::{OutputFormat, Ui};

/// A host that takes longer cannot be reached.
const PATIENCE: Duration = Duration::from_secs(3);

/// Arguments of `ip`.
#[derive(Debug, Args)]
pub struct IpArgs {
    /// What to do; unset: tell how it stands.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do with the address.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Record the address in the site file, render, and show what would change. Changes no cluster
    Set(SetArgs),
}

/// Arguments of `ip set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The floating IP, e.g. 203.0.113.10
    #[arg(value_parser = address)]
    pub address: IpAddr,
    /// Which hub's.
    #[command(flatten)]
    pub target: TargetArgs,
}

fn address(text: &str) -> std::result::Result<IpAddr, String> {
    hub_address(text).map_err(|why| format!("it is {why}"))
}

/// Tells, or records.
pub(super) fn run(args: &IpArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    match &args.verb {
        None => tell(global, environment, ui),
        Some(Verb::Set(args)) => set(args, global, environment, ui),
    }
}

fn tell(global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    wait_for(async {
        let cluster = global.connection(environment).open().await?;
        let hub = find(&cluster, global, environment).await?;
        let Some((name, address)) = hub.service.as_ref().zip(hub.address.as_ref()) else {
            return Err(Error::user(format!("the hub in {} has no public Service that could be found", hub.namespace))
                .because("its releases made none, or may not be read")
                .hint(format!("see: helm iris status -n {}", hub.namespace)));
        };
        let mut lines = vec![fold(&format!("Address    {}", view::of_address(address)), "           ")];
        if let Address::Url { url } = address {
            lines.push(fold(&format!("Reachable  {}", reached(url)), "           "));
        }
        let service = cluster.get::<Service>(Some(&hub.namespace), name).await;
        let doing = format!("look at the Service {name} in {}", hub.namespace);
        let service = service.map_err(|error| denied(&error, &cluster.server, &doing))?;
        if let Some(service) = service.filter(|_| matches!(address, Address::Url { .. } | Address::Pending { .. })) {
            lines.push("\nTo send to your cloud's support, if it does not come or cannot be reached:\n".to_owned());
            lines.extend(status::request(&service, cluster.label()).iter().map(|line| fold(line, "                 ")));
        }
        ui.data(&lines.join("\n"))?;
        if matches!(address, Address::Pending { .. }) {
            let chart = hub.chart().unwrap_or("CHART");
            ui.hint(&format!("when you have one: helm iris ip set ADDRESS {chart} -n {}", hub.namespace));
        }
        Ok(Outcome::Done)
    })
}

/// Whether somebody answers there, seen from this computer.
fn reached(url: &str) -> String {
    let (scheme, host) = url.split_once("://").unwrap_or(("http", url));
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) && !host.ends_with(']');
    let usual = if scheme == "https" { 443 } else { 80 };
    let target = if has_port { host.to_owned() } else { format!("{host}:{usual}") };
    let tried = target.to_socket_addrs().and_then(|all| {
        let nothing = Err(std::io::Error::other("the name has no address"));
        // A name may have an address of a kind that this computer has no way to.
        all.fold(nothing, |before, one| before.or_else(|_| TcpStream::connect_timeout(&one, PATIENCE)))
    });
    match tried {
        Ok(_) => "yes, from this computer".to_owned(),
        Err(error) => format!("not from this computer: {error}"),
    }
}

fn set(args: &SetArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let path = args.target.settings.site_file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    // What is wrong with it, or with the profile and chart, is told before anything is written.
    load::load(&args.target.request(global, environment, None))?;
    let text = if fs::exists(path)? { fs::read_text(path)? } else { String::new() };
    let edited = with_address(&text, args.address).ok_or_else(|| {
        Error::user(format!("{} is written in a form that cannot be edited safely", path.display()))
            .because("nothing but the address may change in it; nothing was written")
            .hint(format!("put `address: \"{}\"` under `loadBalancer:` by hand", args.address))
    })?;
    if edited != text {
        fs::rewrite(path, edited.as_bytes())?;
        ui.status(&format!("Recorded {} in {}", args.address, path.display()));
    }
    let what = BundleArgs { target: args.target.clone(), bundle: None, upgrade_crds: false };
    let shown = plan::run(
        &PlanArgs { what, exit_code: false, no_drift: true, output: OutputFormat::Table },
        global,
        environment,
        ui,
    )?;
    ui.hint(&format!("to put it to use: helm iris install {}", args.target.typed(global, environment)));
    Ok(shown)
}
