//! Every finding: a state that triggers it, and a healthy one in which there is none.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::facts::{Balancer, Forbidden, Node, PendingRelease, Room, Taint, Taken};
use super::objects::Object;
use super::*;
use crate::archive::KubernetesNeed;
use crate::bundle::tests::{manifest, release as entry};
use crate::chart::release::Condition;
use crate::error::Error;
use crate::kube::Served;

const CINDER: &str = "cinder.csi.openstack.org";

/// What would be installed, and what was read: all well, until a test spoils it.
struct World {
    facts: Facts,
    wanted: Wanted,
}

fn class(name: &str) -> Class {
    Class {
        name: name.into(),
        provisioner: CINDER.into(),
        parameters: BTreeMap::from([("availability".into(), "nova".into())]),
        reclaim_policy: "Delete".into(),
        binding_mode: "WaitForFirstConsumer".into(),
        is_default: true,
        ..Class::default()
    }
}

fn node(name: &str, zone: &str) -> Node {
    Node {
        name: name.into(),
        labels: BTreeMap::from([("topology.kubernetes.io/zone".into(), zone.into())]),
        taints: vec![],
        is_ready: true,
        room: Room { cpu: 4000, memory: 16 << 30, gpus: 0, pods: 110 },
    }
}

fn object(api_version: &str, kind: &str, name: &str) -> Object {
    Object { api_version: api_version.into(), kind: kind.into(), name: name.into(), ..Object::default() }
}

fn served(objects: &[Object]) -> BTreeSet<Served> {
    let served = |object: &Object| {
        let (group, version) = object.api_version.rsplit_once('/').unwrap_or(("", &object.api_version));
        Served {
            group: group.into(),
            version: version.into(),
            kind: object.kind.clone(),
            plural: format!("{}s", object.kind.to_lowercase()),
            namespaced: true,
        }
    };
    objects.iter().filter(|object| object.kind != "DaskCluster").map(served).collect()
}

fn objects() -> Vec<Object> {
    vec![
        Object { address: Some("192.0.2.9".into()), ..object("v1", "Service", "proxy-public") },
        Object {
            images: vec!["postgres:17".into()],
            uses_default_class: true,
            ..object("apps/v1", "StatefulSet", "db")
        },
        object("rbac.authorization.k8s.io/v1", "ClusterRole", "dhub-user-scheduler"),
        Object {
            defines: Some(("gateway.dask.org".into(), "DaskCluster".into())),
            ..object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "daskclusters.gateway.dask.org")
        },
        object("gateway.dask.org/v1alpha1", "DaskCluster", "one"),
    ]
}

impl World {
    fn new() -> Self {
        let mut storage = entry("storage");
        storage.condition = Some(Condition::NoDefaultClass);
        let own = json!({"storageClass": {"name": "standard", "provisioner": CINDER, "reclaimPolicy": "Delete"}});
        let hub = json!({
            "jupyterhub": {"singleuser": {"cpu": {"guarantee": 0.5}, "memory": {"guarantee": "1G"},
                "image": {"name": "quay.io/pangeo/base-notebook", "tag": "1"}}},
            "dask-gateway": {"gateway": {"backend": {"worker": {"cores": {"request": 1}, "memory": {"request": "2G"}}}}},
        });
        let mut hub = WantedRelease::new(&entry("daskhub"), hub, None);
        hub.objects = Ok(objects());
        hub.needs = ["daskhub 0.1.0", "jupyterhub 4.4.0"]
            .iter()
            .enumerate()
            .map(|(at, chart)| KubernetesNeed {
                chart: (*chart).into(),
                constraint: ">=1.28.0-0".into(),
                is_own: at == 0,
            })
            .collect();
        let archives = vec![WantedArchive { name: "jupyterhub 4.4.0".into(), there: Ok(true) }];
        let storage = WantedRelease { objects: Ok(vec![]), ..WantedRelease::new(&storage, own, None) };
        let facts = Facts {
            kubernetes: "v1.36.2".into(),
            helm: Some(Ok("4.2.4".into())),
            now: jiff::Timestamp::from_second(10_000).ok(),
            classes: Look::Seen(vec![class("standard")]),
            drivers: Look::Seen(BTreeSet::from([CINDER.into()])),
            nodes: Look::Seen(vec![node("a", "nova"), node("b", "nova")]),
            used: Look::Seen(BTreeMap::from([("a".into(), Room { cpu: 1000, memory: 1 << 30, gpus: 0, pods: 5 })])),
            daemon_sets: Look::Seen(vec![("kube-system".into(), "calico-node".into())]),
            balancers: Look::Seen(vec![Balancer {
                namespace: "dhub".into(),
                name: "proxy-public".into(),
                has: vec!["192.0.2.9".into()],
                ..Balancer::default()
            }]),
            pending: Look::Seen(vec![]),
            in_config_maps: Look::Seen(BTreeSet::new()),
            served: served(&objects()),
            forbidden: Look::Seen(vec![]),
            taken: Look::Seen(vec![]),
            ..Facts::default()
        };
        Self { facts, wanted: Wanted::new(&manifest(vec![], vec![]), vec![storage, hub], archives) }
    }

