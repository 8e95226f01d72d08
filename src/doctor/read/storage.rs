//! StorageClasses, and the drivers that make their volumes.

use std::collections::BTreeSet;

use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass};
use serde::Deserialize;

use super::look;
use crate::doctor::facts::{Class, Look};
use crate::doctor::storage::is_zone;
use crate::error::Result;
use crate::kube::{Cluster, Pick};
use crate::observe::{is_default, made_by};

/// The classes and the drivers, if they are asked for.
pub(super) async fn both(cluster: &Cluster, asked: bool) -> Result<(Look<Vec<Class>>, Look<BTreeSet<String>>)> {
    if !asked {
        return Ok((Look::NotAsked, Look::NotAsked));
    }
    let classes = classes(cluster).await?;
    let drivers = drivers(cluster, classes.seen()).await?;
    Ok((classes, drivers))
}

async fn classes(cluster: &Cluster) -> Result<Look<Vec<Class>>> {
    let classes = cluster.pages::<StorageClass, StorageClass>(Pick::default()).await;
    look(classes.map(|classes| classes.into_iter().map(class).collect()), cluster, "look at the StorageClasses")
}

fn class(class: StorageClass) -> Class {
    let topologies = class.allowed_topologies.into_iter().flatten();
    let terms = topologies.flat_map(|topology| topology.match_label_expressions.unwrap_or_default());
    Class {
        is_default: is_default(&class.metadata),
        made_by: made_by(&class.metadata),
        name: class.metadata.name.unwrap_or_default(),
        provisioner: class.provisioner,
        parameters: class.parameters.unwrap_or_default(),
        // What the API server fills in where nothing is said.
        reclaim_policy: class.reclaim_policy.unwrap_or_else(|| "Delete".to_owned()),
        binding_mode: class.volume_binding_mode.unwrap_or_else(|| "Immediate".to_owned()),
        zones: terms.filter(|term| is_zone(&term.key)).flat_map(|term| term.values).collect(),
    }
}

/// The drivers that are declared; where a class's is not among them, also those that nodes name,
/// because a driver need not be declared.
async fn drivers(cluster: &Cluster, classes: Option<&Vec<Class>>) -> Result<Look<BTreeSet<String>>> {
    let declared = cluster.metadata_pages::<CSIDriver>(Pick::default()).await;
    let declared = look(declared, cluster, "look at the CSI drivers")?;
    let Look::Seen(declared) = declared else { return Ok(Look::Refused) };
    let mut drivers: BTreeSet<String> = declared.into_iter().filter_map(|driver| driver.name).collect();
    let undeclared = |class: &Class| !class.provisioner.contains('/') && !drivers.contains(&class.provisioner);
    if classes.is_none_or(|classes| classes.is_empty() || classes.iter().any(undeclared)) {
        match look(of_nodes(cluster).await, cluster, "look at the CSI drivers of the nodes")? {
            Look::Seen(more) => drivers.extend(more),
            // Then nobody can say that a driver is missing.
            Look::Refused | Look::NotAsked => return Ok(Look::Refused),
        }
    }
    Ok(Look::Seen(drivers))
}

#[derive(Deserialize)]
struct NodeItem {
    #[serde(default)]
    spec: NodeSpec,
}

#[derive(Deserialize, Default)]
struct NodeSpec {
    #[serde(default)]
    drivers: Vec<Driver>,
}

#[derive(Deserialize)]
struct Driver {
    name: String,
}

async fn of_nodes(cluster: &Cluster) -> Result<BTreeSet<String>, ::kube::Error> {
    let nodes = cluster.pages::<CSINode, NodeItem>(Pick::default()).await?;
    Ok(nodes.into_iter().flat_map(|node| node.spec.drivers).map(|driver| driver.name).collect())
}
