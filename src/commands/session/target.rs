//! What a verb is about: a bundle that was reviewed before, or one that is rendered now.

use std::path::PathBuf;

use clap::Args;

use super::Reviewed;
use crate::bundle::Bundle;
use crate::cli::{Environment, GlobalArgs, TargetArgs};
use crate::commands::{pull, render};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::load;
use crate::observe::Looking;
use crate::ui::Ui;

/// What the hub shall be, or the bundle that says so.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// What the hub shall be.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Take this bundle as it was reviewed, instead of rendering anew
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub bundle: Option<PathBuf>,
    /// Upgrade the CRDs of the charts too, which helm never does; the whole cluster shares them
    #[arg(long)]
    pub upgrade_crds: bool,
}

impl BundleArgs {
    /// The bundle of `--bundle`, or one that is rendered now, while its cluster is looked at.
    pub(in crate::commands) async fn reviewed(
        &self,
        global: &GlobalArgs,
        environment: &Environment,
        ui: &Ui,
    ) -> Result<(Reviewed, Looking)> {
        let request = self.target.request(global, environment, None);
        if let Some(folder) = &self.bundle {
            let bundle = Bundle::open(folder)?;
            fits(&self.target, request.namespace.as_deref(), &bundle)?;
            let looking = Looking::begin(global.connection(environment).begin(), &bundle.manifest().namespace);
            let site_file = self.target.settings.site_file.as_deref();
            return Ok((Reviewed::of_bundle(bundle, site_file, environment)?, looking));
        }
        let mut loaded = load::load(&request)?;
        // Not before: what is wrong with a site file is told without asking anybody to log in to a cluster.
        let connecting = global.connection(environment).begin();
        pull::missing(&mut loaded, environment, ui, &mut Interrupt::never()).await?;
        // After what may take minutes: what is seen must not be old when it is used.
        let looking = Looking::begin(connecting, &loaded.namespace);
        render::write(&loaded, ui)?;
        Ok((Reviewed::rendered(loaded)?, looking))
    }
}

/// A bundle that is about something else than the command line says is a mistake of somebody's.
fn fits(target: &TargetArgs, namespace: Option<&str>, bundle: &Bundle) -> Result<()> {
    let manifest = bundle.manifest();
    let folder = bundle.folder().display();
    let other = |what: &str, is: &str, asked: &str| {
        Err(Error::usage(format!("the bundle {folder} is for the {what} `{is}`, not `{asked}`"))
            .hint(format!("install it as: helm iris install {} --bundle {folder}", manifest.chart)))
    };
    if manifest.chart != target.chart {
        return other("chart", &manifest.chart, &target.chart);
    }
    match namespace {
        Some(asked) if asked != manifest.namespace => other("namespace", &manifest.namespace, asked),
        _ if target.settings.profile.is_some() || !target.settings.set.is_empty() => {
            Err(Error::usage("--bundle applies what was reviewed: --profile and --set would change it")
                .hint("leave them out, or leave --bundle out to render anew"))
        }
        _ => Ok(()),
    }
}
