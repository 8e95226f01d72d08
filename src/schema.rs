//! Checking what people write against the JSON schema of our own types.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use crate::problem::{Problem, did_you_mean};
use crate::yaml::{Document, pointer_join, pointer_to_path};

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
    validator: Option<Validator>,
}

impl Checker {
    /// The checker of one of our own types.
    pub fn of<T: JsonSchema>() -> Self {
        let schema = of::<T>();
        let validator = jsonschema::draft7::new(&schema).ok();
        Self { schema, validator }
    }

    /// All problems of a document, with places and did-you-mean.
    pub fn check(&self, document: &Document) -> Vec<Problem> {
        match &self.validator {
            Some(validator) => {
                check_at(document, &self.schema, validator).into_iter().map(|(_, problem)| problem).collect()
            }
            None => vec![Problem::error(&document.file, None, "its schema cannot be used: a defect of helm iris")],
        }
    }
}

/// All problems of a document, each with its pointer, by a validator that the caller made for `schema`.
pub fn check_at(document: &Document, schema: &Value, validator: &Validator) -> Vec<(String, Problem)> {
    let mut problems: Vec<(String, Problem)> =
        validator.iter_errors(&document.value).flat_map(|error| problems_of(document, schema, &error)).collect();
    problems.sort_by(|(_, one), (_, other)| (one.place, &one.message).cmp(&(other.place, &other.message)));
    problems
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
    let problem = Problem::error(&document.file, document.place(pointer), format!("{path}: {}", describe(error)));
    let problem = match fix(error) {
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

fn fix(error: &ValidationError<'_>) -> Option<String> {
    let value = error.instance();
    if let Some(options) = options(error) {
        let like = did_you_mean(value.as_str()?, options.iter().filter_map(Value::as_str));
        return like.map(|like| format!("did you mean `{like}`?"));
    }
    match error.kind() {
        ValidationErrorKind::Type { .. } if error.to_string().contains("\"string\"") => {
            // 1.10 has become 1.1 by now, so it is not shown.
            let exact = value.is_i64() || value.is_boolean();
            let loose = value.is_number().then(|| "put quotes round it, as you wrote it".to_owned());
            if exact { Some(format!("quote it: \"{value}\"")) } else { loose }
        }
        ValidationErrorKind::Pattern { pattern } => pattern_fix(pattern),
        _ => None,
    }
}

/// What a pattern of our own settings asks for, in words.
fn pattern_fix(pattern: &str) -> Option<String> {
    let words = [
        ("[KMGT]$", "write a number and K, M, G or T, e.g. 512M or 4G"),
        ("(Ki|Mi|Gi|Ti|K|M|G|T)$", "write a number and Mi, Gi or Ti, e.g. 10Gi"),
        ("{64}$", "write the 64 hex digits of a SHA-256"),
        ("alnum", "use hex32, or alnum(n) with n from 12 to 128"),
        ("[a-z_]", "use a-z, 0-9 and _, beginning with a letter"),
        ("[-.a-z0-9]", "use a-z, 0-9, - and ."),
        (".+_-", "write a version, e.g. 4.4.0"),
    ];
    words.iter().find(|(part, _)| pattern.contains(part)).map(|(_, fix)| (*fix).to_owned())
}

fn describe(error: &ValidationError<'_>) -> String {
    if let Some(options) = options(error) {
        let options: Vec<String> = options.iter().map(|option| option.to_string().replace('"', "")).collect();
        return format!("{} is not one of {}", short(error.instance()), options.join(", "));
    }
    match error.kind() {
        ValidationErrorKind::Pattern { pattern } if pattern_fix(pattern).is_some() => {
            format!("{} is not such a value", short(error.instance()))
        }
        ValidationErrorKind::Pattern { pattern } => format!("{} is not of the form {pattern}", short(error.instance())),
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
        _ => shorten(&error.to_string()),
    }
}

fn short(value: &Value) -> String {
    shorten(&value.to_string())
}

fn shorten(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
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
    let path = error.schema_path().as_str();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let properties = schema.pointer(parent).and_then(|part| part.get("properties"));
    properties.and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
}
