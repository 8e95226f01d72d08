//! Why a workload is not ready, for people.

use std::fmt;

use serde::Serialize;

use crate::text::one_line;

/// Longer messages of Kubernetes repeat themselves.
const MAX: usize = 300;

/// Why something is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What is the matter, one line.
    pub text: String,
    /// Whether it will hardly heal by waiting.
    pub failing: bool,
    /// What to do, if we know.
    pub hint: Option<String>,
}

impl Reason {
    /// Time will tell.
    pub fn waiting(text: impl AsRef<str>) -> Self {
        Self { text: one_line(text.as_ref(), MAX), failing: false, hint: None }
    }

    /// Somebody has to do something.
    pub fn failing(text: impl AsRef<str>) -> Self {
        Self { failing: true, ..Self::waiting(text) }
    }

    /// A controller's words about pods that it may not make.
    pub fn not_created(message: &str) -> Self {
        let reason = Self::failing(message);
        if message.contains("exceeded quota") {
            reason.hint("ask for less in the site file, or an administrator for more: kubectl describe quota")
        } else if message.contains("PodSecurity") {
            reason.hint(
                "an administrator must allow these pods in the namespace: label pod-security.kubernetes.io/enforce",
            )
        } else {
            reason
        }
    }

    /// What it may have in common with others: without the name of a pod, and without what that very pod asks for.
    pub fn cause(&self) -> String {
        let of_pods = self.text.split_once("pods \"").and_then(|(_, pod)| pod.split_once("\" is forbidden: "));
        if let Some((_, why)) = of_pods {
            // What a level of pod security or a quota has against it comes after their names.
            let why = why.split(", requested: ").next().unwrap_or(why);
            let why = why.split_once("\": ").map_or_else(|| why.to_owned(), |(level, _)| format!("{level}\""));
            return format!("its pods are forbidden: {why}");
        }
        match self.text.strip_prefix("pod ").and_then(|pod| pod.split_once(' ')) {
            Some((pod, rest)) => format!("its pod{} {rest}", if pod.ends_with(':') { ":" } else { "" }),
            None => self.text.clone(),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_names_no_pod() {
        for (text, cause) in [
            ("pod hub-1: the image i:t cannot be pulled: M", "its pod: the image i:t cannot be pulled: M"),
            ("pod hub-1 finds no node: 0/2 nodes", "its pod finds no node: 0/2 nodes"),
            ("no volume could be made", "no volume could be made"),
            (
                "create Pod postgresql-0 in StatefulSet postgresql failed error: pods \"postgresql-0\" is forbidden: \
                 violates PodSecurity \"restricted:latest\": runAsNonRoot != true (container \"postgresql\" must)",
                "its pods are forbidden: violates PodSecurity \"restricted:latest\"",
            ),
            (
                "pods \"hub-1\" is forbidden: exceeded quota: q, requested: a=1, used: a=1",
                "its pods are forbidden: exceeded quota: q",
            ),
            (
                "pods \"hub-1\" is forbidden: error looking up service account",
                "its pods are forbidden: error looking up service account",
            ),
        ] {
            assert_eq!(Reason::failing(text).cause(), cause);
        }
    }
}
