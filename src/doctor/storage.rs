//! StorageClasses, the drivers behind them, and zones.

use std::collections::BTreeSet;

use serde_json::Value;

use super::facts::{Class, Facts, Node};
use super::finding::{Finding, Severity, Verdict};
use super::wanted::Wanted;
use crate::plan;

/// Names of drivers that were part of Kubernetes once, and who serves them now.
const IN_TREE: [(&str, &str); 8] = [
    ("kubernetes.io/cinder", "cinder.csi.openstack.org"),
    ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
    ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
    ("kubernetes.io/azure-file", "file.csi.azure.com"),
    ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
    ("kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"),
    ("kubernetes.io/portworx-volume", "pxd.portworx.com"),
    ("kubernetes.io/rbd", "rbd.csi.ceph.com"),
];
/// Volumes are made by hand.
const BY_HAND: &str = "kubernetes.io/no-provisioner";
/// Labels of nodes that name their zone; the drivers have one of their own.
const ZONES: [&str; 3] =
    ["topology.kubernetes.io/zone", "topology.cinder.csi.openstack.org/zone", "failure-domain.beta.kubernetes.io/zone"];
/// Parameters that name the zone in which volumes are made.
const ZONE_PARAMETERS: [&str; 3] = ["availability", "zone", "zones"];

/// Whether a label names the zone of a node, in the words of Kubernetes or of a driver.
pub(super) fn is_zone(label: &str) -> bool {
    ZONES.contains(&label)
}

pub(super) fn check(facts: &Facts, wanted: Option<&Wanted>) -> Verdict {
    let mut verdict = look(facts, wanted);
    match &facts.probe {
        Some(Ok(said)) => verdict.summary = format!("{}; {said}", verdict.summary),
        Some(Err(error)) => verdict.findings.push(Finding::of_error("probe-failed", error)),
        None => {}
    }
    verdict
}

fn look(facts: &Facts, wanted: Option<&Wanted>) -> Verdict {
    let means = "it is taken for granted that there is one default class, whose driver works";
    let classes = match Verdict::about(&facts.classes, "the StorageClasses", means) {
        Ok(classes) => classes,
        Err(verdict) => return verdict,
    };
    let named = wanted.map(named_classes).unwrap_or_default();
    let mut verdict = Verdict::default();
    let mut used: Vec<Class> = Vec::new();
    for name in &named {
        match classes.iter().find(|class| class.name == *name) {
            Some(class) => used.push(class.clone()),
            None => verdict.findings.push(missing(name, classes)),
        }
    }
    if uses_default(wanted, &named) {
        default_class(classes, wanted, &mut used, &mut verdict);
    }
    for class in &used {
        verdict.findings.extend(driver(class, facts));
        verdict.findings.extend(intent(class, wanted));
        verdict.findings.extend(placing(class, facts));
    }
    let words = used.iter().map(summary).collect::<Vec<_>>().join("; ");
    verdict.summary = words;
    verdict
}

fn summary(class: &Class) -> String {
    let Class { name, provisioner, reclaim_policy, binding_mode, .. } = class;
    let default = if class.is_default { "default class " } else { "class " };
    format!("{default}{name}: {provisioner}, {reclaim_policy}, {binding_mode}")
}

/// The classes that what would be installed names.
fn named_classes(wanted: &Wanted) -> BTreeSet<String> {
    let homes = wanted.value("jupyterhub", "/singleuser/storage/dynamic/storageClass").and_then(Value::as_str);
    let of_objects = wanted.objects().flat_map(|(_, object)| object.classes.iter().cloned());
    of_objects.chain(homes.filter(|name| !name.is_empty()).map(str::to_owned)).collect()
}

/// The class that volumes would get, if it is there.
pub fn class_to_try<'f>(facts: &'f Facts, wanted: Option<&Wanted>) -> Option<&'f Class> {
    let classes = facts.classes.seen()?;
    let named = wanted.map(named_classes).unwrap_or_default();
    if let Some(name) = named.first() {
        return classes.iter().find(|class| class.name == *name);
    }
    let mut defaults = classes.iter().filter(|class| class.is_default);
    defaults.next().filter(|_| defaults.next().is_none())
}

