//! The ledger as a Secret in the hub's namespace: the copy that counts once a hub is installed.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret as KubeSecret};

use super::Ledger;
use crate::error::{Error, Result};
use crate::kube::{Cluster, denied};
use crate::redact::Secret;

/// Name of the Secret.
pub const NAME: &str = "helm-iris-ledger";
/// Its only key.
const KEY: &str = "ledger.yaml";
/// Says whose it is.
pub const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "helm-iris");

/// A ledger as it stands in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLedger {
    /// The ledger.
    pub ledger: Ledger,
    /// Kubernetes' mark of this very state: a write that names it fails if somebody was faster.
    pub resource_version: String,
}

/// How a write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// As asked.
    Done,
    /// Somebody else was faster; nothing was written.
    Outrun,
}

impl Written {
    /// How a write of a Secret ended that names the state which it replaces.
    pub(super) fn of(result: Result<(), ::kube::Error>) -> Result<Self, ::kube::Error> {
        match result {
            Ok(()) => Ok(Self::Done),
            Err(::kube::Error::Api(status)) if status.is_already_exists() || status.is_conflict() => Ok(Self::Outrun),
            Err(error) => Err(error),
        }
    }
}

/// Reads the ledger of the hub in a namespace.
///
/// # Errors
/// When it may not be read or is damaged. None only where the cluster says that there is none.
pub async fn read(cluster: &Cluster, namespace: &str) -> Result<Option<StoredLedger>> {
    read_if_allowed(cluster, namespace).await?
}

/// As [`read`], telling what is forbidden from every other trouble: a refusal is the inner error.
///
/// # Errors
/// When it is damaged, or the cluster does not answer.
pub async fn read_if_allowed(cluster: &Cluster, namespace: &str) -> Result<Result<Option<StoredLedger>>> {
    let doing = format!("read the ledger (Secret {NAME}) in {namespace}");
    match cluster.get::<KubeSecret>(Some(namespace), NAME).await {
        Ok(secret) => secret.map(|secret| parse(&secret, namespace)).transpose().map(Ok),
        Err(error) => {
            let told = denied(&error, &cluster.server, &doing);
            let forbidden = matches!(error, ::kube::Error::Api(status) if status.is_forbidden());
            if forbidden { Ok(Err(told)) } else { Err(told) }
        }
    }
}

/// The ledger that a Secret holds.
///
/// # Errors
/// When it is damaged.
pub fn parse(secret: &KubeSecret, namespace: &str) -> Result<StoredLedger> {
    let origin = format!("the Secret {NAME} in {namespace}");
    let bytes = secret.data.as_ref().and_then(|data| data.get(KEY)).map(|bytes| bytes.0.clone());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        Error::user(format!("{origin} is damaged"))
            .because(format!("it has no text under `{KEY}`"))
            .hint("restore it from a backup; do not delete it while the hub is used: its secrets would be lost")
    })?;
    let ledger = Ledger::from_text(&Secret::new(text), &origin)?;
    Ok(StoredLedger { ledger, resource_version: secret.metadata.resource_version.clone().unwrap_or_default() })
}

/// Writes the ledger: makes the Secret where `before` is none, else replaces exactly that state.
///
/// # Errors
/// When that is not allowed or the cluster cannot be reached.
pub async fn write(
    cluster: &Cluster,
    namespace: &str,
    ledger: &Ledger,
    before: Option<&StoredLedger>,
) -> Result<Written> {
    let secret = secret_of(ledger, before);
    let result = match before {
        None => cluster.create(Some(namespace), &secret).await,
        Some(_) => cluster.replace(Some(namespace), NAME, &secret).await,
    };
    Written::of(result)
        .map_err(|error| denied(&error, &cluster.server, &format!("write the ledger (Secret {NAME}) in {namespace}")))
}

fn secret_of(ledger: &Ledger, before: Option<&StoredLedger>) -> KubeSecret {
    let mut secret = KubeSecret { type_: Some("Opaque".to_owned()), ..KubeSecret::default() };
    secret.metadata.name = Some(NAME.to_owned());
    secret.metadata.labels = Some([(LABEL.0.to_owned(), LABEL.1.to_owned())].into());
    secret.metadata.resource_version = before.map(|before| before.resource_version.clone());
    secret.data = Some([(KEY.to_owned(), ByteString(ledger.to_text().expose().as_bytes().to_vec()))].into());
    secret
}

/// Makes a namespace; one that is there is no error.
///
/// # Errors
/// When that is not allowed or the cluster cannot be reached.
pub async fn create_namespace(cluster: &Cluster, name: &str) -> Result<()> {
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(name.to_owned());
    match cluster.create(None, &namespace).await {
        Ok(()) => Ok(()),
        Err(::kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(denied(&error, &cluster.server, &format!("create the namespace {name}"))
            .hint("an administrator can create it and make you its admin; then run the same command again")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_round_trips_and_damage_is_an_error() {
        let ledger = Ledger::create().unwrap();
        let mut secret = secret_of(&ledger, None);
        assert_eq!(secret.metadata.resource_version, None);
        secret.metadata.resource_version = Some("7".into());
        let stored = parse(&secret, "dhub").unwrap();
        assert_eq!((&stored.ledger, stored.resource_version.as_str()), (&ledger, "7"));
        assert_eq!(secret_of(&ledger, Some(&stored)).metadata.resource_version.as_deref(), Some("7"));
        secret.data = None;
        assert!(parse(&secret, "dhub").unwrap_err().message.contains("damaged"));
    }
}
