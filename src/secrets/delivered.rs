//! Kubernetes Secrets of ours that carry a hub's secrets to its charts, past the Helm values.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret as KubeSecret;

use super::cluster::{LABEL, Written};
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::redact::Secret;

/// What such a Secret holds, by key.
pub type Content = BTreeMap<String, Secret>;

/// The most characters of a Secret's key (Kubernetes, `IsConfigMapKey`).
const MAX_KEY: usize = 253;

/// The name of the Secret that carries the secrets of a chart.
pub fn secret_name(chart: &str) -> String {
    format!("helm-iris-{chart}")
}

/// The labels of our Secrets.
pub fn selector() -> String {
    format!("{}={}", LABEL.0, LABEL.1)
}

/// Whether Kubernetes takes it as a key of a Secret.
pub fn is_key(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= MAX_KEY && text.bytes().all(fits) && text != "." && text != ".."
}

/// A Secret that stands where one of ours would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// What it holds.
    pub content: Content,
    /// Whether it carries our label.
    pub ours: bool,
    /// Kubernetes' mark of this very state.
    pub resource_version: String,
}

/// Reads the Secret of a name.
///
/// # Errors
/// When it may not be read. None only where the cluster says that there is none.
pub async fn read(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<StoredSecret>> {
    let secret = cluster.get::<KubeSecret>(Some(namespace), name).await;
    let doing = format!("read the Secret {name} in {namespace}");
    Ok(secret.map_err(|error| denied(&error, &cluster.server, &doing))?.map(stored))
}

fn stored(secret: KubeSecret) -> StoredSecret {
    // Ours are text; whatever is not has been put there by somebody else, and differs.
    let text = |bytes: ByteString| Secret::new(String::from_utf8_lossy(&bytes.0).into_owned());
    let data = secret.data.unwrap_or_default();
    StoredSecret {
        content: data.into_iter().map(|(key, bytes)| (key, text(bytes))).collect(),
        ours: secret.metadata.labels.is_some_and(|labels| labels.get(LABEL.0).is_some_and(|whose| whose == LABEL.1)),
        resource_version: secret.metadata.resource_version.unwrap_or_default(),
    }
}

/// Writes a Secret: makes it where `before` is none, else replaces exactly that state. One that
/// holds the same already is as good as written.
///
/// # Errors
/// When that is not allowed, or somebody else wrote another one meanwhile.
pub async fn write(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    content: &Content,
    before: Option<&StoredSecret>,
) -> Result<()> {
    let secret = secret_of(name, content, before);
    let result = match before {
        None => cluster.create(Some(namespace), &secret).await,
        Some(_) => cluster.replace(Some(namespace), name, &secret).await,
    };
    let written = Written::of(result)
        .map_err(|error| denied(&error, &cluster.server, &format!("write the Secret {name} in {namespace}")))?;
    if written == Written::Done {
        return Ok(());
    }
    match read(cluster, namespace, name).await? {
        Some(theirs) if theirs.ours && theirs.content == *content => Ok(()),
        _ => Err(changed_meanwhile(namespace, name)),
    }
}

/// Removes a Secret in exactly the state in which it was seen; one that is gone is no error.
///
/// # Errors
/// When that is not allowed, or somebody else changed it meanwhile.
pub async fn remove(cluster: &Cluster, namespace: &str, name: &str, before: &StoredSecret) -> Result<()> {
    match cluster.delete::<KubeSecret>(namespace, name, Some(&before.resource_version)).await {
        Ok(()) => Ok(()),
        Err(::kube::Error::Api(status)) if status.is_conflict() => Err(changed_meanwhile(namespace, name)),
        Err(error) => Err(denied(&error, &cluster.server, &format!("remove the Secret {name} in {namespace}"))),
    }
}

fn changed_meanwhile(namespace: &str, name: &str) -> Error {
    Error::user(format!("the Secret {name} in {namespace} was changed meanwhile"))
        .because("somebody else may be installing this hub at the same time")
        .hint("run the same command again: it looks anew")
}

fn secret_of(name: &str, content: &Content, before: Option<&StoredSecret>) -> KubeSecret {
    let mut secret = KubeSecret { type_: Some("Opaque".to_owned()), ..KubeSecret::default() };
    secret.metadata.name = Some(name.to_owned());
    secret.metadata.labels = Some([(LABEL.0.to_owned(), LABEL.1.to_owned())].into());
    secret.metadata.resource_version = before.map(|before| before.resource_version.clone());
    let bytes = |value: &Secret| ByteString(value.expose().as_bytes().to_vec());
    secret.data = Some(content.iter().map(|(key, value)| (key.clone(), bytes(value))).collect());
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_as_ours_and_printed_nowhere() {
        let content = Content::from([("hub.db.password".to_owned(), Secret::new("hunter2hunter2".to_owned()))]);
        let mut secret = secret_of("helm-iris-daskhub", &content, None);
        assert_eq!(secret.metadata.resource_version, None);
        secret.metadata.resource_version = Some("7".to_owned());
        let read = stored(secret.clone());
        assert_eq!((&read.content, read.ours), (&content, true));
        assert!(!format!("{read:?}").contains("hunter2"));
        assert_eq!(secret_of("x", &content, Some(&read)).metadata.resource_version.as_deref(), Some("7"));
        secret.metadata.labels = Some([(LABEL.0.to_owned(), "Helm".to_owned())].into());
        assert!(!stored(secret.clone()).ours);
        secret.metadata.labels = None;
        secret.data = Some([("a".to_owned(), ByteString(vec![0xff]))].into());
        assert!(!stored(secret.clone()).ours);
        assert_ne!(stored(secret).content, content);
    }

    #[test]
    fn keys_are_what_kubernetes_takes() {
        for key in ["hub.db.password", "values.yaml", "a_B-1"] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", ".", "..", "a/b", "a b", "ä", &"x".repeat(254)] {
            assert!(!is_key(key), "{key}");
        }
    }
}
