//! Which secrets go past the values, into Kubernetes Secrets of ours.

use crate::bundle::manifest::{Delivered, Delivery};
use crate::chart::Chart;
use crate::chart::release::SecretSpec;
use crate::layers;
use crate::load::Loaded;
use crate::problem::Problem;
use crate::secrets::delivered::secret_name;
use crate::settings::SecretMode;

/// The name of the Secret with a chart's secrets; none where they are all in its values.
pub fn secret_of(chart: &Chart, mode: SecretMode) -> Option<String> {
    chart.spec.delivers(mode).then(|| secret_name(&chart.name))
}

pub(super) fn delivery(chart: &Chart, mode: SecretMode) -> Option<Delivery> {
    Some(Delivery { secret: secret_of(chart, mode)?, fingerprints: chart.spec.fingerprint_paths.clone() })
}

pub(super) fn delivered(chart: &Chart, secret: &SecretSpec) -> Vec<Delivered> {
    let to = secret.existing.iter().cloned().map(|to| Delivered {
        chart: chart.name.clone(),
        key: to.key,
        path: to.path,
        separator: to.separator,
        previous: to.previous,
    });
    to.collect()
}

/// `secretMode: existing` where no chart can read a secret from anywhere but its values.
pub fn without_use(loaded: &Loaded) -> Option<Problem> {
    let mode = loaded.settings.secret_mode;
    let any = loaded.charts.iter().any(|chart| chart.spec.delivers(mode));
    (mode == SecretMode::Existing && !any).then(|| {
        let (file, place) = layers::origin(&loaded.layers, "/secretMode");
        let message =
            format!("`secretMode: existing` does nothing here: {} reads no secret from a Secret", loaded.chart);
        Problem::warning(file, place, message).fix("REVIEW.md says where its secrets are")
    })
}
