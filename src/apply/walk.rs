//! Which release is next, and what came of all: releases that do not need each other go side by side, and
//! those that need one that failed are left out and named.

use super::event::{Done, Outcome, ReleaseOutcome};
use super::execute::Level;
use crate::dumps::Dump;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Plan, ReleaseOperation};

/// The walk over a plan's releases.
pub(super) struct Walk<'p> {
    /// Not begun yet, in the plan's order.
    waiting: Vec<&'p ReleaseOperation>,
    running: Vec<&'p str>,
    done: Vec<ReleaseOutcome>,
    failed: Vec<(&'p str, Error)>,
    /// Never begun, because of one that failed.
    left: Vec<&'p str>,
}

impl<'p> Walk<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let waiting = plan.releases().collect();
        Self { waiting, running: Vec::new(), done: Vec::new(), failed: Vec::new(), left: Vec::new() }
    }

    /// A release that can begin now.
    pub(super) fn begin(&mut self) -> Option<&'p ReleaseOperation> {
        self.leave_out();
        let blocked = |name: &String| {
            self.running.contains(&name.as_str()) || self.waiting.iter().any(|other| other.name == *name)
        };
        let next = self.waiting.iter().position(|release| !release.after.iter().any(blocked))?;
        let release = self.waiting.remove(next);
        self.running.push(&release.name);
        Some(release)
    }

    /// Leaves out what needs one that failed; everything, once a stop was asked for.
    fn leave_out(&mut self) {
        let stopped = self.failed.iter().any(|(_, error)| error.kind == ErrorKind::Interrupted);
        loop {
            let gone = |name: &String| {
                self.left.contains(&name.as_str()) || self.failed.iter().any(|(failed, _)| failed == name)
            };
            let Some(next) = self.waiting.iter().position(|one| stopped || one.after.iter().any(gone)) else { return };
            let release = self.waiting.remove(next);
            self.left.push(&release.name);
        }
    }

    /// A release has ended, one way or the other.
    pub(super) fn end(&mut self, release: &'p ReleaseOperation, ended: Result<(Done, Option<Dump>)>) {
        self.running.retain(|name| *name != release.name);
        let (name, namespace) = (release.name.clone(), release.namespace.clone());
        match ended {
            Ok((done, dump)) => self.done.push(ReleaseOutcome { name, namespace, done, dump }),
            Err(error) => self.failed.push((&release.name, error)),
        }
    }

    /// What came of it.
    ///
    /// # Errors
    /// What failed, what was done all the same, and what was not begun.
    pub(super) fn outcome(self, level: Level) -> Result<Outcome> {
        if let Some(stuck) = self.waiting.first() {
            return Err(Error::bug(format!("`{}` needs what needs it", stuck.name)));
        }
        let left = self.left.join(", ");
        let changed = |one: &&ReleaseOutcome| matches!(one.done, Done::Installed | Done::Upgraded);
        let done: Vec<&str> = self.done.iter().filter(changed).map(|one| one.name.as_str()).collect();
        let (done, is_done) = (done.join(", "), !done.is_empty());
        let mut failed = self.failed.into_iter();
        let Some((_, first)) = failed.next() else {
            return Ok(Outcome { releases: self.done, level });
        };
        let mut error = failed.fold(first, |all, (name, error)| also(all, name, error));
        if is_done {
            error = error.hint(format!("done before that, and not to be done again: {done}"));
        }
        if left.is_empty() {
            return Err(error);
        }
        // Everything was applied only if nothing was left out.
        if error.kind == ErrorKind::Unverified {
            error.kind = ErrorKind::User;
        }
        Err(error.hint(format!("not begun because of that: {left}")))
    }
}

