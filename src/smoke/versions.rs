//! Whether notebook, scheduler and workers have the same versions. Dask no longer says so itself. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;

/// Those with which a difference breaks things, now or in the next computation.
const MUST_AGREE: [&str; 4] = ["python", "dask", "distributed", "cloudpickle"];

type Packages = BTreeMap<String, String>;

/// What is where.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Versions {
    notebook: Packages,
    scheduler: Packages,
    workers: Vec<Packages>,
}

impl Versions {
    /// Reads what the program tells.
    pub(super) fn of(facts: &Value) -> Self {
        serde_json::from_value(facts.clone()).unwrap_or_default()
    }

    /// What is told where all agree.
    ///
    /// # Errors
    /// What differs; also where nothing is known.
    pub(super) fn judged(&self) -> Result<String, Error> {
        if self.notebook.is_empty() || self.scheduler.is_empty() || self.workers.iter().all(Packages::is_empty) {
            return Err(Error::user("the versions of notebook, scheduler and workers cannot be compared")
                .because("one of them does not tell its own"));
        }
        let names: BTreeSet<&String> = self.all().flat_map(|(_, packages)| packages.keys()).collect();
        let (mut breaking, mut other) = (Vec::new(), Vec::new());
        for name in names {
            let Some(difference) = self.difference(name) else { continue };
            if MUST_AGREE.contains(&name.as_str()) { breaking.push(difference) } else { other.push(difference) }
        }
        if !breaking.is_empty() {
            let error = Error::user("notebook, scheduler and workers have different versions");
            return Err(breaking.into_iter().chain(other).fold(error, Error::because).hint(
                "give Dask's pods the notebooks' image: leave dask.image out of the site file, or set it to users.image",
            ));
        }
        let of = |name: &str| self.notebook.get(name).map_or("?", |version| version.trim_end_matches(".final.0"));
        let agree =
            format!("Python {}, dask {}, distributed {} everywhere", of("python"), of("dask"), of("distributed"));
        Ok(if other.is_empty() { agree } else { format!("{agree}; differing: {}", other.join("; ")) })
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &Packages)> {
        let here = [("notebook", &self.notebook), ("scheduler", &self.scheduler)];
        here.into_iter().chain(self.workers.iter().map(|packages| ("workers", packages)))
    }

    fn difference(&self, name: &str) -> Option<String> {
        let found: Vec<(&str, &str)> =
            self.all().map(|(place, packages)| (place, packages.get(name).map_or("none", String::as_str))).collect();
        if found.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            return None;
        }
        let places: Vec<String> = found.iter().map(|(place, version)| format!("{place} {version}")).collect();
        Some(format!("{name}: {}", places.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(workers: &Value) -> Result<String, Error> {
        let here = json!({"python": "3.12.1.final.0", "dask": "2026.8.0", "distributed": "2026.8.0", "numpy": "2.4.6"});
        Versions::of(&json!({"notebook": here, "scheduler": here, "workers": workers})).judged()
    }

    #[test]
    fn what_differs_is_named() {
        let same = json!({"python": "3.12.1.final.0", "dask": "2026.8.0", "distributed": "2026.8.0", "numpy": "2.4.6"});
        let with = |name: &str, version: &str| {
            let mut other = same.clone();
            other[name] = json!(version);
            other
        };
        assert_eq!(judged(&json!([same])).unwrap(), "Python 3.12.1, dask 2026.8.0, distributed 2026.8.0 everywhere");
        let error = judged(&json!([with("dask", "2026.3.0")])).unwrap_err();
        assert_eq!(error.causes, ["dask: notebook 2026.8.0, scheduler 2026.8.0, workers 2026.3.0"]);
        assert!(judged(&json!([same, with("python", "3.11.1")])).is_err(), "one of the workers");
        assert!(judged(&json!([with("numpy", "1.0")])).unwrap().contains("differing: numpy"));
        for nothing in [json!([]), json!([{}]), json!(null)] {
            assert!(judged(&nothing).is_err(), "{nothing}: nothing is known");
        }
    }
}
