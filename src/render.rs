//! RENDER: templates to text. Pure: no clock, chance, network, environment or map order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tera::{Kwargs, State, Tera, TeraResult};

use crate::chart::Chart;
use crate::context::Context;
use crate::problem::{Place, Problem};
use crate::yaml::{self, Document};

/// The rendered values of one chart: text with comments, and what it says.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// `values.yaml` as people read it.
    pub text: String,
    /// What it says, with places in the text.
    pub document: Document,
}

/// Renders a chart's values; `file` is where they will be written, for problems.
///
/// # Errors
/// An undefined variable (file, line, column of the template); text that is not YAML, or that
/// YAML 1.1 and 1.2 read differently (file, line, column of the values).
pub fn values(chart: &Chart, context: &Context, file: &str) -> Result<Rendered, Vec<Problem>> {
    let name = chart.template_file.as_str();
    let template = Template::new(chart, context).map_err(|error| vec![template_problem(name, &error)])?;
    let mut text = template.text(Filter::Yaml).map_err(|error| vec![template_problem(name, &error)])?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let document = yaml::parse(file, &text)?;
    if !document.value.is_object() {
        return Err(vec![
            Problem::error(name, None, "the template makes no map of values").fix("write `key: value` lines"),
        ]);
    }
    let marked = template.text(Filter::Mark).map_err(|error| vec![template_problem(name, &error)])?;
    let split: Vec<Problem> = yaml::split_marks(&marked)
        .into_iter()
        .map(|place| {
            Problem::error(file, Some(place), "here a value stands inside other text, where it could change the document")
                .fix(format!("let it be the whole value in {name}, and join text inside it: {{{{ (\"http://\" ~ database.host) | yaml }}}}"))
        })
        .collect();
    if !split.is_empty() {
        return Err(split);
    }
    // A second parser, of the same lineage as Helm's, must read the same.
    match serde_yaml::from_str::<serde_json::Value>(&text) {
        Ok(theirs) if theirs == document.value => Ok(Rendered { text, document }),
        Ok(_) => {
            Err(vec![Problem::error(file, None, "two YAML parsers read it differently").fix("quote the strings in it")])
        }
        Err(error) => {
            Err(vec![Problem::error(file, None, format!("not YAML for Helm: {error}")).fix("quote the strings in it")])
        }
    }
}

/// What the filter `yaml` makes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    /// One line of YAML.
    Yaml,
    /// A mark in its place, to see where values stand.
    Mark,
}

/// A template that was read once, with what it is rendered from.
struct Template<'c> {
    name: &'c str,
    engine: Tera,
    context: tera::Context,
    marking: Arc<AtomicBool>,
}

impl<'c> Template<'c> {
    fn new(chart: &'c Chart, context: &Context) -> TeraResult<Self> {
        let name = chart.template_file.as_str();
        let marking = Arc::new(AtomicBool::new(false));
        let mut engine = Tera::new();
        engine.autoescape_on(Vec::<&str>::new());
        let mark = Arc::clone(&marking);
        engine.register_filter("yaml", move |value: &tera::Value, _: Kwargs, _: &State| {
            if mark.load(Ordering::Relaxed) { Ok(format!("\"{}\"", yaml::MARK)) } else { to_yaml(value) }
        });
        engine.add_raw_template(name, &chart.template)?;
        Ok(Self { name, engine, context: tera::Context::from_serialize(context)?, marking })
    }

    fn text(&self, filter: Filter) -> TeraResult<String> {
        self.marking.store(filter == Filter::Mark, Ordering::Relaxed);
        self.engine.render(self.name, &self.context)
    }
}

/// Quotes strings and keys, emits lists and maps: any value as one line of YAML.
fn to_yaml(value: &tera::Value) -> TeraResult<String> {
    if value.is_undefined() {
        return Err(tera::Error::message("the value is undefined"));
    }
    let value = serde_json::to_value(value).map_err(|error| tera::Error::message(error.to_string()))?;
    Ok(yaml::inline(&value))
}

fn template_problem(name: &str, error: &tera::Error) -> Problem {
    match error.kind() {
        tera::ErrorKind::SyntaxError(report) | tera::ErrorKind::RenderingError(report) => {
            let span = report.span();
            let place = Place { line: span.start_line, column: span.start_col + 1 };
            Problem::error(name, Some(place), report.message())
        }
        _ => Problem::error(name, None, error.to_string()),
    }
}