fn also(mut all: Error, name: &str, error: Error) -> Error {
    if error.kind != ErrorKind::Unverified {
        all.kind = error.kind;
    }
    all.causes.push(format!("{name}, at the same time: {error}"));
    all.problems.extend(error.problems);
    let new: Vec<String> = error.hints.into_iter().filter(|hint| !all.hints.contains(hint)).collect();
    all.hints.extend(new);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::release::Scope;
    use crate::plan::{Action, Operation};

    fn plan(releases: &[(&str, &[&str])]) -> Plan {
        let operation = |(name, after): &(&str, &[&str])| {
            Operation::Release(ReleaseOperation {
                name: (*name).to_owned(),
                namespace: "dhub".to_owned(),
                chart: (*name).to_owned(),
                helm_chart: format!("{name} 1.0.0"),
                scope: Scope::Hub,
                action: Action::Install,
                awaited: false,
                after: after.iter().map(ToString::to_string).collect(),
                detail: Box::default(),
            })
        };
        Plan {
            cluster: "here".into(),
            server: "here".into(),
            namespace: "dhub".into(),
            bundle: String::new(),
            secrets: vec![],
            warnings: vec![],
            crds: vec![],
            operations: releases.iter().map(operation).collect(),
        }
    }

    /// Walks with two at a time, the named ones failing; gives the turns and the end.
    fn walk(plan: &Plan, failing: &[(&str, Error)]) -> (Vec<Vec<String>>, Result<Outcome>) {
        let (mut walk, mut turns) = (Walk::new(plan), Vec::new());
        loop {
            let running: Vec<_> = std::iter::from_fn(|| walk.begin()).collect();
            if running.is_empty() {
                return (turns, walk.outcome(Level::Ready));
            }
            turns.push(running.iter().map(|release| release.name.clone()).collect());
            for release in running {
                let error = failing.iter().find(|(name, _)| *name == release.name).map(|(_, error)| error.clone());
                walk.end(release, error.map_or(Ok((Done::Installed, None)), Err));
            }
        }
    }

    const DIAMOND: &[(&str, &[&str])] = &[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"]), ("e", &[])];

    #[test]
    fn what_does_not_need_each_other_goes_side_by_side() {
        let (turns, outcome) = walk(&plan(DIAMOND), &[]);
        assert_eq!(turns, [vec!["a", "e"], vec!["b", "c"], vec!["d"]]);
        assert_eq!(outcome.unwrap().releases.len(), 5);
    }

    #[test]
    fn what_needs_one_that_failed_is_left_out_and_named() {
        let (turns, outcome) = walk(&plan(DIAMOND), &[("b", Error::unverified("b was not ready"))]);
        assert_eq!(turns, [vec!["a", "e"], vec!["b", "c"]], "c goes on");
        let error = outcome.unwrap_err();
        assert_eq!(error.kind, ErrorKind::User, "d was not applied");
        let told =
            ["done before that, and not to be done again: a, e, c".to_owned(), "not begun because of that: d".into()];
        assert_eq!(error.hints, told);
    }

    #[test]
    fn two_that_fail_are_both_told() {
        let failing = [("d", Error::unverified("d").hint("h")), ("e", Error::user("e").hint("h"))];
        let error = walk(&plan(DIAMOND), &failing).1.unwrap_err();
        assert_eq!((error.message.as_str(), error.kind), ("e", ErrorKind::User));
        assert_eq!(error.causes, ["d, at the same time: d"]);
        let only = walk(&plan(DIAMOND), &failing[..1]).1.unwrap_err();
        assert_eq!(only.kind, ErrorKind::Unverified, "everything was applied");
    }

    #[test]
    fn after_a_stop_nothing_begins() {
        let (turns, outcome) = walk(&plan(DIAMOND), &[("e", Error::interrupted("stopped"))]);
        assert_eq!(turns.len(), 1);
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Interrupted);
    }

    #[test]
    fn a_circle_is_an_error() {
        let (turns, outcome) = walk(&plan(&[("a", &["b"]), ("b", &["a"])]), &[]);
        assert!(turns.is_empty() && outcome.unwrap_err().kind == ErrorKind::Bug);
    }
}
