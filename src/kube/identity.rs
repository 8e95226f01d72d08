//! Which cluster it is: contexts are renamed and point elsewhere, the UID of `kube-system` stays.

use std::fmt;

use ::kube::Client;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::version::Info;

use super::{explain, request};
use crate::error::Result;

/// Marks an identity that is only an address.
const ADDRESS: &str = "address:";

/// Which cluster it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterId {
    /// The UID of the namespace `kube-system`: made with the cluster and never changed.
    Uid(String),
    /// The API server's URL, where we may not read `kube-system` (an admin of one namespace).
    /// A rebuilt cluster at the same address cannot be told from the old one.
    Address(String),
}

impl ClusterId {
    /// Reads what `Display` wrote, as the ledger keeps it.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix(ADDRESS) {
            Some(address) => Self::Address(address.to_owned()),
            None => Self::Uid(text.to_owned()),
        }
    }

    /// Whether both are surely different clusters. An address and a UID cannot be compared.
    pub fn contradicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Uid(one), Self::Uid(two)) | (Self::Address(one), Self::Address(two)) => one != two,
            _ => false,
        }
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(uid) => f.write_str(uid),
            Self::Address(address) => write!(f, "{ADDRESS}{address}"),
        }
    }
}

pub(super) async fn identify(client: &Client, server: &str) -> Result<ClusterId> {
    match request::get::<Namespace>(client, None, "kube-system").await {
        Ok(Some(namespace)) => Ok(match namespace.metadata.uid {
            Some(uid) => ClusterId::Uid(uid),
            None => ClusterId::Address(server.to_owned()),
        }),
        Ok(None) => Ok(ClusterId::Address(server.to_owned())),
        Err(::kube::Error::Api(status)) if status.is_forbidden() => Ok(ClusterId::Address(server.to_owned())),
        Err(error) => Err(explain(&error, server)),
    }
}

pub(super) async fn version(client: &Client) -> Result<String, ::kube::Error> {
    let request = http::Request::get("/version").body(Vec::new()).map_err(::kube::Error::HttpError)?;
    request::fetch::<Info>(client, &request).await.map(|info| info.git_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_round_trip_and_compare_like_with_like() {
        let uid = ClusterId::Uid("a-1".into());
        let address = ClusterId::Address("https://c:6443".into());
        for id in [&uid, &address] {
            assert_eq!(&ClusterId::parse(&id.to_string()), id);
        }
        assert!(uid.contradicts(&ClusterId::Uid("b-2".into())));
        assert!(!uid.contradicts(&address));
        assert!(!uid.contradicts(&uid.clone()));
    }
}