    fn classes(&mut self) -> &mut Vec<Class> {
        let Look::Seen(classes) = &mut self.facts.classes else { panic!() };
        classes
    }

    fn nodes(&mut self) -> &mut Vec<Node> {
        let Look::Seen(nodes) = &mut self.facts.nodes else { panic!() };
        nodes
    }

    fn hub(&mut self) -> &mut WantedRelease {
        self.wanted.releases.last_mut().unwrap()
    }

    fn hub_objects(&mut self) -> &mut Vec<Object> {
        self.hub().objects.as_mut().unwrap()
    }

    fn judged(&self) -> Vec<AreaReport> {
        judge(&self.facts, Some(&self.wanted), &Area::ALL)
    }

    fn findings(&self) -> Vec<Finding> {
        self.judged().into_iter().flat_map(|area| area.findings).collect()
    }
}

fn set(values: &mut Value, path: &str, value: Value) {
    *values.pointer_mut(path).unwrap() = value;
}

#[test]
fn a_healthy_cluster_has_no_findings_and_every_area_says_how_it_stands() {
    for area in World::new().judged() {
        assert_eq!(area.findings, vec![], "{:?}", area.area);
        assert!(!area.summary.is_empty(), "{:?}", area.area);
    }
    let world = World::new();
    let cluster: Vec<Area> = Area::ALL.into_iter().filter(|area| area.is_of_cluster()).collect();
    for area in judge(&world.facts, None, &cluster) {
        assert!(area.findings.is_empty() && !area.summary.is_empty(), "{area:?}");
    }
}

type Spoil = fn(&mut World);

