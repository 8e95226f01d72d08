//! How many kills came where, and where the next one is wanted.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::rngs::StdRng;

use super::journey::{Phase, Verb};

/// Every third kill is of our process alone.
const ALONE: usize = 3;

/// What was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Killed {
    /// Our process; helm has to end by itself.
    Alone,
    /// All processes at once.
    All,
}

/// A kill: in which run, where, with which helm, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kill {
    pub(super) verb: Verb,
    pub(super) phase: Phase,
    pub(super) helm: &'static str,
    pub(super) what: Killed,
}

/// All that were.
#[derive(Debug, Default)]
pub(super) struct Tally(Vec<Kill>);

impl Tally {
    /// Adds one; tells how many there are.
    pub(super) fn add(&mut self, kill: Kill) -> usize {
        self.0.push(kill);
        self.0.len()
    }

    pub(super) fn count(&self, meant: impl Fn(&Kill) -> bool) -> usize {
        self.0.iter().filter(|kill| meant(kill)).count()
    }

    /// Which of these phases, each with the number of verbs that come there, has had the fewest kills; inside helm
    /// first, then by chance. What only one verb comes to has to have as many by it as others have by all.
    pub(super) fn wanted(
        &self,
        (verb, helm): (Verb, &str),
        phases: impl Iterator<Item = (Phase, usize)>,
        chance: &mut StdRng,
    ) -> Option<Phase> {
        let count = |phase| self.count(|kill| (kill.verb, kill.phase, kill.helm) == (verb, phase, helm));
        let key = |(phase, verbs): &(Phase, usize)| {
            (count(*phase) * verbs, !matches!(phase, Phase::Helm(_)), chance.random::<u32>())
        };
        phases.min_by_key(key).map(|(phase, _)| phase)
    }

    /// What the next kill kills.
    pub(super) fn next(&self, helm: &str) -> Killed {
        let before = self.count(|kill| kill.helm == helm);
        if before.is_multiple_of(ALONE) { Killed::Alone } else { Killed::All }
    }

    /// Where there were kills.
    pub(super) fn places(&self) -> BTreeSet<(Verb, Phase)> {
        self.0.iter().map(|kill| (kill.verb, kill.phase)).collect()
    }

    /// A table in Markdown.
    pub(super) fn table(&self) -> Vec<String> {
        let columns = [("h3", Killed::All), ("h3", Killed::Alone), ("h4", Killed::All), ("h4", Killed::Alone)];
        let row = |name: String, meant: &dyn Fn(&Kill) -> bool| {
            let of = |(helm, what): &(&str, Killed)| {
                self.count(|kill| meant(kill) && (kill.helm, kill.what) == (*helm, *what))
            };
            let cells: String = columns.iter().map(|column| format!(" {} |", of(column))).collect();
            format!("| {name} |{cells} {} |", self.count(meant))
        };
        let head = "| Killed in | Helm 3, all | Helm 3, us alone | Helm 4, all | Helm 4, us alone | Kills |";
        let mut lines = vec![head.to_owned(), "|---|---:|---:|---:|---:|---:|".to_owned()];
        lines.extend(
            self.places().into_iter().map(|(verb, phase)| {
                row(format!("`{verb}`: {phase}"), &|kill| (kill.verb, kill.phase) == (verb, phase))
            }),
        );
        lines.push(row("all".to_owned(), &|_| true));
        lines
    }
}
