//! Which charts an install takes, in the order of their needs.

use serde_json::Value;

use crate::chart::{self, Chart};
use crate::context::DatabaseEndpoint;
use crate::error::{Error, Result};
use crate::layers::{self, Layer};
use crate::library::Library;
use crate::problem::{Place, Problem, did_you_mean};
use crate::settings::{Database, DatabaseTls, Settings};
use crate::yaml::Document;

/// The chart that makes the StorageClass of a cluster that has none.
const STORAGE: &str = "storage";

/// Whether a chart makes volumes, or the class that they are of.
pub fn has_volumes(chart: &Chart) -> bool {
    chart.name == STORAGE || chart.spec.needs.iter().any(|need| need == STORAGE)
}

/// A chart's defaults as the lowest layer.
pub fn defaults(chart: &Chart) -> Layer {
    Layer {
        name: format!("chart {}", chart.name),
        sha256: chart.sha256.clone(),
        document: Document::synthetic(
            format!("charts/{}/release.yaml", chart.name),
            Value::Object(chart.spec.defaults.clone()),
        ),
    }
}

/// The chart that was asked for and all that it needs, what is needed first.
///
/// # Errors
/// A need that no chart meets, an engine that does not provide what is needed, a circle of needs.
pub fn charts(library: &Library, target: Chart, above: &[Layer]) -> Result<Vec<Chart>> {
    if !target.spec.makes_release() {
        let name = &target.name;
        return Err(Error::usage(format!("`{name}` installs nothing by itself")).hint(format!(
            "choose it for a hub: database.engine: {name} in the site file; then e.g. helm iris install daskhub"
        )));
    }
    let own = defaults(&target);
    let settings = layers::settings(std::iter::once(&own).chain(above))?;
    let mut selection = Selection {
        library,
        engine: settings.database.engine,
        engine_given: given(above),
        // A class that is named is there already: no default class is needed, or made.
        skip: settings.storage.class_name.map(|_| STORAGE.to_owned()),
        path: Vec::new(),
        chosen: Vec::new(),
    };
    selection.add(target)?;
    Ok(selection.chosen)
}

/// Where the database of the chosen engine is; of the default, where no chart needs one.
///
/// # Errors
/// An engine that is run by somebody else and no word of where; or such words for one that is not.
pub fn database(charts: &[Chart], settings: &Settings, layers: &[Layer], namespace: &str) -> Result<DatabaseEndpoint> {
    let engine = charts.iter().find_map(|chart| Some((chart, chart.spec.connection.as_ref()?)));
    let Some((chart, connection)) = engine else { return Ok(DatabaseEndpoint::default()) };
    let at = |pointer: &str, message: String| {
        let (file, place) = layers::origin(layers, pointer);
        Problem::error(file, place, message)
    };
    let name = &chart.name;
    let mut problems = Vec::new();
    if connection.is_elsewhere() && settings.database.host.is_none() {
        let message = format!("the database engine `{name}` needs `database.host`: somebody else runs the server");
        problems.push(at("/database/engine", message).fix("set database.host, e.g. db.example.org"));
    }
    if !connection.is_elsewhere() {
        let Database { host, port, tls, admin_user, .. } = &settings.database;
        let given = [
            ("host", host.is_some()),
            ("port", port.is_some()),
            ("tls", *tls != DatabaseTls::default()),
            ("adminUser", admin_user.is_some()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            let message = format!("`database.{key}` is for a server that somebody else runs, and not for `{name}`");
            let problem = at(&format!("/database/{key}"), message);
            problems.push(problem.fix("take it out, or set database.engine: external"));
        }
    }
    if !problems.is_empty() {
        return Err(Error::problems("the database is not right", problems));
    }
    Ok(connection.endpoint(&chart.release_name(namespace), &settings.database))
}

/// The file and place that chose the engine; none where it is the chart's own default.
fn given(above: &[Layer]) -> Option<(String, Option<Place>)> {
    let gave = above.iter().rev().find(|layer| layer.document.value.pointer("/database/engine").is_some())?;
    Some((gave.document.file.clone(), gave.document.place("/database/engine")))
}

struct Selection<'l> {
    library: &'l Library,
    engine: Option<String>,
    /// Where a person chose it.
    engine_given: Option<(String, Option<Place>)>,
    skip: Option<String>,
    path: Vec<String>,
    chosen: Vec<Chart>,
}

