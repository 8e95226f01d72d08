//! `helm iris render`: the bundle, without a cluster.

use std::path::PathBuf;

use clap::Args;

use super::{Outcome, store};
use crate::bundle::SetAside;
use crate::cli::{Environment, GlobalArgs, TargetArgs};
use crate::error::Result;
use crate::load::{self, Loaded};
use crate::ui::Ui;
use crate::workflow::{self, Validated};

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// What to render.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The folder to write; unset: the namespace's name
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output_dir: Option<PathBuf>,
}

/// Writes the bundle and says what to read.
pub(super) fn run(args: &RenderArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let request = args.target.request(global, environment, args.output_dir.clone());
    let loaded = load::load(&request)?;
    let validated = write(&loaded, ui)?;
    let folder = loaded.folder.display();
    ui.status(&format!("Wrote {folder} for review, start with {folder}/REVIEW.md:"));
    for release in &validated.manifest().releases {
        for file in &release.values {
            ui.status(&format!("  {folder}/{file}"));
        }
    }
    ui.hint(&format!("apply it with: helm iris install {} --bundle {folder}", loaded.chart));
    Ok(Outcome::Done)
}

/// Renders, checks and writes, telling notes and warnings.
pub(super) fn write(loaded: &Loaded, ui: &Ui) -> Result<Validated> {
    for note in &loaded.notes {
        ui.warning(note);
    }
    // Two renders at once would write each other's secrets and half of each other's files.
    let _alone = store::hold(&loaded.store, ui)?;
    let ledger = loaded.ledger()?;
    if loaded.has_lost_its_secrets()? {
        ui.warning(&format!(
            "{} is gone: new secrets are made. If the hub is installed, `install` takes back what its cluster has",
            loaded.store.path().display()
        ));
    }
    let validated = workflow::prepare(loaded, &ledger)?;
    store::agree_to_write(&loaded.store, &ledger, ui)?;
    for SetAside { file, kept } in validated.write(loaded, &ledger)? {
        let mut parts = Vec::new();
        if file.extension().is_some_and(|end| end == "yaml") {
            parts.push("its values go on in overrides.yaml".to_owned());
        }
        parts.extend(kept.map(|kept| format!("its text is kept as {}", kept.display())));
        ui.warning(&format!("{} was edited by hand: {}", file.display(), parts.join(", ")));
    }
    for problem in &validated.warnings {
        ui.problem(problem);
    }
    for chart in &validated.unchecked {
        ui.warning(&format!("{chart} was not checked against its schema: its chart archive is not at hand"));
    }
    if !validated.unchecked.is_empty() {
        ui.hint(&format!(
            "fetch the archives with: helm iris charts pull {} --profile {}",
            loaded.chart, loaded.profile
        ));
    }
    Ok(validated)
}
