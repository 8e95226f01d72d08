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
pub(super) fn workloads(manifest: &Secret, release: &str, namespace: &str) -> Result<Vec<Workload>> {
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
    fn damage_shows_nothing() {
        let text = "kind: Deployment\nmetadata: {name: [hunter2";
        let error = workloads(&Secret::new(text.into()), "r", "ns").unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
