//! One thing that is wrong in something a person wrote or reviews: where, what, and the fix.

use serde::Serialize;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is written or applied while it stands.
    Error,
    /// Worth reading before saying yes.
    Warning,
}

/// A place in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One problem, with the place and the fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file as the reader knows it, e.g. `iris.yaml` or `dhub/daskhub/values.yaml`.
    pub file: String,
    /// Where in the file, if known.
    pub place: Option<Place>,
    /// What is wrong; holds no secret.
    pub message: String,
    /// How to mend it, if we know.
    pub fix: Option<String>,
}

impl Problem {
    /// A problem that stops the run.
    pub fn error(file: impl Into<String>, place: Option<Place>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, file: file.into(), place, message: message.into(), fix: None }
    }

    /// A problem that is shown and does not stop the run.
    pub fn warning(file: impl Into<String>, place: Option<Place>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, place, message) }
    }

    /// Adds the fix.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// `file:line:column`, as far as known.
    pub fn location(&self) -> String {
        match self.place {
            Some(Place { line, column }) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }
}

/// Whether a word is another one with a letter or two wrong, rather than a word of its own.
pub fn is_slip(word: &str, of: &str) -> bool {
    const LETTERS: usize = 2;
    strsim::damerau_levenshtein(&word.to_lowercase(), &of.to_lowercase()) <= LETTERS
}

/// The candidate most like `word`, if one is like it at all.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}
