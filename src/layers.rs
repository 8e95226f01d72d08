//! Layers of settings, each overriding the one before: chart defaults, profiles, site file, `--set`.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::overlay::merge;
use crate::problem::{Place, Problem};
use crate::schema::OwnChecker;
use crate::settings::Settings;
use crate::yaml::{Document, parse};

static SETTINGS: OwnChecker = OwnChecker::of::<Settings>();
static DEFAULTS: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(Settings::default()).unwrap_or_default());

/// One layer of settings.
#[derive(Debug, Clone)]
pub struct Layer {
    /// What it is, for the bundle's list of inputs, e.g. `profile cumulus`.
    pub name: String,
    /// SHA-256 of the text that it came from.
    pub sha256: String,
    /// Its content, which can be read as [`Settings`].
    pub document: Document,
}

impl Layer {
    /// A layer of a shipped file, which the tests have checked; its types are checked all the same
    /// when it is read.
    pub fn shipped(name: String, text: &str, mut document: Document) -> Self {
        drop_unset(&mut document.value, &DEFAULTS);
        Self { name, sha256: crate::fs::sha256_hex(text.as_bytes()), document }
    }

    /// Checks a document as settings; keys that the caller has dealt with are taken out before.
    ///
    /// # Errors
    /// All problems of the document.
    pub fn check(name: String, text: &str, mut document: Document) -> Result<Self, Vec<Problem>> {
        drop_unset(&mut document.value, &DEFAULTS);
        whole_numbers(&mut document.value);
        // The schema explains what is wrong; making it ready takes longer than all other reading.
        let problems = if is_as_read(&document.value) { Vec::new() } else { SETTINGS.check(&document) };
        if problems.is_empty() {
            Ok(Self { name, sha256: crate::fs::sha256_hex(text.as_bytes()), document })
        } else {
            Err(problems)
        }
    }
}

/// `--set KEY=VALUE` options as the last layer; values are read as YAML.
///
/// # Errors
/// An option without `=`, a value that is not YAML, unknown keys.
pub fn from_set_options(options: &[String]) -> Result<Option<Layer>> {
    if options.is_empty() {
        return Ok(None);
    }
    let mut value = Value::Object(Map::new());
    for option in options {
        let Some((key, text)) = option.split_once('=') else {
            return Err(Error::usage(format!("`--set {option}` has no `=`")).hint("use --set users.memory.limit=4G"));
        };
        let steps = key_steps(key);
        if text.contains('\n') || text.contains(" #") && !text.starts_with(['"', '\'']) {
            return Err(Error::usage(format!("`--set {key}`: the value would end at the line break or `#`"))
                .hint("put double quotes round the value, inside the shell's quotes"));
        }
        if steps.iter().any(String::is_empty) {
            return Err(Error::usage(format!("`--set {option}` has no key")).hint("use --set users.memory.limit=4G"));
        }
        let parsed = parse("--set", &format!("value: {text}\n")).map_err(|problems| {
            // Lines and columns of what we made of it would mislead.
            let problems = problems.into_iter().map(|problem| Problem { place: None, ..problem }).collect();
            Error::problems(format!("`--set {option}` is not right"), problems)
        })?;
        let leaf = match parsed.value.as_object() {
            Some(one) if one.len() == 1 => one.get("value").cloned().unwrap_or_default(),
            _ => return Err(Error::usage(format!("`--set {option}` is more than one value"))),
        };
        let nested = steps.into_iter().rev().fold(leaf, |inner, step| {
            let mut map = Map::new();
            map.insert(step, inner);
            Value::Object(map)
        });
        merge(&mut value, &nested);
    }
    let document = Document::synthetic("--set", value);
    Layer::check("--set options".to_owned(), &options.join("\n"), document)
        .map(Some)
        .map_err(|problems| Error::problems("the --set options are not right", problems))
}

/// Merges the layers into settings.
///
/// # Errors
/// Only a defect: every layer was checked before.
pub fn settings<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Result<Settings> {
    let mut merged = Value::Object(Map::new());
    for layer in layers {
        let patches = joined_patches(&merged, &layer.document.value);
        merge(&mut merged, &layer.document.value);
        if let Some(patches) = patches {
            merged["patches"] = patches;
        }
    }
    serde_json::from_value(merged).map_err(|error| Error::bug("checked settings could not be read").because(error))
}

/// Where a setting was last given: file and place; the last layer where none gave it.
pub fn origin<'l>(layers: &'l [Layer], pointer: &str) -> (&'l str, Option<Place>) {
    let gave = layers.iter().rev().find(|layer| layer.document.value.pointer(pointer).is_some());
    match gave.or(layers.last()) {
        Some(layer) => (&layer.document.file, layer.document.place(pointer)),
        None => ("--set", None),
    }
}

