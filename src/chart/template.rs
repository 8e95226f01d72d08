//! Checking `values.yaml.tera` when it is loaded.
//!
//! Tera takes an unknown name inside `if` and `for` for false, in silence, and lets a template
//! print anything anywhere. So templates are kept to a small part of Tera: literal YAML, `if`,
//! `for`, comments, and interpolations that end in `| yaml`. That each stands as a whole YAML
//! value is seen when it is rendered.

use serde_json::Value;

use super::expression::{Word, tag_end, words};
use crate::problem::{Place, Problem, did_you_mean};

const KEYWORDS: [&str; 8] = ["and", "or", "not", "in", "true", "false", "none", "null"];
const FILTERS: [&str; 4] = ["yaml", "default", "join", "length"];
const LOOP_FIELDS: [&str; 4] = ["loop.first", "loop.last", "loop.index", "loop.index0"];

/// All problems of a template against the schema of the context.
pub(super) fn check(file: &str, text: &str, schema: &Value) -> Vec<Problem> {
    let mut checker = Checker { file, text, schema, scopes: Vec::new(), open: Vec::new(), problems: Vec::new() };
    checker.run();
    checker.problems
}

struct Checker<'t> {
    file: &'t str,
    text: &'t str,
    schema: &'t Value,
    /// Loop variables and the schema of what they stand for.
    scopes: Vec<Vec<(String, Option<&'t Value>)>>,
    /// Blocks that are open: `if` or `for`, and where.
    open: Vec<(&'static str, usize)>,
    problems: Vec<Problem>,
}

impl<'t> Checker<'t> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(start) = self.text[at..].find('{').map(|found| at + found) {
            let kind = self.text[start..].get(..2).unwrap_or_default();
            let close = match kind {
                "{{" => "}}",
                "{%" => "%}",
                "{#" => "#}",
                _ => {
                    at = start + 1;
                    continue;
                }
            };
            let body = start + 2;
            let end = if kind == "{#" {
                self.text[body..].find(close).map(|found| found + close.len())
            } else {
                tag_end(&self.text[body..], close)
            };
            let Some(end) = end.map(|end| body + end) else {
                self.refuse(start, format!("`{kind}` is never closed"), format!("close it with `{close}`"));
                return;
            };
            let inside = &self.text[body..end - close.len()];
            if kind != "{#" && inside.contains('\\') {
                self.refuse(start, "a backslash inside a tag", "leave it out: a template needs no escapes");
            }
            match kind {
                "{{" => self.interpolation(start, inside),
                "{%" => self.block(body, inside),
                _ => {}
            }
            at = end;
        }
        while let Some((name, start)) = self.open.pop() {
            self.refuse(start, format!("this `{name}` is never ended"), format!("add {{% end{name} %}}"));
        }
    }

    fn refuse(&mut self, at: usize, message: impl Into<String>, fix: impl Into<String>) {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let place = Place { line: 1 + before.matches('\n').count(), column: 1 + before[line_start..].chars().count() };
        self.problems.push(Problem::error(self.file, Some(place), message).fix(fix));
    }

    fn interpolation(&mut self, start: usize, inside: &str) {
        let trimmed = inside.trim_start_matches('-').trim_end_matches('-');
        let words = words(trimmed);
        let last_two: Vec<_> = words.iter().rev().take(2).map(|(_, word)| word.clone()).collect();
        if last_two != [Word::Path("yaml".to_owned()), Word::Pipe] {
            self.refuse(
                start,
                "an interpolation that does not end in `| yaml`",
                format!("write {{{{ {} | yaml }}}}", trimmed.trim()),
            );
        }
        if !is_piped_whole(&words) {
            self.refuse(
                start,
                "only the last part of this goes through `| yaml`: a filter binds tighter than an operator",
                "put the rest in parentheses, e.g. {{ (\"http://\" ~ database.host) | yaml }}",
            );
        }
        self.expression(start, trimmed);
    }

    fn block(&mut self, at: usize, inside: &'t str) {
        let trimmed = inside.trim_start_matches('-').trim_end_matches('-').trim();
        let (name, rest) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
        match name {
            "if" => {
                self.open.push(("if", at));
                self.scopes.push(Vec::new());
                self.expression(at, rest);
            }
            "elif" => self.expression(at, rest),
            "else" => {}
            "for" => self.for_block(at, rest),
            "endif" | "endfor" => {
                self.scopes.pop();
                if self.open.pop().map(|(open, _)| open) != Some(&name[3..]) {
                    self.refuse(at, format!("`{name}` ends nothing"), "remove it, or add what it ends");
                }
            }
            _ => self.refuse(
                at,
                format!("`{{% {name} %}}` is not allowed in a values template"),
                "use if, elif, else, endif, for, endfor",
            ),
        }
    }

    fn for_block(&mut self, at: usize, rest: &'t str) {
        self.open.push(("for", at));
        let Some((names, path)) = rest.split_once(" in ") else {
            self.scopes.push(Vec::new());
            self.refuse(at, "a `for` without `in`", "write {% for user in login.adminUsers %}");
            return;
        };
        self.expression(at, path);
        let source = self.resolve(path.trim()).ok().flatten();
        let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
        let scope = match names.as_slice() {
            [key, value] => {
                vec![(key.clone(), None), (value.clone(), source.and_then(|schema| schema.get("additionalProperties")))]
            }
            _ => names.into_iter().map(|name| (name, source.and_then(|schema| schema.get("items")))).collect(),
        };
        self.scopes.push(scope);
    }

    fn expression(&mut self, at: usize, text: &str) {
        let words = words(text);
        for (index, (_, word)) in words.iter().enumerate() {
            let next = words.get(index + 1).map(|(_, word)| word);
            let after_pipe = index > 0 && words[index - 1].1 == Word::Pipe;
            match word {
                Word::Path(name) if after_pipe && !FILTERS.contains(&name.as_str()) => {
                    self.refuse(
                        at,
                        format!("the filter `{name}` is not allowed"),
                        format!("use {}", FILTERS.join(", ")),
                    );
                }
                Word::Path(_) if after_pipe => {}
                Word::Path(_)
                    if next == Some(&Word::Other('='))
                        && words.get(index + 2).is_none_or(|w| w.1 != Word::Other('=')) => {}
                Word::Path(name) if next == Some(&Word::Other('(')) && !KEYWORDS.contains(&name.as_str()) => {
                    self.refuse(
                        at,
                        format!("the function `{name}` is not allowed"),
                        "templates compute nothing; use a setting",
                    );
                }
                Word::Path(name) => self.path(at, name),
                Word::Other(bracket @ ('[' | '{')) => {
                    self.refuse(
                        at,
                        format!("`{bracket}` is not allowed in an expression"),
                        "name a setting by its dotted path",
                    );
                }
                _ => {}
            }
        }
    }

    fn path(&mut self, at: usize, path: &str) {
        if KEYWORDS.contains(&path) || (LOOP_FIELDS.contains(&path) && self.open.iter().any(|(name, _)| *name == "for"))
        {
            return;
        }
        if let Err((unknown, known)) = self.resolve(path) {
            let like = did_you_mean(unknown.rsplit('.').next().unwrap_or(&unknown), known.iter().map(String::as_str));
            let fix = like
                .map_or_else(|| format!("known here: {}", known.join(", ")), |like| format!("did you mean `{like}`?"));
            self.refuse(at, format!("`{unknown}` is not in the context"), fix);
        }
    }

    /// The schema of a path (none where anything goes), or the unknown part and what is known there.
    fn resolve(&self, path: &str) -> Result<Option<&'t Value>, (String, Vec<String>)> {
        let mut steps = path.split('.');
        let first = steps.next().unwrap_or_default();
        let variable = self.scopes.iter().rev().flatten().find(|(name, _)| name == first);
        let (mut current, mut seen) = match variable {
            Some((_, schema)) => (schema.and_then(|schema| deref(self.schema, schema)), first.to_owned()),
            None => {
                (child(self.schema, self.schema, first).map_err(|known| (first.to_owned(), known))?, first.to_owned())
            }
        };
        for step in steps {
            seen = format!("{seen}.{step}");
            let Some(schema) = current else {
                return Err((seen, Vec::new()));
            };
            current = child(self.schema, schema, step).map_err(|known| (seen.clone(), known))?;
        }
        Ok(current)
    }
}

