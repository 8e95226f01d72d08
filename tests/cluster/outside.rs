//! What those can see who may read everything in a namespace but Secrets.

use std::collections::BTreeSet;

use super::{Hub, Testbed};
use crate::common::forms;

/// All that a hub is made of, but for its Secrets.
const KINDS: [&str; 10] = [
    "/api/v1/namespaces/NS/configmaps",
    "/api/v1/namespaces/NS/pods",
    "/api/v1/namespaces/NS/services",
    "/api/v1/namespaces/NS/events",
    "/api/v1/namespaces/NS/persistentvolumeclaims",
    "/apis/apps/v1/namespaces/NS/deployments",
    "/apis/apps/v1/namespaces/NS/statefulsets",
    "/apis/apps/v1/namespaces/NS/daemonsets",
    "/apis/apps/v1/namespaces/NS/replicasets",
    "/apis/networking.k8s.io/v1/namespaces/NS/networkpolicies",
];

impl Hub<'_> {
    /// The names of the secrets that stand in anything but Secrets, and how many objects were looked at.
    fn outside(&self) -> (BTreeSet<String>, usize) {
        let lists = KINDS.map(|kind| self.api().list(&kind.replace("NS", &self.namespace)));
        let objects: Vec<String> = lists.iter().flatten().map(ToString::to_string).collect();
        let stands =
            |value: &String| forms(value).iter().any(|form| objects.iter().any(|object| object.contains(form)));
        let names = self.env.secrets().into_iter().filter(|(_, value)| stands(value)).map(|(name, _)| name);
        (names.collect(), objects.len())
    }
}

#[test]
fn only_one_secret_is_outside_of_secrets() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, site) in [("out-in", ""), ("out-ex", "secretMode: existing\n")] {
        let hub = testbed.hub_with(word, &testbed.helm4, site);
        hub.install(&[]);
        let (names, objects) = hub.outside();
        assert!(objects > 15 && hub.env.secrets().len() >= 7, "{objects} objects");
        assert_eq!(names, BTreeSet::new(), "{site}");
    }
    // The control, and the exception: upstream's chart keeps its password in a ConfigMap.
    let gateway = testbed.hub("out-gw", &testbed.helm4);
    assert_eq!(gateway.run(&["install", "dask-gateway", "--yes"]).code, Some(0));
    assert_eq!(gateway.outside().0, BTreeSet::from(["dask-password".to_owned()]));
}
