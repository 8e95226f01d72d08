//! The answer as text: a line for each step, and how it ended. Pure.

use super::step::{Level, Report, StepReport, Verdict};
use crate::text::hanging;

/// Where what is said of a step begins.
const INDENT: usize = 32;
/// Where the reasons and fixes of a step begin.
const BELOW: usize = 9;

/// A step, as it is told when it ends.
pub fn line(report: &StepReport) -> String {
    let (word, time) = match report.verdict {
        Verdict::Ok => ("ok", format!("{:.1} s", report.seconds)),
        Verdict::Failed => ("FAILED", format!("{:.1} s", report.seconds)),
        Verdict::Skipped => ("skipped", String::new()),
    };
    let head = format!("{word:<8} {:<13} {time:>7}  ", report.step.name());
    let mut out = format!("{head}{}", hanging(&report.seen, INDENT)).trim_end().to_owned();
    for why in &report.why {
        out.push_str(&format!("\n{:BELOW$}{}", "", hanging(&format!("because: {why}"), BELOW)));
    }
    for fix in &report.fix {
        out.push_str(&format!("\n{:BELOW$}fix: {}", "", hanging(fix, BELOW + 5)));
    }
    out
}

/// The closing line.
pub fn closing(report: &Report) -> String {
    match (report.failed(), report.level) {
        (Some(step), _) => format!("FAILED at {}, after {:.1} s.", step.step.name(), report.seconds),
        (None, Level::Full) => format!("All of it works, in {:.1} s.", report.seconds),
        (None, Level::Quick) => {
            format!("All of it answers, in {:.1} s. Whether notebooks start and compute was not tried.", report.seconds)
        }
    }
}
