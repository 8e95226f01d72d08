//! Which StorageClass volumes get that name none.

use std::collections::BTreeMap;

use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{ReleaseKey, made_by};
use crate::error::Result;
use crate::kube::{Cluster, denied};

/// Marks a default class; the second is the old name, which Kubernetes still honours.
const DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// A default StorageClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultClass {
    /// Its name.
    pub name: String,
    /// Namespace and name of the Helm release that made it, if one did.
    pub made_by: Option<ReleaseKey>,
}

/// The default StorageClasses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Classes {
    /// These, in order of name; none and several are both possible.
    Known(Vec<DefaultClass>),
    /// We may not look at StorageClasses.
    Unknown,
}

pub(super) async fn defaults(cluster: &Cluster) -> Result<Classes> {
    match cluster.list::<StorageClass>(None, "").await {
        Ok(classes) => Ok(Classes::Known(only_defaults(&classes))),
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(Classes::Unknown),
        Err(error) => Err(denied(&error, &cluster.server, "look at the StorageClasses")),
    }
}

/// Whether volumes of these classes may grow, by name; what may not be read is left out, and so is what is gone.
///
/// # Errors
/// When the cluster does not answer.
pub async fn expandable(cluster: &Cluster, names: &[String]) -> Result<BTreeMap<String, bool>> {
    let reads = names.iter().map(|name| async move {
        match cluster.get::<StorageClass>(None, name).await {
            Ok(class) => Ok(class.map(|class| (name.clone(), class.allow_volume_expansion == Some(true)))),
            Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(None),
            Err(error) => Err(denied(&error, &cluster.server, &format!("look at the StorageClass {name}"))),
        }
    });
    Ok(futures::future::try_join_all(reads).await?.into_iter().flatten().collect())
}

/// Whether a class is marked as the default.
pub fn is_default(metadata: &ObjectMeta) -> bool {
    let marked =
        |key: &&str| metadata.annotations.as_ref().and_then(|all| all.get(*key)).is_some_and(|is| is == "true");
    DEFAULT.iter().any(marked)
}

fn only_defaults(classes: &[StorageClass]) -> Vec<DefaultClass> {
    let mut defaults: Vec<_> = classes
        .iter()
        .filter(|class| is_default(&class.metadata))
        .map(|class| DefaultClass {
            name: class.metadata.name.clone().unwrap_or_default(),
            made_by: made_by(&class.metadata),
        })
        .collect();
    defaults.sort_by(|one, two| one.name.cmp(&two.name));
    defaults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_marks_count_and_only_when_true() {
        let class = |name: &str, annotations: &[(&str, &str)]| {
            let mut class = StorageClass::default();
            class.metadata.name = Some(name.into());
            class.metadata.annotations =
                Some(annotations.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect());
            class
        };
        let ours =
            [(DEFAULT[0], "true"), ("meta.helm.sh/release-name", "storage"), ("meta.helm.sh/release-namespace", "sys")];
        let classes = [
            class("b", &ours),
            class("a", &[(DEFAULT[1], "true")]),
            class("c", &[(DEFAULT[0], "false")]),
            StorageClass::default(),
        ];
        let found = only_defaults(&classes);
        assert_eq!(found.iter().map(|class| class.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(found[1].made_by, Some(("sys".into(), "storage".into())));
    }
}
