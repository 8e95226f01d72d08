//! The charts' own schemas, applied as Helm applies them: to our values laid over the chart's
//! defaults, and for each subchart to what stands under its name.

use serde_json::{Map, Value};

use super::Merged;
use crate::archive::ChartContent;
use crate::overlay;
use crate::problem::{Problem, did_you_mean};
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
    problems.extend(one(chart, overlay::coalesce(defaults, &merged.value), "", merged));
    problems
}

fn one(chart: &ChartContent, values: Value, pointer: &str, merged: &Merged<'_>) -> Vec<Problem> {
    let values = Document::synthetic(String::new(), values);
    let mut problems = match &chart.schema {
        Some(Ok(checker)) => {
            let found = checker.check(&values).into_iter();
            found.map(|(at, problem)| placed(problem, &format!("{pointer}{at}"), &chart.name, merged)).collect()
        }
        Some(Err(why)) => {
            let message = format!("the schema of the chart {} cannot be used: {why}", chart.name);
            vec![Problem::warning(&merged.rendered.file, None, message)]
        }
        None => unknown_top_keys(chart, pointer, merged),
    };
    for subchart in &chart.subcharts {
        // Copied, since two subcharts may stand under one name.
        let Some(mut part) = values.value.get(&subchart.name).cloned() else { continue };
        if part.get("enabled") == Some(&Value::Bool(false)) {
            continue;
        }
        if let Some(map) = part.as_object_mut() {
            // Helm gives every subchart the parent's `global`, if only an empty one.
            map.entry("global").or_insert_with(|| Value::Object(Map::new()));
        }
        problems.extend(one(subchart, part, &pointer_join(pointer, &subchart.name), merged));
    }
    problems
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
