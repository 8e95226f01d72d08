//! Whether a cluster is fit for what would be installed: read, then judged.
//!
//! `read` looks at the cluster, all at once and page by page. Each area has a file with a pure check
//! of what was read. What may not be read is a finding, not an error of the whole.

mod archives;
mod capacity;
mod constraint;
mod facts;
mod finding;
mod images;
mod load_balancer;
mod names;
mod network;
mod objects;
mod probe;
mod read;
mod releases;
mod rights;
mod storage;
mod versions;
mod view;
mod wanted;
mod worker_sizes;

pub use facts::{Class, Facts, Look, Node, Room};
pub use finding::{Area, AreaReport, Finding, Report, Severity};
pub use probe::{Trial, trial};
pub use read::{Scope, has_namespace, objects, room, surroundings};
pub use storage::class_to_try;
pub use view::lines;
pub use wanted::{Unknown, Wanted, WantedArchive, WantedRelease, with_stand_ins};

use finding::Verdict;

/// Judges what was read, area by area.
pub fn judge(facts: &Facts, wanted: Option<&Wanted>, areas: &[Area]) -> Vec<AreaReport> {
    let judged = areas.iter().filter_map(|area| Some(AreaReport::new(*area, verdict(*area, facts, wanted)?)));
    judged.collect()
}

/// Whether Helm would refuse a release on this Kubernetes, so that it need not be rendered.
pub fn is_refused(kubernetes: &str, needs: &[crate::archive::KubernetesNeed]) -> bool {
    versions::refuses(kubernetes, needs)
}

fn verdict(area: Area, facts: &Facts, wanted: Option<&Wanted>) -> Option<Verdict> {
    Some(match area {
        Area::Versions => versions::check(facts, wanted),
        Area::Storage => storage::check(facts, wanted),
        Area::Rights => rights::check(facts, wanted?),
        Area::Capacity => capacity::check(facts, wanted?),
        Area::Names => names::check(facts),
        Area::Network => network::check(facts),
        Area::LoadBalancer => load_balancer::check(facts, wanted),
        Area::Archives => archives::check(wanted?),
        Area::Images => images::check(wanted?),
        Area::Releases => releases::check(facts, wanted),
    })
}

#[cfg(test)]
mod tests;
