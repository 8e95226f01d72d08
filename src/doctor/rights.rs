//! What we may make of what would be installed.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, Forbidden, Look};
use super::finding::{Finding, Verdict};
use super::wanted::{Unknown, Wanted};

pub(super) fn check(facts: &Facts, wanted: &Wanted) -> Verdict {
    let mut verdict = Verdict::default();
    verdict.findings.extend(unknown(wanted));
    let forbidden = match &facts.forbidden {
        Look::Seen(forbidden) => forbidden,
        Look::Refused => {
            let means = "what is forbidden shows when helm is refused";
            verdict.findings.push(Finding::could_not_look("your own rights", means));
            return verdict;
        }
        Look::NotAsked => return verdict,
    };
    let kinds: BTreeSet<_> = wanted.objects().map(|(_, object)| (&object.api_version, &object.kind)).collect();
    verdict.summary = format!("all {} kinds of objects may be made and changed", kinds.len());
    let (cluster, inside): (Vec<_>, Vec<_>) = forbidden.iter().partition(|one| one.namespace.is_none());
    if !cluster.is_empty() {
        verdict.findings.push(cluster_wide(&cluster, wanted));
    }
    let mut by_namespace: BTreeMap<&str, Vec<&Forbidden>> = BTreeMap::new();
    for one in inside {
        by_namespace.entry(one.namespace.as_deref().unwrap_or_default()).or_default().push(one);
    }
    verdict.findings.extend(by_namespace.into_iter().map(|(namespace, forbidden)| in_namespace(namespace, &forbidden)));
    verdict
}

/// What cannot be told, because the objects are not known.
fn unknown(wanted: &Wanted) -> Option<Finding> {
    let charts: Vec<&str> = wanted
        .unknown()
        .filter(|(_, unknown)| matches!(unknown, Unknown::NoArchive | Unknown::NoHelm))
        .map(|(release, _)| release.entry.chart.as_str())
        .collect();
    let without_helm = wanted.unknown().any(|(_, unknown)| matches!(unknown, Unknown::NoHelm));
    (!charts.is_empty()).then(|| {
        let finding =
            Finding::info("objects-unknown", format!("what {} would make is not known", charts.join(" and ")))
                .because("rights, names and images of it were not looked at");
        if without_helm {
            finding.fix("see helm, above")
        } else {
            finding.fix(format!("helm iris charts pull {}", wanted.chart))
        }
    })
}

fn list(forbidden: &[&Forbidden]) -> String {
    let mut verbs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in forbidden {
        verbs.entry(&one.plural).or_default().insert(&one.verb);
    }
    let mut by_verbs: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
    for (plural, verbs) in verbs {
        by_verbs.entry(verbs.into_iter().collect()).or_default().push(plural);
    }
    let words = by_verbs.into_iter().map(|(verbs, plurals)| format!("{} {}", verbs.join(", "), plurals.join(", ")));
    words.collect::<Vec<_>>().join("; ")
}

fn cluster_wide(forbidden: &[&Forbidden], wanted: &Wanted) -> Finding {
    let mut finding = Finding::fatal("rights-cluster", format!("not allowed in the whole cluster: {}", list(forbidden)))
        .because("helm stops at the first object that it may not make; what belongs to the whole cluster, an admin of one namespace may not")
        .fix(format!("an administrator of the cluster runs it once: helm iris install {} -n {}", wanted.chart, wanted.namespace));
    let is = |plural: &str| forbidden.iter().any(|one| one.plural == plural);
    if is("namespaces") {
        finding = finding.fix(format!("kubectl create namespace {}   # by an administrator", wanted.namespace));
    }
    if is("storageclasses") {
        finding =
            finding.fix("without a right to make StorageClasses: name one that exists: storage: {className: NAME}");
    }
    if is("customresourcedefinitions") {
        finding = finding.fix("without Dask Gateway, which needs definitions: helm iris doctor jupyterhub");
    } else if is("clusterroles") && has_user_scheduler(wanted) {
        finding = finding.fix("without cluster-wide roles, in the site file: values: {jupyterhub: {scheduling: {userScheduler: {enabled: false}}}}");
    }
    finding
}

fn has_user_scheduler(wanted: &Wanted) -> bool {
    wanted.objects().any(|(_, object)| object.kind == "ClusterRole" && object.name.contains("user-scheduler"))
}

fn in_namespace(namespace: &str, forbidden: &[&Forbidden]) -> Finding {
    Finding::fatal("rights-namespace", format!("not allowed in the namespace {namespace}: {}", list(forbidden)))
        .because("helm stops at the first object that it may not make")
        .fix("an administrator of the cluster gives you the role `admin` there:")
        .fix(format!("kubectl create rolebinding iris --clusterrole=admin --user=YOU -n {namespace}"))
}