/// Whether the default class matters: without a chart it does.
fn uses_default(wanted: Option<&Wanted>, named: &BTreeSet<String>) -> bool {
    let Some(wanted) = wanted else { return true };
    wanted.needs_default_class || wanted.objects().any(|(_, object)| object.uses_default_class) && named.is_empty()
}

fn default_class(classes: &[Class], wanted: Option<&Wanted>, used: &mut Vec<Class>, verdict: &mut Verdict) {
    let defaults: Vec<&Class> = classes.iter().filter(|class| class.is_default).collect();
    match defaults.as_slice() {
        [] => match wanted {
            Some(wanted) => match &wanted.new_class {
                Some(class) => used.push(to_be_made(class)),
                None => verdict.findings.push(Finding::of_error("no-default-class", &plan::no_class())),
            },
            None => verdict.findings.push(
                Finding::warning("no-default-class", "the cluster has no default StorageClass")
                    .because("install makes one where the profile of the cloud says which")
                    .fix("helm iris doctor daskhub --profile PROFILE"),
            ),
        },
        [only] => used.push((*only).clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|class| class.name.as_str()).collect();
            verdict.findings.push(Finding::of_error("several-default-classes", &plan::several_classes(&names)));
        }
    }
}

/// The class that `install` would make, from the values of its release.
fn to_be_made(values: &Value) -> Class {
    let text = |key: &str, default: &str| values.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
    let parameters = values.get("parameters").and_then(Value::as_object).into_iter().flatten();
    Class {
        name: format!("{} (to be made)", text("name", "")),
        provisioner: text("provisioner", ""),
        parameters: parameters.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
        reclaim_policy: text("reclaimPolicy", "Delete"),
        binding_mode: text("volumeBindingMode", "WaitForFirstConsumer"),
        is_default: true,
        ..Class::default()
    }
}

fn missing(name: &str, classes: &[Class]) -> Finding {
    let there: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let there =
        if there.is_empty() { "there is none at all".to_owned() } else { format!("there are: {}", there.join(", ")) };
    Finding::fatal("class-missing", format!("there is no StorageClass `{name}`; {there}"))
        .because("volumes that name it stay Pending for ever")
        .fix("name one that exists in the site file: storage: {className: NAME}")
        .fix("where such volumes were made by hand, or are bound already: --skip storage")
}

fn driver(class: &Class, facts: &Facts) -> Vec<Finding> {
    let Class { name, provisioner, .. } = class;
    if provisioner == BY_HAND {
        return vec![
            Finding::warning("no-provisioner", format!("volumes of the class {name} are made by hand"))
                .because("each user's volume, and the database's, stays Pending until somebody makes it")
                .fix("kubectl get csidrivers   # then see storage.className"),
        ];
    }
    let now = IN_TREE.iter().find(|(old, _)| old == provisioner).map(|(_, new)| *new);
    let mut findings = Vec::new();
    if let Some(new) = now.or_else(|| provisioner.starts_with("kubernetes.io/").then_some("")) {
        findings.push(in_tree(class, new));
    }
    let csi = now.unwrap_or(provisioner);
    // A name with a slash is a provisioner from before CSI, which registers nowhere.
    let known = csi.contains('/') || facts.drivers.seen().is_none_or(|drivers| drivers.contains(csi));
    if !known {
        findings.push(
            Finding::fatal("csi-driver-missing", format!("the cluster has no driver {csi}, which the class {name} needs"))
                .because("volumes stay Pending: nobody makes them")
                .fix("kubectl get csidrivers")
                .fix("install the driver (with Magnum: the label cinder_csi_enabled=true), or name a class with a driver that is there: storage.className in the site file"),
        );
    }
    findings
}

