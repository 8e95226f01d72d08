//! The reference of settings, made from the doc comments of their types: for `profiles show`,
//! for editors, and for the commented files that people begin with.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::schema;
use crate::settings::{NewStorageClass, Settings};
use crate::yaml::literal_document;

/// The JSON schema of profiles and site files.
pub fn site_schema() -> String {
    let mut schema = schema::of::<Settings>();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let text = |about: &str| json!({"type": "string", "description": about});
        properties.insert("profile".to_owned(), text("Site file: the profile of the cloud."));
        properties.insert("description".to_owned(), text("Profile: one line about the cloud."));
        properties.insert("extends".to_owned(), text("Profile: the profile that this one adds to."));
    }
    schema["title"] = Value::from("helm iris: profile or site file");
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// Every key with its meaning, as a commented YAML document.
pub fn settings_text(given: &Value) -> String {
    let mut out = String::from("# Every key that a profile or a site file may have, with its default.\n");
    let schema = schema::of::<Settings>();
    keys(&schema, &schema, &defaults(given), 0, "", &mut out);
    out
}

/// A commented `iris.yaml`.
pub fn new_site(profile: &str, given: &Value) -> String {
    let mut out = format!(
        "# The hub of this folder. Only `profile` is needed. What is commented out shows what holds now: to change\n\
         # something, take `# ` away from its line and from the names of the sections above it.\n\
         # See what it makes:  helm iris render daskhub\n\nprofile: {profile}\n"
    );
    let schema = schema::of::<Settings>();
    keys(&schema, &schema, &defaults(given), 0, "# ", &mut out);
    out
}

/// A commented profile.
pub fn new_profile(name: &str, extends: &str, given: &Value) -> String {
    let mut out = format!(
        "# The facts of the cloud {name}. What is not known here is detected, or left to the operator.\n\
         description: \"{name}\"\nextends: {extends}\n"
    );
    let schema = schema::of::<Settings>();
    let facts = json!(["storage", "loadBalancer", "scheduling"]);
    let mut trimmed = schema.clone();
    if let Some(properties) = trimmed.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|key, _| facts.as_array().is_some_and(|facts| facts.iter().any(|fact| fact == key)));
    }
    keys(&schema, &trimmed, &defaults(given), 0, "# ", &mut out);
    out
}

/// Settings as YAML, each key that has a meaning with its meaning before it.
pub fn commented(settings: &Value) -> String {
    let schema = schema::of::<Settings>();
    let mut out = String::new();
    given(&schema, &schema, settings, 0, &mut out);
    out
}

/// What holds where nothing is said: the types' own defaults under those of charts and profile.
fn defaults(given: &Value) -> Value {
    let mut defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
    // Unset as a whole; these hold as soon as one of its keys is given.
    defaults["storage"]["newClass"] = serde_json::to_value(NewStorageClass::default()).unwrap_or_default();
    crate::overlay::merge(&mut defaults, given);
    defaults
}

fn properties<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Map<String, Value>> {
    resolve(root, schema).get("properties").and_then(Value::as_object)
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let choices = schema.get("anyOf").or_else(|| schema.get("allOf")).and_then(Value::as_array);
    let inner =
        choices.and_then(|choices| choices.iter().find(|choice| choice.get("$ref").is_some())).unwrap_or(schema);
    match inner.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap_or(schema),
        None => inner,
    }
}

fn about<'s>(root: &'s Value, schema: &'s Value) -> &'s str {
    let own = schema.get("description").and_then(Value::as_str);
    own.or_else(|| resolve(root, schema).get("description").and_then(Value::as_str)).unwrap_or_default()
}

fn keys(root: &Value, schema: &Value, defaults: &Value, depth: usize, mark: &str, out: &mut String) {
    let Some(properties) = properties(root, schema) else { return };
    let pad = "  ".repeat(depth);
    for (key, part) in properties {
        if depth == 0 {
            out.push('\n');
        }
        // Taking `# ` from a whole section leaves its comments; `## ` keeps a section's heading.
        let before = if depth == 0 { mark.trim_end().to_owned() } else { format!("{mark}{pad}") };
        for line in about(root, part).lines().filter(|line| !line.is_empty()) {
            let _ = writeln!(out, "{before}# {line}");
        }
        choices(root, part, &before, out);
        let default = defaults.get(key).unwrap_or(&Value::Null);
        if self::properties(root, part).is_some() {
            let _ = writeln!(out, "{mark}{pad}{key}:");
            keys(root, part, default, depth + 1, mark, out);
        } else {
            let _ = writeln!(out, "{mark}{pad}{key}: {}", crate::yaml::inline(default));
        }
    }
}

fn choices(root: &Value, part: &Value, pad: &str, out: &mut String) {
    let resolved = resolve(root, part);
    let one_of = resolved.get("oneOf").and_then(Value::as_array);
    for choice in one_of.into_iter().flatten() {
        let value = choice.get("const").or_else(|| choice.get("enum").and_then(|all| all.get(0)));
        if let Some(value) = value.and_then(Value::as_str) {
            let _ = writeln!(out, "{pad}#   {value}: {}", about(root, choice));
        }
    }
}

fn given(root: &Value, schema: &Value, value: &Value, depth: usize, out: &mut String) {
    let (Some(properties), Some(map)) = (properties(root, schema), value.as_object()) else { return };
    let pad = "  ".repeat(depth);
    for (key, value) in map {
        let Some(part) = properties.get(key) else { continue };
        for line in about(root, part).lines().filter(|line| !line.is_empty()) {
            let _ = writeln!(out, "{pad}# {line}");
        }
        if value.is_object() && self::properties(root, part).is_some() {
            let _ = writeln!(out, "{pad}{key}:");
            given(root, part, value, depth + 1, out);
        } else {
            let mut one = Map::new();
            one.insert(key.clone(), value.clone());
            for line in literal_document(&Value::Object(one)).lines() {
                let _ = writeln!(out, "{pad}{line}");
            }
        }
    }
}
