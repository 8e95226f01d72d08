//! Names that Kubernetes or Helm would refuse.

use crate::bundle::manifest::ReleaseEntry;
use crate::error::{Error, Result};
use crate::problem::Problem;

/// Helm's limit for a release name (`pkg/chartutil/validate_name.go`).
const MAX_RELEASE: usize = 53;
/// A Service's name, a DNS label.
const MAX_LABEL: usize = 63;
/// The longest name that the dask-gateway chart makes of a release that is not named after it.
const LONGEST_GATEWAY_NAME: &str = "controller--dask-gateway";

/// Refuses what Kubernetes would not take as a namespace.
///
/// # Errors
/// A name that is no DNS label.
pub fn check_namespace(name: &str) -> Result<()> {
    let fits = !name.is_empty()
        && name.len() <= MAX_LABEL
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        return Ok(());
    }
    Err(Error::usage(format!("`{name}` cannot be a namespace"))
        .because(format!("Kubernetes takes at most {MAX_LABEL} of a-z, 0-9 and -, with a letter or digit at both ends"))
        .hint("choose a short name, e.g. -n dhub"))
}

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
