//! What was tried so far, told as it happens.

use std::time::Instant;

use super::step::{Failure, Step, StepReport, Verdict};
use super::witness::Witness;
use crate::helm::Scrub;
use crate::text::one_line;

/// Longer words of somebody else say little more.
const LONGEST: usize = 300;

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
    /// What the hub, the kernel and the cluster say is said by others: it may hold secrets.
    scrub: &'a Scrub,
    witness: Option<&'a Witness>,
    pub(super) steps: Vec<StepReport>,
}

impl<'a> Log<'a> {
    pub(super) fn new(scrub: &'a Scrub, witness: Option<&'a Witness>, tell: &'a mut dyn FnMut(Event)) -> Self {
        Self { tell, scrub, witness, steps: Vec::new() }
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
        let text = self.said(text);
        (self.tell)(Event::Progress(step, text));
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

    /// A text of somebody else: cleaned before it is cut, or a secret could lose the end it is known by.
    fn said(&self, text: &str) -> String {
        one_line(&self.scrub.clean(text), LONGEST)
    }

    fn ended(&mut self, mut report: StepReport) {
        report.seen = self.said(&report.seen);
        report.why = report.why.iter().map(|why| self.said(why)).collect();
        // Commands among them, which cutting would break.
        report.fix = report.fix.iter().map(|fix| self.scrub.clean(fix)).collect();
        (self.tell)(Event::Ended(report.clone()));
        self.steps.push(report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::redact::Secret;
    use crate::secrets::{Ledger, Need, SecretKind};

    #[tokio::test]
    async fn what_others_say_is_told_without_secrets() {
        let mut ledger = Ledger::create().unwrap();
        ledger.ensure(&[Need { name: "a".into(), kind: SecretKind::Alnum(16), ..Need::default() }]).unwrap();
        ledger.entries.get_mut("a").unwrap().value = Secret::new("hunter2222".into());
        let scrub = Scrub::new(&ledger);
        let told = std::cell::RefCell::new(Vec::new());
        let mut tell = |event: Event| told.borrow_mut().push(format!("{event:?}"));
        let mut log = Log::new(&scrub, None, &mut tell);
        log.progress(Step::Spawn, "pulling with hunter2222");
        log.passed(Step::Reach, 0.0, "JupyterHub hunter2222 at host".to_owned());
        let cause = format!("{} hunter2222", "x".repeat(LONGEST - 6));
        let error =
            Error::user("no").because(cause).because("postgresql://jhub:other@db refused").hint("try hunter2222");
        log.failed(Step::Kernel, 0.0, error.into(), None).await;
        let told = told.take();
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|line| !line.contains("hunter") && !line.contains("other")), "{told:#?}");
        assert!(told[1].contains("JupyterHub *** at host") && told[2].contains("postgresql://***@db refused"));
        assert!(told[2].contains("try ***"), "{told:#?}");
    }
}
