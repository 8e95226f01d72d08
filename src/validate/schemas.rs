//! The charts' own schemas, applied as Helm applies them: to our values laid over the chart's
//! defaults, and for each subchart to what stands under its name.

use jsonschema::Draft;
use serde_json::{Map, Value};

use super::Merged;
use crate::archive::ChartContent;
use crate::overlay;
use crate::problem::{Problem, did_you_mean};
use crate::schema;
use crate::yaml::{Document, pointer_join, pointer_to_path};

pub(super) fn check(chart: &ChartContent, merged: &Merged<'_>, overrides: &Document) -> Vec<Problem> {
    let defaults = chart.merged_defaults();
    let mut problems: Vec<Problem> = overlay::useless_nulls(&overrides.value, &defaults, "")
        .into_iter()
        .map(|path| {
            let message = format!("`{path}` is set to null, and the chart has no default there to delete");
            let pointer: String = path.split('.').map(|step| format!("/{step}")).collect();
            merged.error(&pointer, message).fix("remove it")
        })
        .collect();
    problems.extend(one(chart, &overlay::coalesce(&defaults, &merged.value), "", merged));
    problems
}

fn one(chart: &ChartContent, values: &Value, pointer: &str, merged: &Merged<'_>) -> Vec<Problem> {
    let mut problems = match &chart.schema {
        Some(schema) => against(schema, chart, values, pointer, merged),
        None => unknown_top_keys(chart, pointer, merged),
    };
    for subchart in &chart.subcharts {
        let at = pointer_join(pointer, &subchart.name);
        if let Some(part) = values.get(&subchart.name)
            && part.get("enabled") != Some(&Value::Bool(false))
        {
            problems.extend(one(subchart, part, &at, merged));
        }
    }
    problems
}

fn against(schema: &Value, chart: &ChartContent, values: &Value, pointer: &str, merged: &Merged<'_>) -> Vec<Problem> {
    let mut schema = schema.clone();
    let dialect = schema.get("$schema").and_then(Value::as_str).unwrap_or_default().to_owned();
    let draft = draft_of(&dialect);
    if let Some(map) = schema.as_object_mut() {
        // Some charts name a dialect that does not exist; Helm's validator takes its newest then.
        map.remove("$schema");
    }
    let validator = match jsonschema::options().with_draft(draft).build(&schema) {
        Ok(validator) => validator,
        Err(error) => {
            let message = format!("the schema of the chart {} cannot be used: {error}", chart.name);
            return vec![Problem::warning(&merged.rendered.file, None, message)];
        }
    };
    let mut values = values.clone();
    if let Some(map) = values.as_object_mut().filter(|_| !pointer.is_empty()) {
        // Helm gives every subchart the parent's `global`, if only an empty one.
        map.entry("global").or_insert_with(|| Value::Object(Map::new()));
    }
    let document = Document::synthetic(String::new(), values);
    let found = schema::check_at(&document, &schema, &validator);
    found.into_iter().map(|(at, problem)| placed(problem, &format!("{pointer}{at}"), &chart.name, merged)).collect()
}

/// The dialect that a schema names; for none, or one that does not exist, the newest, as Helm has it.
fn draft_of(dialect: &str) -> Draft {
    [
        ("draft-04", Draft::Draft4),
        ("draft-06", Draft::Draft6),
        ("draft-07", Draft::Draft7),
        ("2019-09", Draft::Draft201909),
    ]
    .into_iter()
    .find(|(name, _)| dialect.contains(name))
    .map_or(Draft::Draft202012, |(_, draft)| draft)
}

fn placed(problem: Problem, pointer: &str, chart: &str, merged: &Merged<'_>) -> Problem {
    let (file, place) = merged.origin(pointer);
    Problem { file: file.to_owned(), place, message: format!("{} (schema of {chart})", problem.message), ..problem }
}

/// A chart without a schema takes a misspelt section in silence: `juptyerhub:`.
fn unknown_top_keys(chart: &ChartContent, pointer: &str, merged: &Merged<'_>) -> Vec<Problem> {
    let known: Vec<&str> = chart
        .defaults
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().map(String::as_str))
        .chain(chart.subcharts.iter().map(|subchart| subchart.name.as_str()))
        .chain(["global"])
        .collect();
    let ours = if pointer.is_empty() { Some(&merged.value) } else { merged.value.pointer(pointer) };
    let keys = ours.and_then(Value::as_object).into_iter().flat_map(Map::keys);
    keys.filter(|key| !known.contains(&key.as_str()))
        .map(|key| {
            let at = pointer_join(pointer, key);
            let message = format!("`{}` is no key of the chart {}", pointer_to_path(&at), chart.name);
            let problem = merged.error(&at, message);
            match did_you_mean(key, known.iter().copied()) {
                Some(like) => problem.fix(format!("did you mean `{like}`?")),
                None => problem.fix(format!("known here: {}", known.join(", "))),
            }
        })
        .collect()
}
