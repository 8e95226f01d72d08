//! Checking what people write against JSON schemas: of our own types, and of charts.

mod form;

use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Registry, RegistryBuilder, ValidationError, Validator};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::problem::{Problem, did_you_mean};
use crate::text::shortened;
use crate::yaml::{Document, pointer_join, pointer_to_path};

pub use form::Form;

/// The JSON schema of a type, as draft-07, which editors understand best.
pub fn of<T: JsonSchema>() -> Value {
    let mut schema = SchemaGenerator::new(SchemaSettings::draft07()).into_root_schema_for::<T>().to_value();
    bound_integers(&mut schema);
    schema
}

/// Formats are not checked by validators; the largest number of 32 bits must be said in full.
fn bound_integers(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("format").and_then(Value::as_str) == Some("uint32") {
                map.insert("maximum".to_owned(), Value::from(u32::MAX));
            }
            map.values_mut().for_each(bound_integers);
        }
        Value::Array(items) => items.iter_mut().for_each(bound_integers),
        _ => {}
    }
}

/// A schema that is made ready once and used for many documents.
#[derive(Debug)]
pub struct Checker {
    schema: Value,
    validator: Validator,
}

impl Checker {
    /// The checker of a chart's `values.schema.json`.
    ///
    /// Whether the schema itself follows its dialect is for the chart's author and Helm to see:
    /// making that check ready costs more than making the schema ready.
    ///
    /// # Errors
    /// Why the schema cannot be used.
    pub fn of_chart(mut schema: Value) -> Result<Self, String> {
        const CHART: &str = "json-schema:///chart";
        let dialect = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let draft = draft_of(dialect);
        if let Some(map) = schema.as_object_mut() {
            // Some charts name a dialect that does not exist; Helm's validator takes its newest then.
            map.remove("$schema");
        }
        if !refers_to_patterns(&schema) {
            with_few_patterns(&mut schema);
        }
        let registry = Registry::new()
            .draft(draft)
            .add(CHART, draft.create_resource_ref(&schema))
            .and_then(RegistryBuilder::prepare)
            .map_err(|error| error.to_string())?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft4)
            .with_registry(&registry)
            .build(&json!({"$ref": CHART}))
            .map_err(|error| error.to_string())?;
        drop(registry);
        Ok(Self { schema, validator })
    }

    fn new(schema: Value, draft: Draft) -> Result<Self, String> {
        let validator = jsonschema::options().with_draft(draft).build(&schema).map_err(|error| error.to_string())?;
        Ok(Self { schema, validator })
    }

    /// All problems of a document, each with its pointer, with places and did-you-mean.
    pub fn check(&self, document: &Document) -> Vec<(String, Problem)> {
        let errors = self.validator.iter_errors(&document.value);
        let mut problems: Vec<_> = errors.flat_map(|error| problems_of(document, &self.schema, &error)).collect();
        problems.sort_by(|(_, one), (_, other)| (one.place, &one.message).cmp(&(other.place, &other.message)));
        problems
    }
}

/// Says the same with fewer regular expressions, which take longer to compile than all the rest of
/// upstream's schemas: `patternProperties: {".*": X}` is `additionalProperties: X`.
fn with_few_patterns(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let only_any =
                |patterns: &Value| patterns.as_object().is_some_and(|map| map.len() == 1 && map.contains_key(".*"));
            if !map.contains_key("properties")
                && map.get("patternProperties").is_some_and(only_any)
                && let Some(any) = map["patternProperties"].get_mut(".*").map(Value::take)
            {
                map.shift_remove("patternProperties");
                map.insert("additionalProperties".to_owned(), any);
            }
            // What stands there are values, not schemas.
            let schemas = map.iter_mut().filter(|(key, _)| !VALUES.contains(&key.as_str()));
            schemas.for_each(|(_, part)| with_few_patterns(part));
        }
        Value::Array(items) => items.iter_mut().for_each(with_few_patterns),
        _ => {}
    }
}

/// Keywords whose parts are values.
const VALUES: [&str; 4] = ["enum", "const", "default", "examples"];

/// Keywords that lead elsewhere, of all dialects.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Whether a reference leads into a pattern's part, which must then stay where it is.
fn refers_to_patterns(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().any(|(key, part)| match part.as_str() {
            Some(target) => REFERENCES.contains(&key.as_str()) && target.contains("patternProperties"),
            None => refers_to_patterns(part),
        }),
        Value::Array(items) => items.iter().any(refers_to_patterns),
        _ => false,
    }
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

/// The checker of one of our own types, made when it is first asked.
pub struct OwnChecker(LazyLock<Result<Checker, String>>);