/// What is found, how bad it is, a word of what is said, and the state that triggers it.
const ALL: &[(&str, Severity, &str, Spoil)] = &[
    ("helm-unusable", Severity::Fatal, "too old", |w| {
        w.facts.helm = Some(Err(Error::user("helm 3.10.0 is too old").because("oldest").hint("install")));
    }),
    ("kubernetes-version", Severity::Fatal, "daskhub 0.1.0 needs >=1.37", |w| {
        w.hub().needs[0].constraint = ">=1.37".into();
    }),
    ("kubernetes-version", Severity::Warning, "jupyterhub 4.4.0 needs <1.30", |w| {
        w.hub().needs[1].constraint = "<1.30".into();
    }),
    ("api-missing", Severity::Fatal, "PodDisruptionBudget of policy/v1beta1", |w| {
        w.hub_objects().push(object("policy/v1beta1", "PodDisruptionBudget", "hub"));
    }),
    ("not-rendered", Severity::Fatal, "cannot render", |w| {
        w.hub().objects = Err(Unknown::Refused(Error::user("helm cannot render it").because("x").hint("y")));
    }),
    ("no-default-class", Severity::Fatal, "no default StorageClass", |w| {
        w.classes().clear();
        w.wanted.new_class = None;
    }),
    ("several-default-classes", Severity::Fatal, "2 default StorageClasses", |w| w.classes().push(class("second"))),
    ("class-missing", Severity::Fatal, "no StorageClass `fast`; there are: standard", |w| {
        w.hub_objects()[1].classes = vec!["fast".into()];
    }),
    ("class-missing", Severity::Fatal, "no StorageClass `homes`", |w| {
        w.hub().values["jupyterhub"]["singleuser"]["storage"] = json!({"dynamic": {"storageClass": "homes"}});
    }),
    ("csi-driver-missing", Severity::Fatal, CINDER, |w| w.facts.drivers = Look::Seen(BTreeSet::new())),
    ("in-tree-provisioner", Severity::Warning, "kubernetes.io/cinder", |w| {
        w.classes()[0].provisioner = "kubernetes.io/cinder".into();
    }),
    ("in-tree-provisioner", Severity::Fatal, "kubernetes.io/glusterfs", |w| {
        w.classes()[0].provisioner = "kubernetes.io/glusterfs".into();
    }),
    ("no-provisioner", Severity::Warning, "by hand", |w| {
        w.classes()[0].provisioner = "kubernetes.io/no-provisioner".into();
    }),
    ("reclaim-policy", Severity::Warning, "says Retain", |w| {
        w.wanted.new_class.as_mut().unwrap()["reclaimPolicy"] = json!("Retain");
    }),
    ("reclaim-policy", Severity::Info, "standard says Retain", |w| w.classes()[0].reclaim_policy = "Retain".into()),
    ("immediate-binding", Severity::Warning, "2 zones", |w| {
        w.classes()[0].binding_mode = "Immediate".into();
        w.nodes()[1] = node("b", "other");
    }),
    ("zone-without-nodes", Severity::Warning, "volumes in nova, and the nodes are in az-1", |w| {
        *w.nodes() = vec![node("a", "az-1")];
    }),
    ("zone-without-nodes", Severity::Fatal, "volumes in az-9", |w| {
        w.classes()[0].zones = BTreeSet::from(["az-9".into()]);
    }),
    ("probe-failed", Severity::Fatal, "no volume", |w| {
        w.facts.probe = Some(Err(Error::user("a trial claim got no volume").because("quota").hint("kubectl")));
    }),
    ("rights-cluster", Severity::Fatal, "create clusterroles", |w| {
        let forbidden = Forbidden { namespace: None, verb: "create".into(), plural: "clusterroles".into() };
        w.facts.forbidden = Look::Seen(vec![forbidden]);
    }),
    ("rights-namespace", Severity::Fatal, "namespace dhub: create secrets", |w| {
        let forbidden = Forbidden { namespace: Some("dhub".into()), verb: "create".into(), plural: "secrets".into() };
        w.facts.forbidden = Look::Seen(vec![forbidden]);
    }),
    ("objects-unknown", Severity::Info, "what daskhub would make", |w| w.hub().objects = Err(Unknown::NoArchive)),
    ("no-ready-node", Severity::Fatal, "none of 2 nodes", |w| w.nodes().iter_mut().for_each(|n| n.is_ready = false)),
    ("no-matching-node", Severity::Warning, "pool=users", |w| {
        w.hub().values["jupyterhub"]["singleuser"]["nodeSelector"] = json!({"pool": "users"});
    }),
    ("no-matching-node", Severity::Warning, "Dask worker", |w| {
        let own = Taint { key: "hub.jupyter.org/dedicated".into(), value: "user".into(), effect: "NoSchedule".into() };
        // User servers bear this one by themselves.
        w.nodes().iter_mut().for_each(|n| n.taints = vec![own.clone()]);
    }),
    ("node-too-small", Severity::Warning, "asks for 500m CPU and 64 GiB", |w| {
        set(&mut w.hub().values, "/jupyterhub/singleuser/memory/guarantee", json!("64G"));
    }),
    ("too-few-gpus", Severity::Warning, "a user server asks for 8 GPUs", |w| {
        w.hub().values["jupyterhub"]["singleuser"]["extraResource"] = json!({"limits": {"nvidia.com/gpu": 8}});
    }),
    ("no-room", Severity::Warning, "no node has room for a Dask worker", |w| {
        let full = Room { cpu: 3500, memory: 1 << 30, gpus: 0, pods: 20 };
        w.facts.used = Look::Seen(["a", "b"].map(|name| (name.to_owned(), full)).into());
    }),
    ("name-taken", Severity::Fatal, "belongs to the release dhub in elsewhere", |w| {
        w.facts.taken = Look::Seen(vec![taken(("elsewhere".into(), "dhub".into()))]);
    }),
    ("network-policy-not-enforced", Severity::Warning, "Flannel", |w| {
        w.facts.daemon_sets = Look::Seen(vec![("kube-flannel".into(), "kube-flannel-ds".into())]);
    }),
    ("network-policy-unknown", Severity::Info, "no network plugin", |w| w.facts.daemon_sets = Look::Seen(vec![])),
    ("address-in-use", Severity::Warning, "192.0.2.9 is used by the Service web in shop", |w| {
        w.facts.balancers = Look::Seen(vec![balancer(Some("192.0.2.9"), 0)]);
    }),
    ("load-balancer-pending", Severity::Warning, "for 2 hours", |w| {
        w.facts.balancers = Look::Seen(vec![balancer(None, 1000)]);
    }),
    ("load-balancer-pending", Severity::Info, "for 60 s", |w| {
        w.facts.balancers = Look::Seen(vec![balancer(None, 9940)]);
    }),
    ("nodes-excluded", Severity::Warning, "exclude-from-external-load-balancers", |w| {
        let label = "node.kubernetes.io/exclude-from-external-load-balancers";
        w.nodes().iter_mut().for_each(|n| drop(n.labels.insert(label.into(), String::new())));
    }),
    ("archive-missing", Severity::Info, "jupyterhub 4.4.0 is not here", |w| w.wanted.archives[0].there = Ok(false)),
    ("archive-damaged", Severity::Fatal, "damaged", |w| {
        w.wanted.archives[0].there = Err(Error::user("x.tgz has been changed or damaged").because("y").hint("rm"));
    }),
    ("image-gone", Severity::Fatal, "bitnami/postgresql:11", |w| {
        w.hub_objects()[1].images = vec!["docker.io/bitnami/postgresql:11".into()];
    }),
    ("image-unmaintained", Severity::Warning, "bitnamilegacy", |w| {
        set(&mut w.hub().values, "/jupyterhub/singleuser/image/name", json!("docker.io/bitnamilegacy/x"));
    }),
    ("release-pending", Severity::Fatal, "`daskhub`", |w| {
        w.facts.pending = Look::Seen(vec![pending("dhub", "daskhub")]);
    }),
    ("release-pending", Severity::Warning, "(in shop)", |w| w.facts.pending = Look::Seen(vec![pending("shop", "web")])),
    ("release-pending", Severity::Warning, "was left pending-install", |w| {
        w.facts.pending = Look::Seen(vec![PendingRelease { is_left: true, ..pending("dhub", "daskhub") }]);
    }),
    ("helm-driver", Severity::Warning, "configmap", |w| w.facts.helm_driver = Some("configmap".into())),
    ("release-elsewhere", Severity::Warning, "dhub in ConfigMaps", |w| {
        w.facts.in_config_maps = Look::Seen(BTreeSet::from(["dhub".into()]));
    }),
    ("could-not-look", Severity::Info, "the StorageClasses", |w| w.facts.classes = Look::Refused),
    ("could-not-look", Severity::Info, "your own rights", |w| w.facts.forbidden = Look::Refused),
    ("could-not-look", Severity::Info, "the nodes", |w| w.facts.nodes = Look::Refused),
    ("could-not-look", Severity::Info, "the pods", |w| w.facts.used = Look::Refused),
    ("could-not-look", Severity::Info, "names", |w| w.facts.taken = Look::Refused),
    ("could-not-look", Severity::Info, "DaemonSets", |w| w.facts.daemon_sets = Look::Refused),
    ("could-not-look", Severity::Info, "Services", |w| w.facts.balancers = Look::Refused),
    ("could-not-look", Severity::Info, "Helm's Secrets", |w| w.facts.pending = Look::Refused),
];

