//! What was tried so far, told as it happens.

use std::time::Instant;

use super::step::{Failure, Step, StepReport, Verdict};
use super::witness::Witness;

/// Something that a person who waits wants to know.
#[derive(Debug, Clone)]
pub enum Event {
    /// A step begins.
    Began(Step),
    /// It goes on.
    Progress(Step, String),
    /// A step ended.
    Ended(StepReport),
}

/// The steps so far.
pub(super) struct Log<'a> {
    tell: &'a mut dyn FnMut(Event),
    witness: Option<&'a Witness>,
    pub(super) steps: Vec<StepReport>,
}

impl<'a> Log<'a> {
    pub(super) fn new(witness: Option<&'a Witness>, tell: &'a mut dyn FnMut(Event)) -> Self {
        Self { tell, witness, steps: Vec::new() }
    }

    /// Tries a step; none where it failed.
    pub(super) async fn step<T>(
        &mut self,
        step: Step,
        work: impl Future<Output = Result<(T, String), Failure>>,
    ) -> Option<T> {
        self.began(step);
        let since = Instant::now();
        match work.await {
            Ok((value, seen)) => {
                self.passed(step, since.elapsed().as_secs_f64(), seen);
                Some(value)
            }
            Err(failure) => {
                self.failed(step, since.elapsed().as_secs_f64(), failure, None).await;
                None
            }
        }
    }

    pub(super) fn began(&mut self, step: Step) {
        (self.tell)(Event::Began(step));
    }

    pub(super) fn progress(&mut self, step: Step, text: &str) {
        (self.tell)(Event::Progress(step, text.to_owned()));
    }

    pub(super) fn passed(&mut self, step: Step, seconds: f64, seen: String) {
        self.ended(StepReport { step, verdict: Verdict::Ok, seconds, seen, why: Vec::new(), fix: Vec::new() });
    }

    pub(super) fn skipped(&mut self, step: Step, why: &str) {
        let (seen, fix) = (why.to_owned(), Vec::new());
        self.ended(StepReport { step, verdict: Verdict::Skipped, seconds: 0.0, seen, why: Vec::new(), fix });
    }

    /// A step failed; what the cluster knows about it is added. `about` is the Dask cluster that it is about.
    pub(super) async fn failed(&mut self, step: Step, seconds: f64, failure: Failure, about: Option<&str>) {
        let mut step = failure.step.unwrap_or(step);
        let mut error = failure.error;
        if let Some(witness) = self.witness {
            let testimony = witness.testify(step, about).await;
            step = testimony.step.unwrap_or(step);
            error.causes.extend(testimony.why);
            error.hints.extend(testimony.fix);
        }
        let why = error.causes;
        self.ended(StepReport { step, verdict: Verdict::Failed, seconds, seen: error.message, why, fix: error.hints });
    }

    /// Whether a step failed so far.
    pub(super) fn has_failed(&self) -> bool {
        self.steps.iter().any(|step| step.verdict == Verdict::Failed)
    }

    fn ended(&mut self, report: StepReport) {
        (self.tell)(Event::Ended(report.clone()));
        self.steps.push(report);
    }
}