/// Whether everything before the filters is one path, one literal, or in parentheses.
fn is_piped_whole(words: &[(usize, Word)]) -> bool {
    let mut depth = 0_usize;
    let mut parts = 0;
    for (_, word) in words {
        match word {
            Word::Other('(') => {
                parts += usize::from(depth == 0);
                depth += 1;
            }
            Word::Other(')') => depth = depth.saturating_sub(1),
            Word::Pipe if depth == 0 => break,
            Word::Path(_) | Word::Literal if depth == 0 => parts += 1,
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    parts == 1
}

fn child<'s>(root: &'s Value, schema: &'s Value, step: &str) -> Result<Option<&'s Value>, Vec<String>> {
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(found) = properties.and_then(|map| map.get(step)) {
        return Ok(deref(root, found));
    }
    match schema.get("additionalProperties") {
        Some(additional @ Value::Object(_)) => Ok(deref(root, additional)),
        _ => Err(properties.map(|map| map.keys().cloned().collect()).unwrap_or_default()),
    }
}

/// Follows `$ref`, and the other half of `anyOf: [X, null]` and `allOf: [X]`.
fn deref<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Value> {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return deref(root, root.pointer(reference.trim_start_matches('#'))?);
    }
    let choices = schema.get("anyOf").or_else(|| schema.get("allOf")).and_then(Value::as_array);
    match choices.and_then(|choices| choices.iter().find(|choice| choice.get("type") != Some(&Value::from("null")))) {
        Some(choice) => deref(root, choice),
        None => Some(schema),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;

    fn messages(text: &str) -> Vec<String> {
        let schema = crate::schema::of::<Context>();
        check("t", text, &schema).into_iter().map(|p| format!("{}: {}", p.location(), p.message)).collect()
    }

    #[test]
    fn good_templates_pass() {
        let text = r#"# {{ release.name | yaml }} is the release
a: {{ users.image.name | yaml }}
b: [{{ users.homeSize | yaml }}, {{ ("x" ~ database.host) | yaml }}]
{%- if storage.newClass and not login.allowAll %}
{{ release.name | yaml }}: {{ storage.newClass.parameters | yaml }}
{%- elif storage.newClass.parameters.availability == "nova" %}
{%- for key, value in loadBalancer.annotations %}
  {{ key | yaml }}: {{ value | yaml }}
{%- endfor %}
{%- for toleration in scheduling.userTolerations %}
  - {{ toleration.key | default(value="x") | yaml }}
{%- endfor %}
{%- endif %}
c: |
  c.X = {{ dask.idleTimeout | yaml }} + "{{ release.name | yaml }}"
"#;
        assert_eq!(messages(text), Vec::<String>::new());
    }

    #[test]
    fn bad_templates_are_refused() {
        for (text, expected) in [
            ("a: {{ users.image.nam | yaml }}", "`users.image.nam` is not in the context"),
            ("a: {{ users.image.name }}", "does not end in `| yaml`"),
            ("a: {{ users.image.name | yaml | safe }}", "the filter `safe` is not allowed"),
            ("a: {{ users.image.name ~ 'x' | yaml }}", "binds tighter"),
            ("a: {{ users.image.name or 'x' | yaml }}", "binds tighter"),
            ("a: {{ not users.image.name | yaml }}", "binds tighter"),
            (r"a: {{ '\'' | yaml }} b: {{ users.image.name }} c: {{ '\'' | yaml }}", "a backslash"),
            ("{% if user.x %}{% endif %}", "`user` is not in the context"),
            ("{% for x in users.image.nme %}{% endfor %}", "`users.image.nme` is not in the context"),
            ("{% for x in scheduling.userTolerations %}{{ x.kee | yaml }}{% endfor %}", "`x.kee`"),
            ("{% include 'x' %}", "not allowed"),
            ("{% set x = 1 %}", "not allowed"),
            ("a: {{ now() | yaml }}", "the function `now` is not allowed"),
            ("a: {{ __tera_context | yaml }}", "not in the context"),
            ("a: {{ users['image'] | yaml }}", "`[` is not allowed"),
            ("{% if users %}", "never ended"),
            ("a: {{ users", "never closed"),
        ] {
            let found = messages(text);
            assert!(found.iter().any(|message| message.contains(expected)), "{text}: {found:?}");
        }
    }
}