fn taken(by: (String, String)) -> Taken {
    Taken {
        kind: "ClusterRole".into(),
        plural: "clusterroles".into(),
        name: "dhub-user-scheduler".into(),
        namespace: None,
        by: Some(by),
        wanted_by: ("dhub".into(), "dhub".into()),
    }
}

fn balancer(address: Option<&str>, since: i64) -> Balancer {
    Balancer {
        namespace: "shop".into(),
        name: "web".into(),
        has: address.map(str::to_owned).into_iter().collect(),
        since: jiff::Timestamp::from_second(since).ok(),
        ..Balancer::default()
    }
}

fn pending(namespace: &str, name: &str) -> PendingRelease {
    PendingRelease {
        namespace: namespace.into(),
        name: name.into(),
        revision: 1,
        status: "pending-install".into(),
        is_left: false,
    }
}

#[test]
fn each_finding_has_a_state_that_triggers_it_and_says_what_why_and_what_to_do() {
    for (id, severity, word, spoil) in ALL {
        let mut world = World::new();
        spoil(&mut world);
        let findings = world.findings();
        let found = findings.iter().find(|finding| finding.id == *id && finding.seen.contains(word));
        let found = found.unwrap_or_else(|| panic!("{id} ({word}) is not in {findings:#?}"));
        assert_eq!(found.severity, *severity, "{found:?}");
        assert!(!found.why.is_empty() && !found.fix.is_empty(), "{found:?}");
        // Nothing else is seen in that state, but for what follows from it.
        let others: Vec<_> = findings.iter().filter(|other| other.id != *id).map(|other| other.id).collect();
        let follows = ["csi-driver-missing", "zone-without-nodes"];
        assert!(others.iter().all(|other| follows.contains(other)), "{id}: {others:?}");
    }
}

