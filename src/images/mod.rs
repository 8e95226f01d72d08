//! What is in images and charts of which it is known, and whether notebooks, Dask and the hub go together. Pure.
//!
//! Notebook, scheduler and workers exchange pickled Python, so they must be of one Python and one Dask; the hub and
//! users' servers must be of one major version of JupyterHub.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::settings::ImageVersions;

/// What is known without asking anybody: data, with its sources.
const SHIPPED: &str = include_str!("known.yaml");

/// What is known of images and charts.
#[derive(Debug, Clone, Default)]
pub struct Known {
    table: Table,
    /// Versions of the Helm charts that are installed, by name.
    charts: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Table {
    images: BTreeMap<String, ImageVersions>,
    hubs: BTreeMap<String, String>,
    gateway_tells_tokens_since: String,
    broken: Vec<Broken>,
}

/// Versions of distributed that were tried together, and do not work.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Broken {
    notebook: String,
    dask: String,
    why: String,
}

/// The major version that an image's tag begins with, e.g. 17 of `17.11-trixie`.
pub fn major_of_tag(tag: &str) -> Option<u32> {
    let (digits, rest) = tag.split_at(tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len()));
    // E.g. `17.11`, `17-alpine`, and the betas and candidates of a version that comes.
    let ends = rest.is_empty() || rest.starts_with(['.', '-']) || rest.starts_with("beta") || rest.starts_with("rc");
    digits.parse().ok().filter(|_| ends)
}

/// What is told of two images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// They go together, as far as is known.
    Fits,
    /// What is in one of them nobody knows.
    Unknown(String),
    /// They differ, and may fail.
    Differs(Vec<String>),
    /// They were tried, and fail.
    Breaks(String),
}

impl Known {
    /// With what a site file adds.
    ///
    /// # Errors
    /// Only a defect of the shipped table.
    pub fn new(more: &BTreeMap<String, ImageVersions>, charts: BTreeMap<String, String>) -> Result<Self> {
        let mut table: Table =
            serde_yaml::from_str(SHIPPED).map_err(|error| Error::bug("the table of images").because(error))?;
        table.images.extend(more.iter().map(|(name, versions)| (name.clone(), versions.clone())));
        Ok(Self { table, charts })
    }

    /// Whether notebooks of one image can use schedulers and workers of another.
    pub fn together(&self, notebook: &str, dask: &str) -> Match {
        if notebook == dask {
            return Match::Fits;
        }
        let (of_notebook, of_dask) = match (self.table.images.get(notebook), self.table.images.get(dask)) {
            (Some(one), Some(two)) => (one, two),
            (None, _) => return Match::Unknown(notebook.to_owned()),
            _ => return Match::Unknown(dask.to_owned()),
        };
        if let Some(why) = self.breaks(of_notebook, of_dask) {
            return Match::Breaks(why);
        }
        let pairs = [
            ("Python", &of_notebook.python, &of_dask.python, 2),
            ("dask", &of_notebook.dask, &of_dask.dask, usize::MAX),
            ("distributed", &of_notebook.distributed, &of_dask.distributed, usize::MAX),
        ];
        let differing: Vec<String> = pairs
            .into_iter()
            .filter_map(|(name, one, two, parts)| {
                let (one, two) = (one.as_ref()?, two.as_ref()?);
                let same = numbers(one).into_iter().take(parts).eq(numbers(two).into_iter().take(parts));
                (!same).then(|| format!("{name} {one} and {two}"))
            })
            .collect();
        if differing.is_empty() { Match::Fits } else { Match::Differs(differing) }
    }

    fn breaks(&self, notebook: &ImageVersions, dask: &ImageVersions) -> Option<String> {
        // Both packages are released together, under one number.
        let of = |versions: &ImageVersions| versions.distributed.as_ref().or(versions.dask.as_ref()).cloned();
        let (one, two) = (of(notebook)?, of(dask)?);
        let is =
            |broken: &&Broken| numbers(&one) >= numbers(&broken.notebook) && numbers(&two) <= numbers(&broken.dask);
        let found = self.table.broken.iter().find(is)?;
        Some(format!("distributed {one} in notebooks, {two} in Dask's pods: {}", found.why))
    }

    /// The major versions of JupyterHub in the hub and in a notebook's image, where they are known and differ.
    pub fn other_jupyterhub(&self, notebook: &str) -> Option<(String, String)> {
        let hub = self.charts.get("jupyterhub")?.split('.').next()?;
        let hub = self.table.hubs.get(hub)?;
        let of_notebook = self.table.images.get(notebook)?.jupyterhub.as_ref()?;
        (of_notebook.split('.').next() != Some(hub)).then(|| (hub.clone(), of_notebook.clone()))
    }

