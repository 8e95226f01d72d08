//! Which workloads a release made, from the objects that Helm keeps about it.

use serde::Deserialize;

use super::workload::{Kind, Workload};
use crate::error::{Error, Result};
use crate::objects::documents;
use crate::redact::Secret;

#[derive(Deserialize)]
struct Head {
    kind: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
}

/// The workloads of a release's manifest. Only documents that can be one are parsed: a manifest is
/// large, and most of it is of no interest.
///
/// # Errors
/// When it is not what helm writes.
pub fn workloads(manifest: &Secret, release: &str, namespace: &str) -> Result<Vec<Workload>> {
    let mut found = Vec::new();
    for document in documents(manifest.expose()).into_iter().filter(|document| names_workload(document)) {
        // The parser's message could quote a value of an environment variable.
        let head: Head = serde_yaml::from_str(document).map_err(|_| {
            Error::user(format!("what Helm keeps about the release `{release}` cannot be read"))
                .because("an object of it is not YAML")
                .hint(format!("try: helm get manifest {release} -n {namespace}"))
        })?;
        if let Some(kind) = Kind::parse(&head.kind) {
            let namespace = head.metadata.namespace.unwrap_or_else(|| namespace.to_owned());
            found.push(Workload { kind, namespace, name: head.metadata.name });
        }
    }
    found.sort();
    Ok(found)
}

#[derive(Deserialize)]
struct ServiceHead {
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: ServiceSpec,
}

#[derive(Default, Deserialize)]
struct ServiceSpec {
    r#type: Option<String>,
}

/// The Service at whose address people reach what a release made, if it has one: the one that the charts
/// of JupyterHub and Dask Gateway name so, else one that is open to the outside.
pub fn public_service(manifest: &Secret) -> Option<String> {
    let is_service = |document: &&str| document.lines().any(|line| line.trim_end() == "kind: Service");
    let services = documents(manifest.expose()).into_iter().filter(is_service);
    let services = services.filter_map(|document| serde_yaml::from_str::<ServiceHead>(document).ok());
    let rank = |service: &ServiceHead| match (service.metadata.name.as_str(), service.spec.r#type.as_deref()) {
        ("proxy-public", _) => Some(0),
        (_, Some("LoadBalancer")) => Some(1),
        (_, Some("NodePort")) => Some(2),
        (name, _) if name.starts_with("traefik-") => Some(3),
        _ => None,
    };
    let ranked = services.filter(|service| service.kind == "Service").filter_map(|one| Some((rank(&one)?, one)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, service)| service.metadata.name)
}

fn names_workload(document: &str) -> bool {
    document
        .lines()
        .filter_map(|line| line.strip_prefix("kind:"))
        .any(|kind| Kind::parse(kind.trim().trim_matches('"')).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_found() {
        let text = "---\n# Source: a\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {x: |\n  kind: Deployment}\n---\n\
                    apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: db\nspec:\n  template:\n    kind: Job\n---\n\
                    # Source: c\nkind: \"Deployment\"\nmetadata:\n  name: hub\n  namespace: other\n---\nkind: Service\nmetadata: {name: x}\n";
        let found = workloads(&Secret::new(text.into()), "r", "ns").unwrap();
        let shown: Vec<_> = found.iter().map(|one| format!("{one} in {}", one.namespace)).collect();
        assert_eq!(shown, ["Deployment hub in other", "StatefulSet db in ns"]);
    }

    #[test]
    fn the_public_service_is_the_one_that_people_use() {
        let service = |name: &str, kind: &str| format!("kind: Service\nmetadata: {{name: {name}}}\nspec: {kind}\n");
        let of = |all: &[String]| public_service(&Secret::new(all.join("\n---\n")));
        let (hub, gateway) = (service("hub", "{type: ClusterIP}"), service("traefik-dhub", "{}"));
        let open = service("web", "{type: LoadBalancer}");
        let proxy = service("proxy-public", "{type: ClusterIP}");
        assert_eq!(of(&[hub.clone(), gateway.clone()]).as_deref(), Some("traefik-dhub"));
        assert_eq!(of(&[gateway.clone(), open.clone()]).as_deref(), Some("web"));
        assert_eq!(of(&[open, gateway, proxy]).as_deref(), Some("proxy-public"));
        assert_eq!(of(&[hub]), None);
    }

    #[test]
    fn damage_shows_nothing() {
        let text = "kind: Deployment\nmetadata: {name: [hunter2";
        let error = workloads(&Secret::new(text.into()), "r", "ns").unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
