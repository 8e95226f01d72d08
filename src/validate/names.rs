//! Names that Kubernetes or Helm would refuse.

use crate::bundle::manifest::ReleaseEntry;
use crate::names::MAX_LABEL;
use crate::problem::Problem;

/// Helm's limit for a release name (`pkg/chartutil/validate_name.go`).
const MAX_RELEASE: usize = 53;
/// The longest name that the dask-gateway chart makes of a release that is not named after it.
const LONGEST_GATEWAY_NAME: &str = "controller--dask-gateway";

pub(super) fn check(release: &ReleaseEntry) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut too_long = |message: String| {
        problems
            .push(Problem::error(format!("-n {}", release.namespace), None, message).fix("choose a shorter namespace"));
    };
    if release.name.len() > MAX_RELEASE {
        too_long(format!("the release name `{}` has more than Helm's {MAX_RELEASE} characters", release.name));
    }
    let has_gateway = matches!(release.chart.as_str(), "daskhub" | "dask-gateway");
    if has_gateway && LONGEST_GATEWAY_NAME.len() + release.name.len() > MAX_LABEL {
        too_long(format!(
            "`controller-{}-dask-gateway` has more than Kubernetes' {MAX_LABEL} characters",
            release.name
        ));
    }
    problems
}
