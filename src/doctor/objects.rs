//! What a release would make, from the objects that Helm renders. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::objects::{documents, unlisted};
use crate::redact::Secret;

/// An object as far as the checks go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// Group and version, e.g. `apps/v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// The namespace that it names itself.
    pub namespace: Option<String>,
    /// The kinds that it defines, as group and kind, where it is a definition.
    pub defines: Option<(String, String)>,
    /// Images of its containers.
    pub images: Vec<String>,
    /// The address that it asks the cloud for, where it is such a Service.
    pub address: Option<String>,
    /// StorageClasses that its volumes name.
    pub classes: Vec<String>,
    /// Whether its volumes are of the default class.
    pub uses_default_class: bool,
    /// Whether it is made before anything else and never changed: from the chart's folder `crds/`.
    pub is_from_crds: bool,
    /// Whether helm makes it for a moment of its own, after taking away what has its name.
    pub is_hook: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Value,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    name: String,
    namespace: Option<String>,
    annotations: Option<BTreeMap<String, Value>>,
}

/// The objects of what `helm template` printed.
pub(super) fn objects(rendered: &Secret, release: &str) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    // Helm names the file of `crds/` once, however many definitions are in it.
    let mut source = "";
    for document in documents(rendered.expose()) {
        source = document.lines().find_map(|line| line.strip_prefix("# Source: ")).unwrap_or(source);
        if !document.lines().any(|line| line.starts_with("kind:")) {
            continue;
        }
        // The parser's message could quote a value of an environment variable.
        let broken = || {
            Error::user(format!("an object of the release `{release}` is not YAML")).because("the chart renders it so")
        };
        let value: Value = serde_yaml::from_str(document).map_err(|_| broken())?;
        for value in unlisted(value) {
            let head = Head::deserialize(value).map_err(|_| broken())?;
            objects.push(Object { is_from_crds: is_from_crds(source), ..object(head) });
        }
    }
    Ok(objects)
}

/// Helm says of each object which file of the chart it comes from.
fn is_from_crds(source: &str) -> bool {
    source.contains("/crds/") && !source.contains("/templates/")
}

fn object(head: Head) -> Object {
    let Head { api_version, kind, metadata, spec } = head;
    let text = |path: &str| spec.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let claims = match kind.as_str() {
        "PersistentVolumeClaim" => vec![&spec],
        _ => spec
            .pointer("/volumeClaimTemplates")
            .and_then(Value::as_array)
            .map_or_else(Vec::new, |claims| claims.iter().filter_map(|claim| claim.get("spec")).collect()),
    };
    let class_of = |claim: &&Value| claim.get("storageClassName").and_then(Value::as_str).map(str::to_owned);
    let mut images = Vec::new();
    if kind != "CustomResourceDefinition" {
        collect_images(&spec, &mut images);
    }
    Object {
        defines: (kind == "CustomResourceDefinition").then(|| text("/group").zip(text("/names/kind"))).flatten(),
        address: (kind == "Service").then(|| text("/loadBalancerIP")).flatten().filter(|address| !address.is_empty()),
        uses_default_class: claims.iter().any(|claim| class_of(claim).is_none()),
        classes: claims.iter().filter_map(class_of).filter(|class| !class.is_empty()).collect(),
        images,
        api_version,
        kind,
        name: metadata.name,
        namespace: metadata.namespace,
        is_from_crds: false,
        is_hook: metadata.annotations.is_some_and(|all| all.contains_key("helm.sh/hook")),
    }
}

/// Every `image:` of a pod's containers, wherever the pod is described.
fn collect_images(value: &Value, images: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match inner {
                    Value::String(image) if key == "image" => images.push(image.clone()),
                    _ => collect_images(inner, images),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_images(item, images)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENDERED: &str = "---\n# Source: c/crds/d.yaml\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
        metadata: {name: daskclusters.gateway.dask.org}\nspec: {group: gateway.dask.org, names: {kind: DaskCluster}}\n\
        ---\n# Source: c/templates/s.yaml\napiVersion: v1\nkind: Service\nmetadata: {name: proxy-public, annotations: {helm.sh/hook: pre-install}}\n\
        spec: {type: LoadBalancer, loadBalancerIP: 192.0.2.9}\n\
        ---\n# Source: c/templates/l.yaml\napiVersion: v1\nkind: List\nitems:\n\
        - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: slow}}\n\
        ---\n# Source: c/templates/db.yaml\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db, namespace: other}\n\
        spec:\n  template: {spec: {initContainers: [{image: busybox}], containers: [{image: postgres:17}]}}\n  \
        volumeClaimTemplates: [{spec: {storageClassName: fast}}, {spec: {}}]\n---\n# Source: c/templates/empty.yaml\n";

    #[test]
    fn objects_are_read() {
        let found = objects(&Secret::new(RENDERED.into()), "r").unwrap();
        let [crd, service, claim, database] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(crd.defines, Some(("gateway.dask.org".into(), "DaskCluster".into())));
        assert!(crd.is_from_crds && !service.is_from_crds);
        assert_eq!(service.address.as_deref(), Some("192.0.2.9"));
        assert!(service.is_hook && !claim.is_hook);
        assert_eq!((claim.name.as_str(), claim.classes.as_slice()), ("data", ["slow".to_owned()].as_slice()));
        assert_eq!(database.images, ["busybox", "postgres:17"]);
        assert_eq!((database.classes.as_slice(), database.uses_default_class), (["fast".to_owned()].as_slice(), true));
        assert_eq!(database.namespace.as_deref(), Some("other"));
    }

    /// As in the archive of dask-gateway: Helm names the file once, above its first comment.
    #[test]
    fn all_definitions_of_a_file_are_of_it() {
        let crd = |name: &str| format!("---\nkind: CustomResourceDefinition\nmetadata: {{name: {name}}}\n");
        let text = format!(
            "---\n# Source: c/crds/traefik.yaml\n# Taken from elsewhere\n{}{}---\n# Source: c/templates/s.yaml\nkind: Service\nmetadata: {{name: s}}\n",
            crd("a"),
            crd("b")
        );
        let found = objects(&Secret::new(text), "r").unwrap();
        assert_eq!(found.iter().map(|object| object.is_from_crds).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn damage_shows_nothing() {
        let error = objects(&Secret::new("kind: Pod\nspec: {a: [hunter2".into()), "r").unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
