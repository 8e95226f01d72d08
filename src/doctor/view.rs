//! The answer as text: one screen, by area. Pure.

use std::fmt::Write as _;

use super::finding::{AreaReport, Finding, Report, Severity};
use crate::text::hanging;

/// Where what is said of an area begins.
const INDENT: usize = 24;
/// Where the reasons and fixes of a finding begin.
const BELOW: usize = 9;

/// The answer as lines for people.
pub fn lines(report: &Report) -> String {
    let mut out = String::new();
    let what = match (&report.chart, &report.namespace) {
        (Some(chart), Some(namespace)) => format!("{chart} in {namespace} on {}", report.cluster),
        _ => format!("the cluster {}", report.cluster),
    };
    let _ = writeln!(out, "{}\n", hanging(&format!("Looked at {what} ({})", report.server), 0));
    for area in &report.areas {
        out.push_str(&of_area(area));
    }
    for area in &report.skipped {
        let _ = writeln!(out, "{}", headed("skipped", area.name(), "by --skip"));
    }
    let _ = write!(out, "\n{}", closing(report));
    out
}

fn of_area(area: &AreaReport) -> String {
    if area.findings.is_empty() {
        return format!("{}\n", headed("ok", area.area.name(), &area.summary));
    }
    area.findings.iter().map(|finding| of_finding(area, finding)).collect()
}

fn of_finding(area: &AreaReport, finding: &Finding) -> String {
    let word = match finding.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Fatal => "FATAL",
    };
    let mut out = format!("{}\n", headed(word, area.area.name(), &finding.seen));
    if !finding.why.is_empty() {
        let _ = writeln!(out, "{:BELOW$}{}", "", hanging(&format!("because: {}", finding.why), BELOW));
    }
    for fix in &finding.fix {
        // A command is for copying: never broken.
        let text = if is_command(fix) { fix.clone() } else { hanging(fix, BELOW + 5) };
        let _ = writeln!(out, "{:BELOW$}fix: {text}", "");
    }
    out
}

fn is_command(fix: &str) -> bool {
    ["kubectl ", "helm ", "openstack ", "unset ", "HELM_DRIVER="].iter().any(|start| fix.starts_with(start))
}

fn headed(word: &str, area: &str, text: &str) -> String {
    format!("{word:<8} {area:<14} {}", hanging(text, INDENT))
}

fn closing(report: &Report) -> String {
    let (fatal, warnings) = (report.count(Severity::Fatal), report.count(Severity::Warning));
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let what = if report.chart.is_some() { "install would not work" } else { "a hub would not work" };
    let mut text = match (fatal, warnings) {
        (0, 0) => "Nothing is in the way.".to_owned(),
        (0, _) => format!("Nothing is in the way; {warnings} warning{}.", s(warnings)),
        (_, 0) => format!("{fatal} fatal: {what}."),
        _ => format!("{fatal} fatal: {what}; {warnings} warning{}.", s(warnings)),
    };
    if report.chart.is_none() {
        text.push_str("\nWith a chart, more is looked at: helm iris doctor daskhub");
    }
    text
}