/// The steps of a dotted key; `\.` stands for a dot inside a step.
fn key_steps(key: &str) -> Vec<String> {
    key.replace("\\.", "\0").split('.').map(|step| step.replace('\0', ".")).collect()
}

/// JSON patches of one layer after those of the layers below: each is a step, none replaces another.
fn joined_patches(below: &Value, layer: &Value) -> Option<Value> {
    let (below, layer) = (below.get("patches")?.as_object()?, layer.get("patches")?.as_object()?);
    let mut joined = below.clone();
    for (chart, patch) in layer {
        match (joined.get_mut(chart), patch) {
            (Some(Value::Array(steps)), Value::Array(more)) => steps.extend(more.iter().cloned()),
            _ => {
                joined.insert(chart.clone(), patch.clone());
            }
        }
    }
    Some(Value::Object(joined))
}

/// Whether settings are read from a document exactly as they stand in it: what serde takes more
/// loosely, e.g. a list for a section, does not come back as it was written.
pub(crate) fn is_as_read(document: &Value) -> bool {
    let read = Settings::deserialize(document).and_then(serde_json::to_value);
    read.is_ok_and(|read| holds(&read, document))
}

fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).map_or_else(|| value.is_null(), |whole| holds(whole, value)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| holds(whole, part))
        }
        _ => whole == part,
    }
}

/// `5.0` where a whole number is meant; raw values and patches stay as they are.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let ours = map.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "values" | "patches"));
            ours.for_each(|(_, value)| whole_numbers(value));
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Number(number) if !number.is_i64() => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15);
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 1e15")]
            if let Some(float) = whole {
                *value = Value::from(float as i64);
            }
        }
        _ => {}
    }
}

/// Takes out keys without a value whose default is not null: `users:` with all its lines
/// commented out says nothing about users.
fn drop_unset(value: &mut Value, defaults: &Value) {
    let (Value::Object(map), Value::Object(defaults)) = (value, defaults) else {
        return;
    };
    map.retain(|key, value| !value.is_null() || defaults.get(key).is_none_or(Value::is_null));
    for (key, value) in map {
        if let Some(defaults) = defaults.get(key) {
            drop_unset(value, defaults);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layer(text: &str) -> Result<Layer, Vec<Problem>> {
        Layer::check("t".to_owned(), text, parse("t", text)?)
    }

    #[test]
    fn the_later_layer_wins_and_commented_sections_say_nothing() {
        let layers = [
            layer("users:\n  memory:\n    limit: 2G\n  cpu: {limit: 1}\n").unwrap(),
            layer("users:\n  # all commented out\nlogin:\n").unwrap(),
            layer("users:\n  memory:\n    guarantee: 1G\n  cpu: {limit: null}\n").unwrap(),
        ];
        let settings = settings(&layers).unwrap();
        assert_eq!(settings.users.memory.limit.as_deref(), Some("2G"));
        assert_eq!(settings.users.memory.guarantee.as_deref(), Some("1G"));
        assert_eq!(settings.users.cpu.limit, None);
    }

    #[test]
    fn unknown_keys_and_wrong_types_are_told_with_the_fix() {
        let problems = layer("users:\n  memroy: 1\nloadBalancer:\n  annotations:\n    keep: true\n").unwrap_err();
        let shown: Vec<_> = problems.iter().map(|p| (p.location(), p.fix.clone().unwrap_or_default())).collect();
        assert_eq!(
            shown,
            [
                ("t:2:3".to_owned(), "did you mean `memory`?".to_owned()),
                ("t:5:5".to_owned(), "quote it: \"true\"".to_owned())
            ]
        );
    }

    #[test]
    fn set_options_are_yaml() {
        let layer =
            from_set_options(&["users.cpu.limit=2".into(), "login.adminUsers=[ada, bob]".into()]).unwrap().unwrap();
        assert_eq!(
            layer.document.value,
            json!({"users": {"cpu": {"limit": 2}}, "login": {"adminUsers": ["ada", "bob"]}})
        );
        let dotted = from_set_options(&[r"loadBalancer.annotations.example\.org/x=y1".into()]).unwrap().unwrap();
        assert_eq!(dotted.document.value["loadBalancer"]["annotations"]["example.org/x"], "y1");
        assert!(from_set_options(&["users.image.tag=1 # 2".into()]).is_err());
        assert!(from_set_options(&["users.cpu".into()]).is_err());
        assert!(from_set_options(&["user.cpu=1".into()]).is_err());
    }
}