    /// Since when the gateway's chart can say which tokens of the hub are for the gateway.
    pub fn gateway_tells_tokens_since(&self) -> &str {
        &self.table.gateway_tells_tokens_since
    }

    /// Whether the gateway's chart can do that. Of a version that is no release nobody knows; then it can.
    pub fn gateway_tells_tokens(&self) -> bool {
        let is_release = |version: &&String| version.split('.').all(|part| part.parse::<u64>().is_ok());
        let release = self.charts.get("dask-gateway").filter(is_release);
        release.is_none_or(|version| numbers(version) >= numbers(self.gateway_tells_tokens_since()))
    }
}

fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(more: &[(&str, [&str; 3])]) -> Known {
        let versions = |[python, dask, jupyterhub]: [&str; 3]| {
            let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            ImageVersions {
                python: said(python),
                dask: said(dask),
                jupyterhub: said(jupyterhub),
                ..ImageVersions::default()
            }
        };
        let more = more.iter().map(|(name, all)| ((*name).to_owned(), versions(*all))).collect();
        Known::new(&more, BTreeMap::from([("jupyterhub".to_owned(), "4.4.0".to_owned())])).unwrap()
    }

    const OURS: &str = "quay.io/pangeo/base-notebook:2026.01.30";

    #[test]
    fn images_are_compared_by_what_is_in_them() {
        let known = known(&[
            ("same:1", ["3.12.3", "2026.1.1", ""]),
            ("python:1", ["3.11.9", "2026.1.1", ""]),
            ("old:1", ["3.11", "2024.1.0", ""]),
            ("new:1", ["3.13", "2026.8.0", ""]),
        ]);
        assert_eq!(known.together(OURS, OURS), Match::Fits);
        assert_eq!(known.together("nobody:1", "nobody:1"), Match::Fits, "whatever is in it");
        assert_eq!(known.together(OURS, "quay.io/pangeo/pangeo-notebook:2026.01.30"), Match::Fits);
        assert_eq!(known.together(OURS, "same:1"), Match::Fits, "the third number of Python does not matter");
        assert_eq!(known.together(OURS, "nobody:1"), Match::Unknown("nobody:1".into()));
        assert_eq!(known.together("nobody:1", OURS), Match::Unknown("nobody:1".into()));
        assert_eq!(known.together(OURS, "python:1"), Match::Differs(vec!["Python 3.12.12 and 3.11.9".into()]));
        let gateways = known.together(OURS, "ghcr.io/dask/dask-gateway:2026.3.0");
        assert!(matches!(gateways, Match::Differs(what) if what.len() == 2), "Python and dask");
        assert!(matches!(known.together("new:1", "old:1"), Match::Breaks(why) if why.contains("n_workers")));
        assert!(matches!(known.together("old:1", "new:1"), Match::Differs(_)), "this way round nobody has tried");
        assert!(matches!(known.together(OURS, "old:1"), Match::Differs(_)), "nor this notebook");
    }

    #[test]
    fn an_older_gateway_cannot_tell_tokens() {
        let with = |charts: &[(&str, &str)]| {
            let charts = charts.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned()));
            Known::new(&BTreeMap::new(), charts.collect()).unwrap().gateway_tells_tokens()
        };
        for older in ["2025.4.0", "2024.1.0", "0.9.0", "2026.2"] {
            assert!(!with(&[("dask-gateway", older)]), "{older}");
        }
        for newer in ["2026.3.0", "2026.3.1", "2026.10.0", "2027.1", "2025.4.1-0.dev.git.1234", "next"] {
            assert!(with(&[("dask-gateway", newer)]), "{newer}");
        }
        assert!(with(&[("jupyterhub", "3.2.1")]));
    }

    #[test]
    fn hub_and_servers_are_of_one_major_version() {
        let known = known(&[("old:1", ["", "", "4.1.6"]), ("new:1", ["", "", "5.9.0"]), ("none:1", ["", "", ""])]);
        assert_eq!(known.other_jupyterhub("old:1"), Some(("5".into(), "4.1.6".into())));
        for fits in [OURS, "new:1", "none:1", "nobody:1"] {
            assert_eq!(known.other_jupyterhub(fits), None, "{fits}");
        }
    }
}