#[test]
fn what_an_error_of_the_plan_says_a_finding_says() {
    let mut world = World::new();
    world.classes().push(class("second"));
    let finding = world.findings().remove(0);
    let error = crate::plan::several_classes(&["standard", "second"]);
    assert_eq!((finding.seen, finding.fix), (error.message, error.hints));
}

#[test]
fn the_way_out_fits_what_is_forbidden() {
    let fix = |plural: &str| {
        let mut world = World::new();
        let forbidden = Forbidden { namespace: None, verb: "create".into(), plural: plural.into() };
        world.facts.forbidden = Look::Seen(vec![forbidden]);
        world.findings().remove(0).fix.join("\n")
    };
    assert!(fix("customresourcedefinitions").contains("helm iris doctor jupyterhub"));
    assert!(fix("clusterroles").contains("userScheduler"));
    assert!(fix("storageclasses").contains("className"));
    assert!(fix("namespaces").contains("kubectl create namespace dhub"));
}

#[test]
fn the_answer_fits_on_80_columns() {
    for (id, _, _, spoil) in ALL {
        let mut world = World::new();
        spoil(&mut world);
        let report = Report {
            cluster: "testbed".into(),
            server: "https://192.0.2.1:6443".into(),
            chart: Some("daskhub".into()),
            namespace: Some("dhub".into()),
            areas: world.judged(),
            skipped: vec![Area::Images],
        };
        let text = lines(&report);
        // A command is for copying, and stands whole.
        let long = text.lines().find(|line| line.chars().count() > 80 && !line.trim_start().starts_with("fix: "));
        assert_eq!(long, None, "{id}");
        assert!(text.lines().count() < 30, "{text}");
        assert_eq!(report.is_fatal(), report.refusal().is_some());
    }
}
