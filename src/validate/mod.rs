//! CHECK: everything that can be known to be wrong before anything is written.

mod delivery;
mod images;
mod login;
mod names;
mod placeholders;
mod rules;
mod schedule;
mod schemas;
mod settings;
mod shared_data;
mod sizes;

use serde_json::Value;

use crate::archive::ChartContent;
use crate::bundle::manifest::ReleaseEntry;
use crate::images::Known;
use crate::overlay;
use crate::problem::{Place, Problem, Severity};
use crate::yaml::Document;

pub use settings::check as check_settings;

/// The values of one release with everything needed to judge them.
pub struct Subject<'s> {
    /// The release.
    pub release: &'s ReleaseEntry,
    /// `values.yaml`.
    pub rendered: &'s Document,
    /// The overlay of `values:`, `patches:` and edits, with the places where people wrote it.
    pub overrides: &'s Document,
    /// Where edits were made by hand, with their places.
    pub edited: &'s [Document],
    /// Stand-ins at the places of the secrets.
    pub secrets: &'s Value,
    /// The Helm chart, if its archive is at hand.
    pub chart: Option<&'s ChartContent>,
}

impl Subject<'_> {
    /// The values as Helm will merge them from the files, and where each came from.
    fn merged(&self) -> Merged<'_> {
        let mut value = self.rendered.value.clone();
        overlay::merge(&mut value, &self.overrides.value);
        overlay::merge(&mut value, self.secrets);
        Merged { value, rendered: self.rendered, overrides: self.overrides, edited: self.edited }
    }
}

/// Merged values that know where each part was written.
struct Merged<'m> {
    value: Value,
    rendered: &'m Document,
    overrides: &'m Document,
    edited: &'m [Document],
}

impl Merged<'_> {
    /// The document and place that a part comes from; `parent` stands in for what is nowhere.
    fn origin(&self, pointer: &str) -> (&str, Option<Place>) {
        let as_rendered = self.rendered.value.pointer(pointer);
        let by_hand = |document: &&Document| {
            let part = document.value.pointer(pointer);
            part.is_some_and(|part| !part.is_object()) && part != as_rendered
        };
        if let Some(document) = self.edited.iter().find(by_hand) {
            return (&document.file, document.place(pointer));
        }
        let only_there = self.rendered.value.pointer(pointer).is_none();
        let overridden = self.overrides.value.pointer(pointer).is_some_and(|part| only_there || !part.is_object());
        let document = if overridden { self.overrides } else { self.rendered };
        (&document.file, document.place(pointer))
    }

    fn error(&self, pointer: &str, message: impl Into<String>) -> Problem {
        let (file, place) = self.origin(pointer);
        Problem::error(file, place, message)
    }
}

/// Whether the settings are right that values were rendered from. What wrong ones make is wrong as well; people are
/// told the cause alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsAre {
    /// No problem was found, warnings aside.
    Right,
    /// They are told already.
    Wrong,
}

impl SettingsAre {
    /// By what [`check_settings`] found.
    pub fn of(problems: &[Problem]) -> Self {
        if problems.iter().any(|problem| problem.severity == Severity::Error) { Self::Wrong } else { Self::Right }
    }
}

/// All problems of all releases, errors and warnings.
pub fn check(subjects: &[Subject<'_>], known: &Known, settings: SettingsAre) -> Vec<Problem> {
    let mut problems = Vec::new();
    for subject in subjects {
        let merged = subject.merged();
        problems.extend(names::check(subject.release));
        problems.extend(placeholders::check(&merged));
        problems.extend(delivery::check(subject, &merged));
        problems.extend(rules::check(&merged, known));
        problems.extend(images::check(&merged, known));
        if let Some(chart) = subject.chart {
            let mut found = schemas::check(chart, &merged, subject.overrides);
            found.retain(|problem| settings == SettingsAre::Right || problem.file != subject.rendered.file);
            problems.extend(found);
        }
    }
    problems
}
