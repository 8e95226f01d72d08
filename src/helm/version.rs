//! Which helm is new enough.

use std::fmt;

/// The oldest helm that is used. 3.17 is the oldest that is tried with every change, and the first
/// of Helm 3 that has all the flags that our hints name, `--take-ownership` among them.
pub const MINIMUM_VERSION: Version = Version { major: 3, minor: 17, patch: 0 };

/// The first that does not overwrite what others set unless it is told to: it applies on the server's side.
pub(super) const FIRST_WITH_CONFLICTS: Version = Version { major: 4, minor: 0, patch: 0 };

/// A version of helm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
    /// Patch.
    pub patch: u32,
}

impl Version {
    /// Reads `v3.17.3`, `v4.2.4+g1234abc` or `v4.0.0-rc.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let core = text.strip_prefix('v').unwrap_or(text).split(['-', '+']).next()?;
        let mut numbers = core.split('.').map(|number| number.parse().ok());
        let version = Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
        numbers.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

pub(super) fn why_minimum() -> String {
    format!("{MINIMUM_VERSION} is the oldest that helm iris is tested with")
}
