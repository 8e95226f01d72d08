//! Forms that texts must have, in a JSON schema: a pattern for programs, and words for people.

use schemars::Schema;
use schemars::transform::Transform;
use serde_json::Value;

/// Where the words stand; editors show them in the place of the pattern.
const WORDS: &str = "patternErrorMessage";

/// A form that a text must have.
#[derive(Debug)]
pub struct Form {
    /// The regular expression.
    pub pattern: &'static str,
    /// What a text is that does not have it, e.g. `no version`.
    pub wrong: &'static str,
    /// What to write, with an example.
    pub fix: &'static str,
}

impl Form {
    /// Puts it into the schema of a field, as `#[schemars(transform = FORM.in_schema())]`.
    pub fn in_schema(&self) -> impl Transform + use<> {
        let (pattern, words) = (self.pattern, format!("{}: {}", self.wrong, self.fix));
        move |schema: &mut Schema| {
            schema.insert("pattern".to_owned(), Value::from(pattern));
            schema.insert(WORDS.to_owned(), Value::from(words.clone()));
        }
    }
}

/// What a text is that has not the form of this part of a schema, and what to write; none where it says nothing.
pub(super) fn words(part: &Value) -> Option<(&str, &str)> {
    part.get(WORDS)?.as_str()?.split_once(": ")
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::schema::OwnChecker;
    use crate::yaml::Document;

    const VERSION: Form = Form { pattern: r"^[0-9.]+$", wrong: "no version", fix: "write one, e.g. 1.2" };

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "its schema is what counts")]
    struct Chart {
        #[schemars(transform = VERSION.in_schema())]
        version: Option<String>,
        parts: Vec<Self>,
    }

    #[test]
    fn what_has_not_the_form_is_told_in_words() {
        static CHECKER: OwnChecker = OwnChecker::of::<Chart>();
        let told = |version: Value| {
            let document = json!({"parts": [{"parts": [], "version": version}]});
            let found = CHECKER.check(&Document::synthetic("chart.yaml", document));
            found.into_iter().map(|problem| (problem.message, problem.fix.unwrap_or_default())).collect::<Vec<_>>()
        };
        let one = |message: &str, fix: &str| vec![(format!("`parts[0].version`: {message}"), fix.to_owned())];
        assert_eq!(told(json!("next")), one("\"next\" is no version", "write one, e.g. 1.2"));
        assert_eq!(told(json!(12)), one("12 is not of type string", "quote it: \"12\""), "then it has the form");
        assert_eq!(told(json!(true)), one("true is not of type string", "write one, e.g. 1.2"), "it would not");
        for right in [json!("1.2"), json!(null)] {
            assert_eq!(told(right), []);
        }
    }
}
