//! Names that somebody else has: those that the whole cluster shares, and those in the hub's namespace.

use super::facts::{Facts, Taken};
use super::finding::{Finding, Verdict};

pub(super) fn check(facts: &Facts) -> Verdict {
    let means = "if somebody has one of the names, helm refuses the release";
    let taken = match Verdict::about(&facts.taken, "all names that the cluster shares", means) {
        Ok(taken) => taken,
        Err(verdict) => return verdict,
    };
    let mut verdict = Verdict::of("no name is somebody else's");
    verdict.findings.extend(taken.iter().map(finding));
    verdict
}

fn finding(taken: &Taken) -> Finding {
    let Taken { kind, plural, name, namespace, .. } = taken;
    if let Some(namespace) = namespace {
        return inside(taken, namespace);
    }
    let (our_namespace, our_release) = &taken.wanted_by;
    let why = format!("the release {our_release} in {our_namespace} would make it, and helm refuses what is another's");
    match &taken.by {
        Some((namespace, release)) => {
            Finding::fatal("name-taken", format!("the {kind} {name} belongs to the release {release} in {namespace}"))
                .because(why)
                .fix("choose another namespace for this hub: such names carry the release's name, which is the namespace's: -n OTHER")
                .fix(format!("or, if that release is not needed: helm uninstall {release} -n {namespace}"))
        }
        None => Finding::fatal("name-taken", format!("there is a {kind} {name} that no release of Helm made"))
            .because(why)
            .fix(format!("kubectl get {plural} {name} -o yaml   # what is it?"))
            .fix(format!("if nobody needs it: kubectl delete {plural} {name}")),
    }
}

/// One in the hub's namespace.
fn inside(Taken { kind, plural, name, by, wanted_by, .. }: &Taken, namespace: &str) -> Finding {
    let (_, release) = wanted_by;
    let what = match by {
        Some((_, other)) => format!("the {kind} {name} in {namespace} belongs to the release {other}"),
        None => format!("there is a {kind} {name} in {namespace} that no release of Helm made"),
    };
    let finding = Finding::fatal("name-taken", what)
        .because(format!("the release {release} would make it, and helm refuses what is another's"))
        .fix("choose another namespace for this hub: -n OTHER")
        .fix(format!("kubectl get {plural} {name} -n {namespace} -o yaml   # what is it?"));
    finding.fix(match by {
        Some((_, other)) => format!("if that release is not needed: helm uninstall {other} -n {namespace}"),
        None => format!("if nobody needs it: kubectl delete {plural} {name} -n {namespace}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::Look;
    use crate::doctor::finding::Severity;

    /// What only the namespace shares is told with the namespace.
    #[test]
    fn names_of_the_cluster_and_in_the_hubs_namespace() {
        let told = |namespace: Option<&str>, by: Option<&str>| {
            let taken = Taken {
                kind: "Secret".into(),
                plural: "secrets".into(),
                name: "hub".into(),
                namespace: namespace.map(str::to_owned),
                by: by.map(|release| ("dhub".into(), release.into())),
                wanted_by: ("dhub".into(), "dhub".into()),
            };
            let mut found = check(&Facts { taken: Look::Seen(vec![taken]), ..Facts::default() }).findings;
            let found = found.remove(0);
            assert_eq!((found.id, found.severity), ("name-taken", Severity::Fatal));
            format!("{} {}", found.seen, found.fix.join(" "))
        };
        assert!(told(None, None).contains("there is a Secret hub that no release of Helm made"));
        let nobodys = told(Some("dhub"), None);
        assert!(nobodys.contains("Secret hub in dhub that no release of Helm made"), "{nobodys}");
        assert!(nobodys.contains("kubectl delete secrets hub -n dhub"), "{nobodys}");
        let anothers = told(Some("dhub"), Some("other"));
        assert!(anothers.contains("belongs to the release other"), "{anothers}");
        assert!(anothers.contains("helm uninstall other -n dhub"), "{anothers}");
    }
}
