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