impl OwnChecker {
    /// The checker of a type.
    pub const fn of<T: JsonSchema>() -> Self {
        Self(LazyLock::new(|| Checker::new(of::<T>(), Draft::Draft7)))
    }

    /// All problems of a document, with places and did-you-mean.
    pub fn check(&self, document: &Document) -> Vec<Problem> {
        self.check_at(document).into_iter().map(|(_, problem)| problem).collect()
    }

    /// All problems of a document, each with its pointer.
    pub fn check_at(&self, document: &Document) -> Vec<(String, Problem)> {
        match &*self.0 {
            Ok(checker) => checker.check(document),
            Err(why) => {
                let problem = Problem::error(&document.file, None, format!("a defect of helm iris: {why}"));
                vec![(String::new(), problem)]
            }
        }
    }
}

fn problems_of(document: &Document, schema: &Value, error: &ValidationError<'_>) -> Vec<(String, Problem)> {
    let pointer = error.instance_path().as_str();
    if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        let known = known_keys(schema, error);
        return unexpected.iter().map(|key| unknown_key(document, pointer, key, &known)).collect();
    }
    if let Some(meant) = meant(error) {
        return meant.iter().flat_map(|inner| problems_of(document, schema, inner)).collect();
    }
    let path = if pointer.is_empty() { "it".to_owned() } else { format!("`{}`", pointer_to_path(pointer)) };
    let problem =
        Problem::error(&document.file, document.place(pointer), format!("{path}: {}", describe(schema, error)));
    let problem = match fix(schema, error) {
        Some(fix) => problem.fix(fix),
        None => problem,
    };
    vec![(pointer.to_owned(), problem)]
}

/// Of several alternatives, what is wrong with the one that was meant: whose type fits.
fn meant<'e>(error: &'e ValidationError<'_>) -> Option<&'e [ValidationError<'static>]> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind() else {
        return None;
    };
    let other_type = |inner: &ValidationError<'_>| {
        let whole = inner.instance_path() == error.instance_path();
        whole && matches!(inner.kind(), ValidationErrorKind::Type { .. } | ValidationErrorKind::Constant { .. })
    };
    context.iter().find(|alternative| !alternative.iter().any(other_type)).map(Vec::as_slice)
}

/// The values that are allowed, where they can be counted.
fn options(error: &ValidationError<'_>) -> Option<Vec<Value>> {
    match error.kind() {
        ValidationErrorKind::Enum { options } => options.as_array().cloned(),
        ValidationErrorKind::OneOfNotValid { context } => {
            let constant = |inner: &ValidationError<'_>| match inner.kind() {
                ValidationErrorKind::Constant { expected_value } => Some(Value::clone(expected_value)),
                _ => None,
            };
            context.iter().map(|alternative| alternative.iter().find_map(constant)).collect()
        }
        _ => None,
    }
}

fn fix(schema: &Value, error: &ValidationError<'_>) -> Option<String> {
    let value = error.instance();
    if let Some(options) = options(error) {
        let like = did_you_mean(value.as_str()?, options.iter().filter_map(Value::as_str));
        return like.map(|like| format!("did you mean `{like}`?"));
    }
    match error.kind() {
        ValidationErrorKind::Type { .. } if error.to_string().contains("\"string\"") => {
            if let Some((part, (_, fix))) = form_of(schema, error)
                && !jsonschema::validator_for(part).is_ok_and(|form| form.is_valid(&Value::from(value.to_string())))
            {
                return Some(fix.to_owned());
            }
            // 1.10 has become 1.1 by now, so it is not shown.
            let exact = value.is_i64() || value.is_boolean();
            let loose = value.is_number().then(|| "put quotes round it, as you wrote it".to_owned());
            if exact { Some(format!("quote it: \"{value}\"")) } else { loose }
        }
        ValidationErrorKind::Pattern { .. } => form_of(schema, error).map(|(_, (_, fix))| fix.to_owned()),
        _ => None,
    }
}

/// The part of the schema that refused, if it says in words which form it wants.
fn form_of<'s>(schema: &'s Value, error: &ValidationError<'_>) -> Option<(&'s Value, (&'s str, &'s str))> {
    let part = beside(schema, error)?;
    Some((part, form::words(part)?))
}

/// What stands around the keyword that refused.
fn beside<'s>(schema: &'s Value, error: &ValidationError<'_>) -> Option<&'s Value> {
    let path = error.schema_path().as_str();
    schema.pointer(path.rsplit_once('/').map_or("", |(parent, _)| parent))
}

