//! `helm iris charts`: what can be installed.

use std::path::Path;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Outcome, profiles, pull};
use crate::archive::ChartContent;
use crate::chart::{self, Chart, release::Scope};
use crate::cli::{Environment, GlobalArgs, TargetArgs, candidates};
use crate::compose;
use crate::context::{Context, DatabaseEndpoint, GatewayContext, ReleaseContext};
use crate::error::{Error, Result};
use crate::fs::{self, Access};
use crate::interrupt::Interrupt;
use crate::layers;
use crate::library::Library;
use crate::load;
use crate::overlay;
use crate::problem::Problem;
use crate::profile::Profile;
use crate::reference;
use crate::render;
use crate::select;
use crate::settings::{SecretMode, Settings};
use crate::site;
use crate::ui::{OutputFormat, Ui, table};

/// Arguments of `charts`.
#[derive(Debug, Args)]
pub struct ChartsArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with charts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The charts there are
    List {
        /// Print as
        #[arg(long, short, value_enum, default_value_t)]
        output: OutputFormat,
    },
    /// A chart's release.yaml
    Show {
        /// The chart
        #[arg(add = ArgValueCompleter::new(candidates::charts))]
        name: String,
    },
    /// Tell everything that is wrong with a chart
    Check {
        /// The chart
        #[arg(add = ArgValueCompleter::new(candidates::charts))]
        name: String,
    },
    /// Fetch the upstream archives that a chart needs, and check them
    Pull(TargetArgs),
    /// Begin a commented site file, iris.yaml, in this folder
    NewSite {
        /// The profile of the cloud
        #[arg(long, add = ArgValueCompleter::new(candidates::profiles))]
        profile: String,
    },
}

#[derive(Serialize)]
struct Row {
    name: String,
    source: String,
    scope: Scope,
    needs: Vec<String>,
    description: String,
    from: String,
}

