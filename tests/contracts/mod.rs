//! Rung 3: what we render, merged over the upstream charts' own values, validates against their
//! real schemas. The merging and the validating are the test's own, not the program's.

mod guide;
mod secrets;
mod values;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::Value;

use crate::common::{TestEnv, Upstream};

/// The upstream charts in a release of ours, each with the key under which its values stand.
const PARTS: [(&str, &[(&str, &str)]); 3] = [
    ("jupyterhub", &[("", "jupyterhub-4.4.0")]),
    ("dask-gateway", &[("", "dask-gateway-2026.3.0")]),
    ("daskhub", &[("jupyterhub", "jupyterhub-4.4.0"), ("dask-gateway", "dask-gateway-2026.3.0")]),
];

/// What a schema says against values laid over its chart's defaults: `path: message`.
fn refusals(upstream: &Upstream, chart: &str, values: &Value) -> Vec<String> {
    let known = known(upstream, chart);
    let (defaults, validator) = &*known;
    let mut merged = defaults.clone();
    lay_over(&mut merged, values);
    let mut found: Vec<String> =
        validator.iter_errors(&merged).map(|error| format!("{}: {error}", error.instance_path())).collect();
    found.sort();
    found
}

/// A chart's defaults and schema, made ready once: that takes longer than to use them.
fn known(upstream: &Upstream, chart: &str) -> Arc<(Value, Validator)> {
    static KNOWN: Mutex<BTreeMap<String, Arc<(Value, Validator)>>> = Mutex::new(BTreeMap::new());
    let ready = || Arc::new((upstream.values(chart), jsonschema::draft7::new(&upstream.schema(chart)).unwrap()));
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(known.entry(chart.to_owned()).or_insert_with(ready))
}

/// Helm's merge of values over defaults, as its documentation has it: maps by key, null removes,
/// everything else replaces.
fn lay_over(base: &mut Value, over: &Value) {
    let (Value::Object(base), Value::Object(over)) = (base, over) else { panic!("values are maps") };
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(_), Value::Null) => drop(base.remove(key)),
            (Some(old @ Value::Object(_)), Value::Object(_)) => lay_over(old, value),
            _ => drop(base.insert(key.clone(), value.clone())),
        }
    }
}

/// The values of a release as Helm reads them from the bundle's files: by another YAML parser
/// than ours, and merged by the test.
fn rendered(chart: &str, args: &[&str]) -> Value {
    let env = TestEnv::new();
    let all: Vec<&str> = ["render", chart, "--output-dir", "out"].iter().chain(args).copied().collect();
    env.ok(&all);
    let mut values = Value::Object(serde_json::Map::new());
    for file in ["values", "overrides", "secrets"] {
        let text = env.read(&format!("out/{chart}/{file}.yaml"));
        lay_over(&mut values, &serde_yaml::from_str(&text).unwrap());
    }
    values
}

/// The part of a release's values that a chart gets.
fn part<'v>(values: &'v Value, key: &str) -> &'v Value {
    if key.is_empty() { values } else { &values[key] }
}
