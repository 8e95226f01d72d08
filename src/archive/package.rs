//! A chart's archive together with what is in it.

use super::{Archive, ChartContent, pack};
use crate::chart::Chart;
use crate::error::Result;

/// A Helm chart of which everything is at hand.
pub struct Package {
    /// What Helm is given.
    pub archive: Archive,
    /// What our checks look at.
    pub content: ChartContent,
}

impl Package {
    /// Packs a chart that we ship with the archives of its dependencies. What is in those is read
    /// from them, not once more from the packed archive: see [`Self::with_subcharts`].
    ///
    /// # Errors
    /// Anything in its `helm/` that is no Helm chart.
    pub fn assemble(chart: &Chart, dependencies: &[Archive]) -> Result<Self> {
        Ok(Self {
            content: ChartContent::of_folder(&chart.name, &chart.helm)?,
            archive: pack::assemble(chart, dependencies)?,
        })
    }

    /// The archive alone. What was in it is left to the end of the process: freeing its many small
    /// pieces would take longer than writing the bundle.
    pub fn into_archive(self) -> Archive {
        std::mem::forget(self.content);
        self.archive
    }

    /// Adds what is in the dependencies.
    pub fn with_subcharts(mut self, subcharts: impl Iterator<Item = ChartContent>) -> Self {
        self.content.subcharts.extend(subcharts);
        self
    }
}