/// Runs `charts`.
pub(super) fn run(args: &ChartsArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<Outcome> {
    let library = profiles::library(environment);
    match &args.verb {
        Verb::List { output } => list(&library, *output, ui)?,
        Verb::Show { name } => {
            let text = library.chart(name)?.files.remove("release.yaml").unwrap_or_default();
            ui.data(&String::from_utf8_lossy(&text))?;
        }
        Verb::Check { name } => {
            let what = match check(&library, name)? {
                Some(profiles) => format!("its values were rendered for {profiles} profiles"),
                None => "it installs nothing, and has no values".to_owned(),
            };
            ui.status(&format!("The chart {name} is right; {what}."));
        }
        Verb::Pull(target) => pull_archives(target, global, environment, ui)?,
        Verb::NewSite { profile } => new_site(&library, profile, ui)?,
    }
    Ok(Outcome::Done)
}

fn list(library: &Library, output: OutputFormat, ui: &Ui) -> Result<()> {
    let mut rows = Vec::new();
    for name in library.chart_names()? {
        let Ok(chart) = chart::load(library, &name) else {
            rows.push(Row {
                description: format!("(not right: see helm iris charts check {name})"),
                from: library.chart(&name)?.origin.describe(),
                source: String::new(),
                scope: Scope::Hub,
                needs: Vec::new(),
                name,
            });
            continue;
        };
        let source = &chart.spec.source;
        let source = match (&source.chart, &source.version) {
            (Some(chart), Some(version)) => format!("{chart} {version}"),
            _ if chart.spec.makes_release() => "own".to_owned(),
            _ => "none".to_owned(),
        };
        rows.push(Row {
            source,
            scope: chart.spec.scope,
            needs: chart.spec.needs,
            description: chart.spec.description,
            from: chart.origin.describe(),
            name,
        });
    }
    ui.answer(output, &rows, |rows| {
        let cells: Vec<_> = rows
            .iter()
            .map(|row| vec![row.name.clone(), row.source.clone(), row.needs.join(","), row.description.clone()])
            .collect();
        table(&["CHART", "HELM CHART", "NEEDS", "WHAT IT IS"], &cells)
    })
}

/// Everything that is wrong with a chart: its files, and what it renders for each profile; none where it renders
/// nothing.
fn check(library: &Library, name: &str) -> Result<Option<usize>> {
    let chart = chart::load(library, name)?;
    if !chart.spec.makes_release() {
        return Ok(None);
    }
    let mut problems = Vec::new();
    if !chart.helm.is_empty() {
        let content = ChartContent::of_folder(&chart.name, &chart.helm)?;
        if let Some(Err(why)) = content.schema {
            let file = format!("charts/{name}/helm/values.schema.json");
            problems.push(Problem::error(file, None, format!("the schema cannot be used: {why}")));
        }
    }
    problems.extend(unmet_needs(library, &chart)?);
    // A profile that is not right is no fault of this chart.
    let names = library.profile_names()?;
    let profiles: Vec<Profile> = names.iter().filter_map(|name| Profile::load(library, name).ok()).collect();
    let mut found: Vec<(Problem, Vec<&str>)> = Vec::new();
    for Profile { layers, name: profile, .. } in &profiles {
        let own = select::defaults(&chart);
        let settings = layers::settings(std::iter::once(&own).chain(layers))?;
        for problem in render_problems(&chart, &settings) {
            match found.iter_mut().find(|(known, _)| *known == problem) {
                Some((_, profiles)) if profiles.last() == Some(&profile.as_str()) => {}
                Some((_, profiles)) => profiles.push(profile),
                None => found.push((problem, vec![profile])),
            }
        }
    }
    problems.extend(found.into_iter().map(|(problem, with)| {
        let with = if with.len() == profiles.len() { "every profile".to_owned() } else { with.join(", ") };
        Problem { message: format!("{} (with {with})", problem.message), ..problem }
    }));
    if problems.is_empty() {
        return Ok(Some(profiles.len()));
    }
    Err(Error::problems(format!("the chart `{name}` is not right"), problems))
}

/// What is wrong with the values that a chart renders, wherever its secrets go and the hub's database is.
fn render_problems(chart: &Chart, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let server = |host: &str, labels: &[(&str, &str)]| DatabaseEndpoint {
        host: Some(host.to_owned()),
        port: Some(5432),
        pod_labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..DatabaseEndpoint::default()
    };
    let ours = server("postgresql", &[("app.kubernetes.io/name", "postgresql")]);
    let databases = [ours, server("192.0.2.7", &[]), server("db.example.org", &[]), DatabaseEndpoint::file()];
    // An older gateway does not come with a database of its own kind.
    let modes = [(SecretMode::Inline, true), (SecretMode::Existing, true), (SecretMode::Inline, false)];
    for ((secret_mode, tells_tokens), database) in
        modes.into_iter().flat_map(|mode| databases.clone().map(|one| (mode, one)))
    {
        let (name, chart_name) = (chart.release_name(&chart.name), chart.name.clone());
        let release = ReleaseContext { name, namespace: chart_name.clone(), chart: chart_name };
        let settings = Settings { secret_mode, ..settings.clone() };
        let secret = compose::secret_of(chart, secret_mode);
        let context = Context::build(&settings, release, database, GatewayContext { tells_tokens }, secret);
        let found = render::values(chart, &context, "values.yaml").err().unwrap_or_default();
        problems.extend(found.into_iter().filter(|problem| !problems.contains(problem)).collect::<Vec<_>>());
    }
    problems
}

/// What the chart needs and nobody provides. The engine stands for any: it is the site file's choice.
fn unmet_needs(library: &Library, chart: &Chart) -> Result<Vec<Problem>> {
    let engine = layers::from_set_options(&["database.engine=postgresql".to_owned()])?;
    Ok(match select::charts(library, chart.clone(), engine.as_slice()) {
        Ok(_) => Vec::new(),
        Err(error) if error.problems.is_empty() => {
            vec![Problem::error(&chart.document.file, chart.document.place("/needs"), error.to_string())]
        }
        Err(error) => error.problems,
    })
}

fn pull_archives(target: &TargetArgs, global: &GlobalArgs, environment: &Environment, ui: &Ui) -> Result<()> {
    let mut loaded = load::load(&target.request(global, environment, None))?;
    let fetched = super::wait_for(async {
        let mut interrupt = Interrupt::on_signals()?;
        pull::missing(&mut loaded, environment, ui, &mut interrupt).await
    })?;
    loaded.lock.save()?;
    let all = loaded.wanted().len();
    ui.status(&format!("{fetched} fetched, {} at hand already, in {}", all - fetched, loaded.cache.folder().display()));
    Ok(())
}

/// The settings of a daskhub before a site file: what its charts and the profile say.
pub(super) fn given(library: &Library, profile: Option<&str>) -> Result<Value> {
    let mut given = Value::Object(Map::new());
    for chart in ["postgresql", "daskhub"] {
        overlay::merge(&mut given, &select::defaults(&chart::load(library, chart)?).document.value);
    }
    if let Some(profile) = profile {
        for layer in Profile::load(library, profile)?.layers {
            overlay::merge(&mut given, &layer.document.value);
        }
    }
    Ok(given)
}

fn new_site(library: &Library, profile: &str, ui: &Ui) -> Result<()> {
    let given = given(library, Some(profile))?;
    let path = Path::new(site::DEFAULT_FILE);
    if fs::exists(path)? {
        return Err(Error::user(format!("{} is there already", path.display())).hint("edit it, or move it away"));
    }
    fs::write(path, reference::new_site(profile, &given).as_bytes(), Access::Shared)?;
    ui.status(&format!(
        "Wrote {}. All but the profile is commented out: the defaults hold until you change one.",
        path.display()
    ));
    ui.hint("look at what it makes with: helm iris render daskhub");
    Ok(())
}
