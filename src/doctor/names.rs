//! Names that the whole cluster shares, taken by somebody else.

use super::facts::{Facts, Taken};
use super::finding::{Finding, Verdict};

pub(super) fn check(facts: &Facts) -> Verdict {
    let means = "if somebody has one of the names, helm refuses the release";
    let taken = match Verdict::about(&facts.taken, "all names that the cluster shares", means) {
        Ok(taken) => taken,
        Err(verdict) => return verdict,
    };
    let mut verdict = Verdict::of("no cluster-wide name is somebody else's");
    verdict.findings.extend(taken.iter().map(finding));
    verdict
}

fn finding(taken: &Taken) -> Finding {
    let Taken { kind, plural, name, .. } = taken;
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
