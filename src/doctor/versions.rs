//! Kubernetes and Helm against what the charts need.

use std::collections::BTreeSet;

use super::constraint;
use super::facts::Facts;
use super::finding::{Finding, Severity, Verdict};
use super::wanted::{Unknown, Wanted};

pub(super) fn check(facts: &Facts, wanted: Option<&Wanted>) -> Verdict {
    let helm = facts.helm.as_ref().and_then(|helm| helm.as_ref().ok());
    let mut verdict = Verdict::of(match helm {
        Some(helm) => format!("Kubernetes {}, Helm {helm}", facts.kubernetes),
        None => format!("Kubernetes {}", facts.kubernetes),
    });
    if let Some(Err(error)) = &facts.helm {
        verdict.findings.push(Finding::of_error("helm-unusable", error));
    }
    let Some(wanted) = wanted else { return verdict };
    verdict.findings.extend(too_old(facts, wanted));
    verdict.findings.extend(missing_apis(facts, wanted));
    for (_, unknown) in wanted.unknown() {
        if let Unknown::Refused(error) = unknown {
            verdict.findings.push(Finding::of_error("not-rendered", error));
        }
    }
    verdict
}

/// Whether Helm itself would refuse a release on this Kubernetes.
pub(super) fn refuses(kubernetes: &str, needs: &[crate::archive::KubernetesNeed]) -> bool {
    needs.iter().any(|need| need.is_own && constraint::is_met(&need.constraint, kubernetes) == Some(false))
}

fn too_old(facts: &Facts, wanted: &Wanted) -> Vec<Finding> {
    let mut told = BTreeSet::new();
    let needs = wanted.releases.iter().flat_map(|release| &release.needs);
    let unmet = needs.filter(|need| constraint::is_met(&need.constraint, &facts.kubernetes) == Some(false));
    unmet
        .filter(|need| told.insert(need.chart.clone()))
        .map(|need| {
            let seen = format!("Kubernetes is {}, and {} needs {}", facts.kubernetes, need.chart, need.constraint);
            let (severity, why) = if need.is_own {
                (Severity::Fatal, "helm refuses the chart on this version")
            } else {
                (Severity::Warning, "helm does not look at charts within charts, and this one may not work")
            };
            Finding::fatal("kubernetes-version", seen)
                .as_bad_as(severity)
                .because(why)
                .fix("openstack coe cluster upgrade CLUSTER TEMPLATE")
                .fix("or take an older version of the chart: sources.CHART.version in the site file")
        })
        .collect()
}

/// Kinds that the cluster does not know, and that no definition among the objects brings.
fn missing_apis(facts: &Facts, wanted: &Wanted) -> Vec<Finding> {
    let defined: BTreeSet<_> = wanted.objects().filter_map(|(_, object)| object.defines.clone()).collect();
    let mut missing = BTreeSet::new();
    for (release, object) in wanted.objects() {
        let (group, version) = object.api_version.rsplit_once('/').unwrap_or(("", &object.api_version));
        let served = facts.served.iter().any(|served| {
            (served.group.as_str(), served.version.as_str(), &served.kind) == (group, version, &object.kind)
        });
        if !served && !defined.contains(&(group.to_owned(), object.kind.clone())) {
            missing.insert((release.entry.helm_chart.clone(), object.api_version.clone(), object.kind.clone()));
        }
    }
    missing
        .into_iter()
        .map(|(chart, version, kind)| {
            Finding::fatal("api-missing", format!("the chart {chart} makes a {kind} of {version}, which this cluster does not have"))
                .because("helm refuses the whole release")
                .fix(format!("kubectl api-resources | grep -i {kind}"))
                .fix("if another version of it is there, take another version of the chart: sources.CHART.version in the site file")
        })
        .collect()
}