fn describe(schema: &Value, error: &ValidationError<'_>) -> String {
    if let Some(options) = options(error) {
        let options: Vec<String> = options.iter().map(|option| option.to_string().replace('"', "")).collect();
        return format!("{} is not one of {}", short(error.instance()), options.join(", "));
    }
    match error.kind() {
        ValidationErrorKind::Pattern { pattern } => match form_of(schema, error) {
            Some((_, (wrong, _))) => format!("{} is {wrong}", short(error.instance())),
            None => format!("{} is not of the form {pattern}", short(error.instance())),
        },
        ValidationErrorKind::Type { .. } => {
            let text = error.to_string();
            let wanted = text.rsplit(" is not of type").next().unwrap_or_default();
            let wanted = wanted.trim_start_matches('s').trim().replace('"', "");
            // That a key may be left empty goes without saying; and 2026.10 has become 2026.1 by now.
            let wanted: Vec<&str> = wanted.split(", ").filter(|one| *one != "null").collect();
            let text = wanted.contains(&"string") && error.instance().is_f64();
            let shown = if text { "a number".to_owned() } else { short(error.instance()) };
            format!("{shown} is not of type {}", wanted.join(" or "))
        }
        _ => shortened(&error.to_string(), LONGEST),
    }
}

/// Longer values say too little for their length.
const LONGEST: usize = 120;

fn short(value: &Value) -> String {
    shortened(&value.to_string(), LONGEST)
}

/// So many known keys are worth listing.
const MOST_KNOWN: usize = 15;

fn unknown_key(document: &Document, pointer: &str, key: &str, known: &[String]) -> (String, Problem) {
    let at = pointer_join(pointer, key);
    let message = format!("`{}` is not a known key", pointer_to_path(&at));
    let problem = Problem::error(&document.file, document.place(&at), message);
    let problem = match did_you_mean(key, known.iter().map(String::as_str)) {
        Some(like) => problem.fix(format!("did you mean `{like}`?")),
        // The charts have sections of fifty keys, which nobody reads in an error.
        None if known.is_empty() || known.len() > MOST_KNOWN => problem.fix("remove it"),
        None => problem.fix(format!("known here: {}", known.join(", "))),
    };
    (at, problem)
}

/// The keys that stand beside the `additionalProperties` that failed.
fn known_keys(schema: &Value, error: &ValidationError<'_>) -> Vec<String> {
    let properties = beside(schema, error).and_then(|part| part.get("properties"));
    properties.and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fewer_patterns_say_the_same() {
        let labels =
            json!({"type": "object", "additionalProperties": false, "patternProperties": {".*": {"type": "string"}}});
        let config = json!({"additionalProperties": false, "patternProperties": {"^[A-Z].*$": {"type": "object"}}});
        let schema = json!({"properties": {"labels": labels, "config": config, "patternProperties": {"type": "string"},
            "one": {"enum": [{"patternProperties": {".*": 1}}]}}});
        let checker = Checker::of_chart(schema.clone()).unwrap();
        let plain = jsonschema::draft202012::new(&schema).unwrap();
        for (values, right) in [
            (json!({"labels": {"a": "b", "line\nbreak": "c"}}), true),
            (json!({"labels": {"a": 1}}), false),
            (json!({"labels": []}), false),
            (json!({"patternProperties": 1}), false),
            (json!({"one": {"patternProperties": {".*": 1}}}), true),
            (json!({"one": 1}), false),
            (json!({"config": {"A": {}, "Bc d": {}}}), true),
            (json!({"config": {"A": 1}}), false),
            (json!({"config": {"a": {}}}), false),
        ] {
            assert_eq!(plain.is_valid(&values), right, "{values}");
            let found = checker.check(&Document::synthetic("", values));
            assert_eq!(found.is_empty(), right, "{found:?}");
        }
    }

    #[test]
    fn what_a_reference_leads_to_stays() {
        let schema = json!({"properties": {
            "labels": {"patternProperties": {".*": {"type": "string"}}},
            "name": {"$ref": "#/properties/labels/patternProperties/.*"},
        }});
        let checker = Checker::of_chart(schema).unwrap();
        assert_eq!(checker.check(&Document::synthetic("", json!({"name": 1}))).len(), 1);
    }

    #[test]
    fn unknown_keys_of_a_charts_section_are_told_with_the_fix() {
        let section = json!({"type": "object", "additionalProperties": false, "properties": {"image": {}}});
        let checker = Checker::of_chart(json!({"$ref": "#/definitions/all", "definitions": {
            "all": {"properties": {"hub": {"$ref": "#/definitions/hub"}}},
            "hub": section,
        }}));
        let found = checker.unwrap().check(&Document::synthetic("", json!({"hub": {"imgae": 1}})));
        let told: Vec<_> = found.iter().map(|(at, problem)| (at.as_str(), problem.fix.as_deref())).collect();
        assert_eq!(told, [("/hub/imgae", Some("did you mean `image`?"))]);
    }
}
