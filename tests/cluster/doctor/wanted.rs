//! What a chart, an image or this machine brings that does not fit the cluster.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::super::Testbed;

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: one}\nspec: {ports: [{port: 80}]}\n";

#[test]
fn charts_and_versions() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let mut hub = testbed.hub(&format!("doc-ch-{word}"), &helm);
        let of = |hub: &super::Hub<'_>, chart: &str, template: &str| {
            hub.chart(chart, template);
            hub.doctor_of("tiny", &[])
        };
        let healthy = of(&hub, "kubeVersion: \">=1.28.0-0\"\n", SERVICE);
        for id in ["kubernetes-version", "api-missing", "not-rendered", "helm-unusable", "image-gone", "class-missing"]
        {
            healthy.has_no(id);
        }
        of(&hub, "kubeVersion: \">=1.99.0-0\"\n", SERVICE).has("kubernetes-version", "fatal", &["tiny 0.1.0", "1.99"]);
        // As is said of the guide's chart: the kind is known, this version of it is gone.
        let old =
            "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: one}\nspec: {minAvailable: 1}\n";
        of(&hub, "", old).has("api-missing", "fatal", &["PodDisruptionBudget", "policy/v1beta1"]);
        of(&hub, "", "{{ fail \"not like this\" }}\n").has("not-rendered", "fatal", &["not like this"]);
        let pod = |image: &str| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: one}}\nspec: {{containers: [{{name: c, image: {image}}}]}}\n"
            )
        };
        let gone = of(&hub, "", &pod("docker.io/bitnami/postgresql:11.11.0"));
        gone.has("image-gone", "fatal", &["bitnami/postgresql:11.11.0"]);
        let old = of(&hub, "", &pod("docker.io/bitnamilegacy/postgresql:17.5.0"));
        old.has("image-unmaintained", "warning", &[]);
        old.has_no("image-gone");
        let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: one}\nspec: {storageClassName: fast, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n";
        of(&hub, "", claim).has("class-missing", "fatal", &["`fast`"]);

        let old = hub.env.path("old-helm");
        std::fs::write(&old, "#!/bin/sh\necho v3.10.3\n").unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
        hub.helm = old;
        let found = of(&hub, "", SERVICE);
        found.has("helm-unusable", "fatal", &["3.10.3 is too old"]);
        found.has("objects-unknown", "info", &["tiny"]);
    }
}

#[test]
fn archives() {
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-arch", &testbed.helm4);
    let none = hub.doctor(&[]);
    none.has("archive-missing", "info", &["helm iris charts pull daskhub"]);
    none.has("objects-unknown", "info", &["daskhub"]);
    hub.pull();
    let healthy = hub.doctor(&[]);
    for id in ["archive-missing", "objects-unknown", "archive-damaged"] {
        healthy.has_no(id);
    }
    let archive = std::fs::read_dir(hub.env.cache()).unwrap().map(|entry| entry.unwrap().path());
    let archive = archive.filter(|path| path.to_string_lossy().contains("jupyterhub-")).last().unwrap();
    std::fs::write(&archive, "no archive").unwrap();
    hub.doctor(&[]).has("archive-damaged", "fatal", &["has been changed or damaged"]);
}

#[test]
fn names() {
    const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let Some(testbed) = Testbed::take() else { return };
    let hub = testbed.hub("doc-names", &testbed.helm4);
    hub.pull();
    hub.doctor(&[]).has_no("name-taken");
    let name = format!("{}-user-scheduler", hub.namespace);
    let with = |annotations: serde_json::Value| {
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name, "annotations": annotations}, "rules": [],
        });
        testbed.api.create(ROLES, &role);
        let found = hub.doctor(&[]);
        testbed.api.delete(&format!("{ROLES}/{name}"));
        found
    };
    with(json!({})).has("name-taken", "fatal", &[&name, "no release of Helm made"]);
    let of = |namespace: &str| json!({"meta.helm.sh/release-name": hub.namespace, "meta.helm.sh/release-namespace": namespace});
    with(of("elsewhere")).has("name-taken", "fatal", &[&name, "in elsewhere", "-n OTHER"]);
    with(of(&hub.namespace)).has_no("name-taken");
}
