//! Operations with their names, and what each comes after, for whoever reads the plan as data.

use serde::{Serialize, Serializer};

use super::{CrdOperation, Operation, ReleaseOperation};

#[derive(Serialize)]
struct Step<'o> {
    /// The same for the same operation in every plan of a hub.
    id: String,
    /// The operations that are done before it begins.
    needs: Vec<String>,
    #[serde(flatten)]
    operation: &'o Operation,
}

/// Writes operations as steps.
pub(super) fn serialize<S: Serializer>(operations: &[Operation], serializer: S) -> Result<S::Ok, S::Error> {
    let step = |operation| Step { id: id(operation), needs: needs(operation, operations), operation };
    serializer.collect_seq(operations.iter().map(step))
}

fn id(operation: &Operation) -> String {
    match operation {
        Operation::CreateNamespace { name } => format!("namespace/{name}"),
        Operation::WriteLedger { namespace, .. } => format!("ledger/{namespace}"),
        Operation::WriteSecret { name, namespace, .. } => format!("secret/{namespace}/{name}"),
        Operation::ApplyCrd(crd) => format!("crd/{}", crd.name),
        Operation::DumpDatabase(dump) => format!("dump/{}/{}", dump.namespace, dump.database),
        Operation::Release(release) => format!("release/{}/{}", release.namespace, release.name),
        Operation::RemoveSecret { name, namespace } => format!("removal/{namespace}/{name}"),
    }
}

fn needs(operation: &Operation, all: &[Operation]) -> Vec<String> {
    let is_needed = |other: &&Operation| match (operation, other) {
        (Operation::CreateNamespace { .. }, _) => false,
        (_, Operation::CreateNamespace { .. })
        | (Operation::WriteSecret { .. } | Operation::Release(_), Operation::WriteLedger { .. }) => true,
        (Operation::Release(release), Operation::WriteSecret { release: reader, .. }) => *reader == release.name,
        (Operation::Release(release), Operation::ApplyCrd(crd)) => crd.release == release.name,
        (
            Operation::ApplyCrd(CrdOperation { release, .. }) | Operation::WriteSecret { release, .. },
            Operation::DumpDatabase(dump),
        ) => *release == dump.release,
        (Operation::Release(release), Operation::DumpDatabase(dump)) => dump.release == release.name,
        (Operation::Release(release), Operation::Release(other)) => release.after.contains(&other.name),
        // It is a part of the release's turn, which begins when all is done that the release needs.
        (Operation::DumpDatabase(dump), Operation::Release(other)) => {
            let waits = |one: &Operation| matches!(one, Operation::Release(release) if release.name == dump.release && release.after.contains(&other.name));
            all.iter().any(waits)
        }
        // Nothing may read it any more.
        (Operation::RemoveSecret { namespace, .. }, Operation::Release(ReleaseOperation { namespace: its, .. })) => {
            namespace == its
        }
        _ => false,
    };
    all.iter().filter(is_needed).map(id).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::plan::build::tests::World;

    #[test]
    fn steps_have_names_and_say_what_they_come_after() {
        let mut world = World::new();
        world.desired[1].entry.needs = vec!["storage".into()];
        let plan = serde_json::to_value(world.plan().unwrap()).unwrap();
        let steps = plan["operations"].as_array().unwrap();
        let of = |id: &str| &steps.iter().find(|step| step["id"] == id).unwrap()["needs"];
        assert_eq!(*of("namespace/dhub"), json!([]));
        assert_eq!(*of("ledger/dhub"), json!(["namespace/dhub"]));
        assert_eq!(
            *of("release/dhub/postgresql"),
            json!(["namespace/dhub", "ledger/dhub", "release/helm-iris-system/storage"])
        );
    }
}
