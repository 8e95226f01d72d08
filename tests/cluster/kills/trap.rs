//! A guard at the gate that stops a run at one of its requests, so that it can be killed just there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::journey::{Journey, Phase, Verb, release_at_work};
use crate::cluster::gate::{Asked, Guard};

/// Longer than it takes to kill somebody.
const LONGEST: Duration = Duration::from_secs(30);

/// When, at a request, a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The API server has not got it.
    Asked,
    /// The API server has done it, and the answer is on its way.
    Done,
    /// The answer was given; so long after that.
    Answered(Duration),
}

/// At which request of a phase a run is stopped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    pub(super) phase: Phase,
    pub(super) request: usize,
    pub(super) moment: Moment,
}

struct State {
    journey: Journey,
    aim: Option<Aim>,
    /// How many requests have come in each phase.
    seen: BTreeMap<Phase, usize>,
    latest: Phase,
    is_caught: bool,
    is_open: bool,
}

pub(super) struct Trap {
    /// The folder in which the run and its helms work.
    folder: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

impl Trap {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), state: Mutex::new(State::new(Verb::Install, None)), changed: Condvar::new() }
    }

    /// For a run that begins now; without an aim it is only watched.
    pub(super) fn set(&self, verb: Verb, aim: Option<Aim>) {
        *self.state.lock().unwrap() = State::new(verb, aim);
    }

    /// Waits until the run is where it is to be stopped.
    pub(super) fn has_caught(&self, within: Duration) -> bool {
        let state = self.state.lock().unwrap();
        let (state, _) = self.changed.wait_timeout_while(state, within, |state| !state.is_caught).unwrap();
        state.is_caught
    }

    /// Where the run is now: inside helm, if a helm works.
    pub(super) fn phase(&self) -> Phase {
        let at_work = release_at_work(&self.folder).map(Phase::Helm);
        at_work.unwrap_or_else(|| self.state.lock().unwrap().latest)
    }

    /// Lets go.
    pub(super) fn open(&self) {
        self.state.lock().unwrap().is_open = true;
        self.changed.notify_all();
    }

    /// How many requests a run had in each phase.
    pub(super) fn seen(&self) -> BTreeMap<Phase, usize> {
        self.state.lock().unwrap().seen.clone()
    }

    fn catch(&self, wanted: impl Fn(Moment) -> bool, holds: bool) {
        let mut state = self.state.lock().unwrap();
        if !state.aim.is_some_and(|aim| wanted(aim.moment)) {
            return;
        }
        state.is_caught = true;
        self.changed.notify_all();
        if holds {
            drop(self.changed.wait_timeout_while(state, LONGEST, |state| !state.is_open));
        }
    }
}

impl State {
    fn new(verb: Verb, aim: Option<Aim>) -> Self {
        let journey = Journey::new(verb);
        Self { journey, aim, seen: BTreeMap::new(), latest: Phase::BeforeHelm, is_caught: false, is_open: false }
    }

    fn is_held(&self) -> bool {
        self.is_caught && self.aim.is_some_and(|aim| !matches!(aim.moment, Moment::Answered(_)))
    }
}

impl Guard for Trap {
    fn comes(&self, asked: &Asked<'_>) -> bool {
        let mine = {
            let mut state = self.state.lock().unwrap();
            let phase = state.journey.goes_on(asked, &self.folder);
            let request = state.seen.entry(phase).or_default();
            let at = (phase, *request);
            *request += 1;
            // One that is held goes nowhere; what it had asked before may still come.
            if !state.is_held() {
                state.latest = phase;
            }
            state.aim.is_some_and(|aim| (aim.phase, aim.request) == at)
        };
        if mine {
            self.catch(|moment| moment == Moment::Asked, true);
        }
        mine
    }

    fn is_done(&self, mine: bool) {
        if mine {
            self.catch(|moment| moment == Moment::Done, true);
        }
    }

    fn is_answered(&self, mine: bool) {
        if mine {
            self.catch(|moment| matches!(moment, Moment::Answered(_)), false);
        }
    }
}
