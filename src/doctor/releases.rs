//! Releases that Helm has not finished, and where Helm keeps them.

use super::facts::{Facts, Look, PendingRelease};
use super::finding::{Finding, Severity, Verdict};
use super::wanted::Wanted;
use crate::plan;

pub(super) fn check(facts: &Facts, wanted: Option<&Wanted>) -> Verdict {
    let mut verdict = Verdict::of("no release is unfinished");
    match &facts.pending {
        Look::Seen(pending) => {
            verdict.findings.extend(pending.iter().map(|release| unfinished(release, wanted)));
        }
        Look::Refused => {
            let means = "a release that another helm left unfinished is seen only when it is in the way";
            verdict.findings.push(Finding::could_not_look("Helm's Secrets", means));
        }
        Look::NotAsked => {}
    }
    verdict.findings.extend(driver(facts.helm_driver.as_deref()));
    for name in facts.in_config_maps.seen().into_iter().flatten() {
        verdict.findings.push(elsewhere(name, wanted));
    }
    verdict
}

fn unfinished(release: &PendingRelease, wanted: Option<&Wanted>) -> Finding {
    let PendingRelease { namespace, name, revision, status, is_left } = release;
    if *is_left {
        let seen = format!("revision {revision} of the release {name} was left {status} (in {namespace})");
        return Finding::warning("release-pending", seen)
            .because("a helm of helm iris was killed; the next installation frees it and goes on")
            .fix("run the same helm iris command again");
    }
    let entry = |wanted: &Wanted| {
        wanted.releases.iter().any(|ours| (&ours.entry.namespace, &ours.entry.name) == (namespace, name))
    };
    let error = plan::at_work((name, namespace), *revision, status, None);
    let finding = Finding::of_error("release-pending", &error);
    let finding = Finding { seen: format!("{} (in {namespace})", finding.seen), ..finding };
    if wanted.is_some_and(entry) { finding } else { finding.as_bad_as(Severity::Warning) }
}

fn driver(driver: Option<&str>) -> Option<Finding> {
    let driver = driver.filter(|driver| !["secret", "secrets"].contains(driver))?;
    Some(
        Finding::warning("helm-driver", format!("HELM_DRIVER is `{driver}`"))
            .because("helm iris keeps releases in Secrets, always; a helm of your own then sees none of them, and helm iris none of its")
            .fix("unset HELM_DRIVER"),
    )
}

fn elsewhere(name: &str, wanted: Option<&Wanted>) -> Finding {
    let namespace = wanted.map(|wanted| wanted.namespace.as_str()).unwrap_or_default();
    Finding::warning("release-elsewhere", format!("Helm keeps the release {name} in ConfigMaps (in {namespace})"))
        .because("helm iris looks in Secrets only: it would install beside it, and helm refuse what belongs to it")
        .fix(format!("HELM_DRIVER=configmap helm history {name} -n {namespace}   # is it in use?"))
        .fix("install the hub into another namespace (-n OTHER), or save its data and remove that release first")
}
