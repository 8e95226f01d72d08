//! `helm iris profiles`: the facts of clouds.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use serde_json::Value;

use super::{Outcome, charts};
use crate::cli::{Environment, candidates};
use crate::error::{Error, Result};
use crate::fs::{self, Access};
use crate::library::{Library, require_name};
use crate::profile::Profile;
use crate::reference;
use crate::ui::{OutputFormat, Ui, table};

/// Arguments of `profiles`.
#[derive(Debug, Args)]
pub struct ProfilesArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with profiles.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The profiles there are
    List {
        /// Print as
        #[arg(long, short, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// What a profile says, with all that it extends; without a name: every key that one may have
    Show {
        /// The profile
        #[arg(add = ArgValueCompleter::new(candidates::profiles))]
        name: Option<String>,
        /// Print the JSON schema of profiles and site files, for editors
        #[arg(long, conflicts_with = "name")]
        schema: bool,
        /// Print as
        #[arg(long, short, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// Tell everything that is wrong with a profile
    Check {
        /// The profile
        #[arg(add = ArgValueCompleter::new(candidates::profiles))]
        name: String,
    },
    /// Begin a profile of your own cloud in ./profiles, commented
    New {
        /// Its name
        name: String,
        /// The profile to extend
        #[arg(long, default_value = "openstack-magnum", add = ArgValueCompleter::new(candidates::profiles))]
        extends: String,
    },
}

#[derive(Serialize)]
struct Row {
    name: String,
    description: String,
    from: String,
}

/// Runs `profiles`.
pub(super) fn run(args: &ProfilesArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let library = library(environment);
    match &args.verb {
        Verb::List { output } => list(&library, *output, ui)?,
        Verb::Show { schema: true, .. } => ui.exact(&reference::site_schema())?,
        Verb::Show { name: None, .. } => ui.data(&reference::settings_text(&charts::given(&library, None)?))?,
        Verb::Show { name: Some(name), output, .. } => show(&library, name, *output, ui)?,
        Verb::Check { name } => {
            Profile::load(&library, name)?;
            ui.status(&format!("The profile {name} is right."));
        }
        Verb::New { name, extends } => new(&library, name, extends, ui)?,
    }
    Ok(Outcome::Done)
}

/// Charts and profiles of this folder, of the user, and shipped.
pub(super) fn library(environment: &Environment) -> Library {
    Library::new(std::iter::once(PathBuf::from(".")).chain(environment.config_folder.clone()).collect())
}

fn list(library: &Library, output: OutputFormat, ui: &Ui) -> Result<()> {
    let mut rows = Vec::new();
    for name in library.profile_names()? {
        let from = library.profile(&name)?.origin.describe();
        let description = Profile::load(library, &name)
            .map_or_else(|_| "(not right: see profiles check)".to_owned(), |p| p.description);
        rows.push(Row { name, description, from });
    }
    ui.answer(output, &rows, |rows| {
        let cells: Vec<_> =
            rows.iter().map(|row| vec![row.name.clone(), row.from.clone(), row.description.clone()]).collect();
        table(&["PROFILE", "FROM", "WHAT IT IS"], &cells)
    })
}

#[derive(Serialize)]
struct Shown {
    name: String,
    description: String,
    extends: Vec<String>,
    settings: Value,
}

fn show(library: &Library, name: &str, output: OutputFormat, ui: &Ui) -> Result<()> {
    let profile = Profile::load(library, name)?;
    let mut settings = Value::Object(serde_json::Map::new());
    for layer in &profile.layers {
        crate::overlay::merge(&mut settings, &layer.document.value);
    }
    let extends = profile.origins.iter().skip(1).map(|(name, _)| name.clone()).collect();
    let shown = Shown { name: name.to_owned(), description: profile.description, extends, settings };
    ui.answer(output, &shown, |shown| {
        let extends =
            if shown.extends.is_empty() { String::new() } else { format!("# extends {}\n", shown.extends.join(", ")) };
        format!("# {}: {}\n{extends}{}", shown.name, shown.description, reference::commented(&shown.settings))
    })
}

fn new(library: &Library, name: &str, extends: &str, ui: &Ui) -> Result<()> {
    require_name("profile", name)?;
    let path = Path::new("profiles").join(format!("{name}.yaml"));
    if fs::exists(&path)? {
        return Err(Error::user(format!("{} is there already", path.display())).hint("choose another name, or edit it"));
    }
    let given = charts::given(library, Some(extends))?;
    fs::create_folder(Path::new("profiles"))?;
    fs::write(&path, reference::new_profile(name, extends, &given).as_bytes(), Access::Shared)?;
    ui.status(&format!("Wrote {}. Fill in what you know; the rest is left to detection.", path.display()));
    ui.hint(&format!("check it with: helm iris profiles check {name}"));
    Ok(())
}
