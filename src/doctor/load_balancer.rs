//! Addresses: asked for and taken, or asked for and not given.

use jiff::Timestamp;

use super::facts::{Balancer, Facts, Look};
use super::finding::{Finding, Verdict};
use super::wanted::Wanted;

/// Keeps load balancers away from a node.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// Seconds that a cloud may take for an address.
const PATIENCE: i64 = 300;

pub(super) fn check(facts: &Facts, wanted: Option<&Wanted>) -> Verdict {
    let mut verdict = Verdict::default();
    match &facts.balancers {
        Look::Seen(balancers) => {
            verdict.findings.extend(wanted.into_iter().flat_map(|wanted| in_use(balancers, wanted)));
            verdict.findings.extend(balancers.iter().filter_map(|balancer| pending(balancer, facts.now)));
            let given = balancers.iter().filter(|balancer| !balancer.has.is_empty()).count();
            verdict.summary = match balancers.len() {
                0 => "no Service has asked this cloud for an address yet".to_owned(),
                all => format!("{given} of {all} Services that asked for an address have one"),
            };
        }
        Look::Refused => {
            let means = "whether the address that is asked for is free is not known";
            verdict.findings.push(Finding::could_not_look("the Services of all namespaces", means));
        }
        Look::NotAsked => {}
    }
    verdict.findings.extend(excluded(facts));
    verdict
}

fn in_use(balancers: &[Balancer], wanted: &Wanted) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (release, object) in wanted.objects() {
        let Some(address) = &object.address else { continue };
        let own = (release.namespace_of(object), object.name.as_str());
        let taken = |other: &&Balancer| {
            (other.namespace.as_str(), other.name.as_str()) != own
                && (other.has.contains(address) || other.asks_for.as_ref() == Some(address))
        };
        if let Some(Balancer { namespace, name, .. }) = balancers.iter().find(taken) {
            findings.push(
                Finding::warning(
                    "address-in-use",
                    format!("the address {address} is used by the Service {name} in {namespace}"),
                )
                .because("unless they are meant to share it, the cloud gives another one without a word, or none")
                .fix("openstack floating ip list   # one without a fixed address is free")
                .fix("then name it in the site file: loadBalancer: {address: ADDRESS}"),
            );
        }
    }
    findings
}

fn pending(balancer: &Balancer, now: Option<Timestamp>) -> Option<Finding> {
    let Balancer { namespace, name, .. } = balancer;
    if !balancer.has.is_empty() {
        return None;
    }
    let age = balancer.since.zip(now).map(|(since, now)| now.as_second() - since.as_second());
    let waited = age.map_or_else(String::new, |age| format!(" for {}", shown(age)));
    let seen = format!("the Service {name} in {namespace} has been waiting{waited} for an address");
    let says = balancer.says.as_ref().map(|says| format!("the cloud says: {says}"));
    let silent = "the cloud says nothing; is its load balancer service there, and is the quota used up?".to_owned();
    let finding = if age.is_some_and(|age| age < PATIENCE) && says.is_none() {
        Finding::info("load-balancer-pending", seen).because("that takes minutes at times")
    } else {
        Finding::warning("load-balancer-pending", seen).because(says.unwrap_or(silent))
    };
    Some(finding.fix(format!("kubectl describe service {name} -n {namespace}")))
}

fn shown(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

/// No node that a load balancer may lead to.
fn excluded(facts: &Facts) -> Option<Finding> {
    let nodes = facts.nodes.seen()?;
    let all = !nodes.is_empty() && nodes.iter().all(|node| node.labels.contains_key(EXCLUDED));
    all.then(|| {
        Finding::warning("nodes-excluded", format!("every node carries the label {EXCLUDED}"))
            .because("no load balancer leads to any node, so that no address works")
            .fix(format!("kubectl label nodes --all {EXCLUDED}-"))
    })
}
