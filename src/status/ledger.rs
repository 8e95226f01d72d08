//! The ledger in the cluster: whether it is there, and which of its secrets could be guessed.

use k8s_openapi::api::core::v1::Secret as KubeSecret;
use serde::Serialize;

use super::allowed;
use crate::error::Result;
use crate::kube::Cluster;
use crate::secrets::cluster::{NAME, parse};
use crate::secrets::{Entry, Ledger, Need, StoredLedger, weaknesses};

/// How the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum LedgerState {
    /// It is there.
    Present {
        /// How many secrets it has.
        secrets: usize,
        /// Those that are weak.
        weak: Vec<Weak>,
    },
    /// There is none.
    Missing,
    /// It is there, and cannot be understood.
    Damaged {
        /// Why.
        why: String,
    },
}

/// A weak secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weak {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub what: String,
}

impl LedgerState {
    /// Whether there is one, in whatever state.
    pub(super) fn is_there(&self) -> bool {
        *self != Self::Missing
    }
}

/// Reads the ledger; none where that is not allowed.
pub(super) async fn read(cluster: &Cluster, namespace: &str) -> Result<(Option<Ledger>, Option<LedgerState>)> {
    let secret = cluster.get::<KubeSecret>(Some(namespace), NAME).await;
    let doing = format!("read the ledger (Secret {NAME}) in {namespace}");
    let Some(secret) = allowed(secret, cluster, &doing)? else { return Ok((None, None)) };
    Ok(match secret.map(|secret| parse(&secret, namespace)) {
        None => (None, Some(LedgerState::Missing)),
        Some(Err(error)) => (None, Some(LedgerState::Damaged { why: error.to_string() })),
        Some(Ok(StoredLedger { ledger, .. })) => {
            let state = LedgerState::Present { secrets: ledger.entries.len(), weak: weak(&ledger) };
            (Some(ledger), Some(state))
        }
    })
}

fn weak(ledger: &Ledger) -> Vec<Weak> {
    let first = |(name, entry): (&String, &Entry)| {
        let found = weaknesses(&need(name, entry), &entry.value, ledger).into_iter().next()?;
        Some(Weak { name: name.clone(), what: found.what })
    };
    ledger.entries.iter().filter_map(first).collect()
}

/// What the chart asked for, as far as the ledger knows.
fn need(name: &str, entry: &Entry) -> Need {
    Need {
        name: name.to_owned(),
        kind: entry.kind,
        purpose: entry.purpose.clone(),
        fills: entry.fills.clone(),
        prepend: entry.value.expose().contains(';'),
        ..Need::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secret;
    use crate::secrets::{SecretKind, Source};

    #[test]
    fn only_what_could_be_guessed_is_weak_and_no_value_is_told() {
        let mut ledger = Ledger::create().unwrap();
        let (key, other) = (SecretKind::Hex32.generate().unwrap(), SecretKind::Hex32.generate().unwrap());
        let keys = Secret::new(format!("{};{}", key.expose(), other.expose()));
        let bad = Secret::new("hunter2".to_owned());
        for (name, kind, value) in [
            ("keys", SecretKind::Hex32, keys),
            ("token", SecretKind::Alnum(64), SecretKind::Alnum(64).generate().unwrap()),
            ("login", SecretKind::Alnum(16), bad),
        ] {
            let need = Need { name: name.into(), kind, ..Need::default() };
            ledger.entries.insert(name.into(), Entry::new(&need, Source::Given, value));
        }
        let weak = weak(&ledger);
        assert_eq!(weak.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["login"]);
        assert!(!format!("{weak:?}").contains("hunter2"));
    }
}