fn in_tree(class: &Class, new: &str) -> Finding {
    let Class { name, provisioner, .. } = class;
    let seen = format!("the class {name} has the provisioner {provisioner}, which left Kubernetes with 1.26");
    if new.is_empty() {
        return Finding::fatal("in-tree-provisioner", seen)
            .because("nothing makes its volumes any more")
            .fix("kubectl get csidrivers   # then see storage.className");
    }
    Finding::warning("in-tree-provisioner", seen)
        .because(format!("its volumes are made by {new} as long as Kubernetes translates the old name"))
        .fix(format!(
            "make a class with the provisioner {new}, and name it in the site file: storage: {{className: NAME}}"
        ))
}

/// What becomes of volumes, against what the settings say of a class of ours.
fn intent(class: &Class, wanted: Option<&Wanted>) -> Option<Finding> {
    let meant = wanted?.new_class.as_ref()?.get("reclaimPolicy")?.as_str()?;
    let Class { name, reclaim_policy, .. } = class;
    if meant == reclaim_policy || name.ends_with(" (to be made)") {
        return None;
    }
    let seen = format!("the class {name} says {reclaim_policy}, and storage.newClass.reclaimPolicy says {meant}");
    Some(if meant == "Retain" {
        Finding::warning("reclaim-policy", seen)
            .because("a volume is deleted with all its data when its claim is deleted, e.g. with a user")
            .fix("make a class with reclaimPolicy Retain, and name it in the site file: storage: {className: NAME}")
    } else {
        Finding::info("reclaim-policy", seen)
            .because("volumes stay in the cloud when their claims are deleted, and count against its quota")
            .fix("kubectl get pv   # those that are Released are nobody's")
    })
}

/// Where volumes are made, against where the nodes are.
fn placing(class: &Class, facts: &Facts) -> Vec<Finding> {
    let Some(nodes) = facts.nodes.seen() else { return Vec::new() };
    let zones = zones_of(nodes);
    let mut findings = Vec::new();
    let Class { name, binding_mode, .. } = class;
    if binding_mode == "Immediate" && zones.len() > 1 {
        findings.push(
            Finding::warning("immediate-binding", format!("the class {name} makes volumes at once, and the nodes are in {} zones", zones.len()))
                .because("a volume may be made in another zone than the node that needs it, and its pod stays Pending")
                .fix("make a class with volumeBindingMode WaitForFirstConsumer, and name it in the site file: storage: {className: NAME}"),
        );
    }
    let limited = !class.zones.is_empty();
    let asked: BTreeSet<String> = if limited { class.zones.clone() } else { zones_of_parameters(class) };
    if !asked.is_empty() && !zones.is_empty() && asked.is_disjoint(&zones) {
        let list = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(", ");
        let seen = format!("the class {name} makes volumes in {}, and the nodes are in {}", list(&asked), list(&zones));
        let finding = Finding::fatal("zone-without-nodes", seen);
        findings.push(if limited {
            finding
                .because("no node may use such a volume: pods stay Pending")
                .fix("kubectl get nodes -L topology.kubernetes.io/zone")
        } else {
            finding
                .as_bad_as(Severity::Warning)
                .because("pods stay Pending, unless the driver is told to ignore the volume's zone (ignore-volume-az)")
                .fix("openstack availability zone list --volume")
                .fix("then name it in the site file: storage: {newClass: {parameters: {availability: ZONE}}}")
        });
    }
    findings
}

fn zones_of(nodes: &[Node]) -> BTreeSet<String> {
    let labels = nodes.iter().flat_map(|node| &node.labels);
    labels.filter(|(label, _)| is_zone(label)).map(|(_, zone)| zone.clone()).collect()
}

fn zones_of_parameters(class: &Class) -> BTreeSet<String> {
    let zones = class.parameters.iter().filter(|(key, _)| ZONE_PARAMETERS.contains(&key.as_str()));
    zones
        .flat_map(|(_, zones)| zones.split(','))
        .map(|zone| zone.trim().to_owned())
        .filter(|zone| !zone.is_empty())
        .collect()
}