impl Selection<'_> {
    fn add(&mut self, chart: Chart) -> Result<()> {
        if self.chosen.iter().any(|chosen| chosen.name == chart.name) {
            return Ok(());
        }
        if self.path.contains(&chart.name) {
            let circle = format!("{} → {}", self.path.join(" → "), chart.name);
            return Err(Error::user("the charts need each other in a circle")
                .because(circle)
                .hint("remove one of the `needs:`"));
        }
        self.path.push(chart.name.clone());
        for (index, need) in chart.spec.needs.iter().enumerate() {
            if self.skip.as_ref() == Some(need) {
                continue;
            }
            if let Some(needed) = self.meet(&chart, index, need)? {
                self.add(needed)?;
            }
        }
        self.path.pop();
        self.chosen.push(chart);
        Ok(())
    }

    /// The chart that meets a need: the one of that name, the only one that provides it, or for
    /// `database` the chosen engine; none where it is chosen already.
    fn meet(&self, chart: &Chart, index: usize, need: &str) -> Result<Option<Chart>> {
        if self.chosen.iter().any(|chosen| chosen.name == need) {
            return Ok(None);
        }
        if need != "database" {
            return self.named_or_provider(chart, index, need).map(Some);
        }
        let place = chart.document.place(&format!("/needs/{index}"));
        let refuse = |message: String, fix: &str| {
            let problem = Problem::error(&chart.document.file, place, message).fix(fix);
            Error::problems(format!("`{}` needs a database", chart.name), vec![problem])
        };
        let Some(engine) = &self.engine else {
            return Err(refuse("no database engine is chosen".to_owned(), "set database.engine, e.g. postgresql"));
        };
        let names = self.library.chart_names()?;
        let is_chart = names.contains(engine);
        if is_chart {
            let found = chart::load(self.library, engine)?;
            if found.spec.provides.as_deref() == Some(need) {
                return Ok(Some(found));
            }
        }
        let provides = |name: &String| {
            chart::load(self.library, name).is_ok_and(|other| other.spec.provides.as_deref() == Some(need))
        };
        let engines: Vec<String> = names.into_iter().filter(provides).collect();
        let message = if is_chart { "does not provide a database" } else { "is no database engine" };
        let fix = did_you_mean_chart(&engine.to_lowercase(), &engines);
        let mut error = refuse(format!("`{engine}` {message}"), &fix);
        if let (Some((file, place)), Some(problem)) = (&self.engine_given, error.problems.first_mut()) {
            (problem.file, problem.place) = (file.clone(), *place);
        }
        Err(error)
    }

    /// The chart of that name, else the only one that provides it.
    fn named_or_provider(&self, chart: &Chart, index: usize, need: &str) -> Result<Chart> {
        let by_name = chart::load(self.library, need);
        let names = self.library.chart_names()?;
        if by_name.is_ok() || names.iter().any(|name| name == need) {
            return by_name;
        }
        let (mut found, mut broken) = (Vec::new(), Vec::new());
        for name in &names {
            match chart::load(self.library, name) {
                Ok(other) if other.spec.provides.as_deref() == Some(need) => found.push(other),
                Ok(_) => {}
                Err(_) => broken.push(name.as_str()),
            }
        }
        let (message, fix) = match (found.pop(), found.is_empty()) {
            (Some(only), true) => return Ok(only),
            (Some(_), false) => ("several charts provide it".to_owned(), "name the one to take in `needs`".to_owned()),
            (None, _) if broken.is_empty() => {
                ("there is no such chart, and none provides it".to_owned(), did_you_mean_chart(need, &names))
            }
            (None, _) => (
                format!(
                    "there is no such chart, and none that can be read provides it; not right: {}",
                    broken.join(", ")
                ),
                format!("look at helm iris charts check {}", broken.join(", ")),
            ),
        };
        let place = chart.document.place(&format!("/needs/{index}"));
        let problem = Problem::error(&chart.document.file, place, format!("`needs: {need}`: {message}")).fix(fix);
        Err(Error::problems(format!("`{}` needs `{need}`", chart.name), vec![problem]))
    }
}

fn did_you_mean_chart(need: &str, names: &[String]) -> String {
    match did_you_mean(need, names.iter().map(String::as_str)) {
        Some(like) => format!("did you mean `{like}`?"),
        None => format!("there are: {}", names.join(", ")),
    }
}
