//! Chart archives on this machine.

use super::finding::{Finding, Verdict};
use super::wanted::Wanted;

pub(super) fn check(wanted: &Wanted) -> Verdict {
    let there = wanted.archives.iter().filter(|archive| matches!(archive.there, Ok(true))).count();
    let mut verdict =
        Verdict::of(format!("{there} of {} archives are here and as they were locked", wanted.archives.len()));
    for archive in &wanted.archives {
        match &archive.there {
            Ok(true) => {}
            Ok(false) => verdict.findings.push(
                Finding::info("archive-missing", format!("the archive of {} is not here", archive.name))
                    .because("install fetches it; until then its values cannot be checked against its schema")
                    .fix(format!("helm iris charts pull {}", wanted.chart)),
            ),
            Err(error) => verdict.findings.push(Finding::of_error("archive-damaged", error)),
        }
    }
    verdict
}
