//! The answer as text: a line for each step, and how it ended. Pure.

use super::step::{Level, Report, Step, StepReport, Verdict};
use crate::secrets::DASK_PASSWORD;
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
        (None, Level::Workers) => format!(
            "A Dask cluster came with its workers, and went, in {:.1} s.\n\
             Nothing was computed: that takes a Dask client, and versions that match its own.",
            report.seconds
        ),
        (None, Level::Quick) => {
            // Only a hub has them.
            let notebooks = report.steps.iter().any(|step| step.step == Step::Token);
            let what = if notebooks { "notebooks start and compute" } else { "Dask clusters start" };
            format!("All of it answers, in {:.1} s. Whether {what} was not tried.", report.seconds)
        }
    }
}

/// The guide's program for a gateway by itself, for where its users run theirs. `address` is as they see it.
pub fn snippet(address: &str, namespace: &str, workers: u32) -> String {
    let password = format!("helm iris secrets show {DASK_PASSWORD} --reveal -n {namespace}");
    format!(
        r#"To try that too, where users run their notebooks; what tells the password:
  {password}

  import dask.array as da
  from dask_gateway import BasicAuth, Gateway

  address = "{address}"
  gateway = Gateway(address, auth=BasicAuth("guide", "PASSWORD"))
  with gateway.new_cluster() as cluster:
      cluster.scale({workers})
      client = cluster.get_client()
      client.wait_for_workers({workers}, timeout=600)
      client.get_versions(check=True)  # warns where versions differ
      numbers = da.random.normal(size=(10000, 10000), chunks=(500, 500))
      print("mean", numbers.mean().compute())"#
    )
}
