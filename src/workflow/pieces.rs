//! The pieces of a bundle, side by side: reading an archive with its schema takes as long as
//! rendering a chart, and none of them needs another.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Packages;
use crate::archive::{Archive, ChartContent, Package};
use crate::brought::{Almost, Reference};
use crate::bundle::{ChartEdits, Previous};
use crate::chart::Chart;
use crate::compose::{self, Overrides};
use crate::context::{Context, GatewayContext, ReleaseContext};
use crate::error::{Error, Result};
use crate::images::Known;
use crate::load::Loaded;
use crate::parallel;
use crate::problem::Problem;
use crate::render;
use crate::yaml::Document;

/// The values of one chart.
pub(super) struct Part {
    pub(super) rendered: render::Rendered,
    pub(super) overrides: Document,
    /// Where they name secrets that a person brings.
    pub(super) references: Vec<Reference>,
    /// What is nearly such a name.
    pub(super) doubtful: Vec<Almost>,
    pub(super) overrides_text: String,
    pub(super) edits: Option<Value>,
    /// Where edits were made: the files as they are now, and what was kept earlier.
    pub(super) edited: Vec<Document>,
}

/// A part with what is wrong in it, or why there is none.
pub(super) type Made = Result<(Part, Vec<Problem>)>;

/// What a bundle is made of.
pub(super) struct Pieces {
    /// By chart, where all of it is at hand.
    pub(super) packages: Packages,
    /// In the order of the charts.
    pub(super) parts: Vec<(String, Made)>,
}

enum Job<'j> {
    Read(&'j Archive),
    Assemble(&'j Chart, &'j [Archive]),
    Render(&'j Chart),
}

enum Done {
    Read(Result<ChartContent>),
    Assembled(Result<Package>),
    Rendered(Box<Made>),
}

/// Makes all pieces; `known` is what is known of their charts, `upstream` are the archives of each chart that has
/// all of them.
///
/// # Errors
/// An archive that is no Helm chart.
pub(super) fn make(
    loaded: &Loaded,
    known: &Known,
    mut upstream: BTreeMap<String, Vec<Archive>>,
    previous: &Previous,
) -> Result<Pieces> {
    let done = parallel::map(&jobs(&loaded.charts, &upstream), |job| match job {
        Job::Read(archive) => Done::Read(ChartContent::read(archive)),
        Job::Assemble(chart, archives) => Done::Assembled(Package::assemble(chart, archives)),
        Job::Render(chart) => Done::Rendered(Box::new(part(loaded, known, chart, previous))),
    });
    let (mut contents, mut own, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for done in done {
        match done {
            Done::Read(content) => contents.push(content?),
            Done::Assembled(package) => own.push(package?),
            Done::Rendered(part) => parts.push(*part),
        }
    }
    let (mut contents, mut own) = (contents.into_iter(), own.into_iter());
    let mut packages = BTreeMap::new();
    for chart in &loaded.charts {
        let Some(archives) = upstream.remove(&chart.name) else { continue };
        let package = if chart.helm.is_empty() {
            archives.into_iter().zip(contents.by_ref()).next().map(|(archive, content)| Package { archive, content })
        } else {
            own.next().map(|package| package.with_subcharts(contents.by_ref().take(archives.len())))
        };
        packages.extend(package.map(|package| (chart.name.clone(), package)));
    }
    let names = loaded.charts.iter().map(|chart| chart.name.clone());
    Ok(Pieces { packages, parts: names.zip(parts).collect() })
}

/// The longest first, so that the processors end together.
fn jobs<'j>(charts: &'j [Chart], upstream: &'j BTreeMap<String, Vec<Archive>>) -> Vec<Job<'j>> {
    let archives = |chart: &Chart| upstream.get(&chart.name).map(Vec::as_slice);
    let read = charts.iter().filter_map(archives).flatten().map(Job::Read);
    let render = charts.iter().map(Job::Render);
    let own = charts.iter().filter(|chart| !chart.helm.is_empty());
    let assemble = own.filter_map(|chart| Some(Job::Assemble(chart, archives(chart)?)));
    read.chain(render).chain(assemble).collect()
}

fn part(loaded: &Loaded, known: &Known, chart: &Chart, previous: &Previous) -> Made {
    let file = |name: &str| loaded.folder.join(&chart.name).join(name).display().to_string();
    let release = ReleaseContext {
        name: chart.release_name(&loaded.namespace),
        namespace: compose::namespace_of(chart, &loaded.namespace),
        chart: chart.name.clone(),
    };
    let secret = compose::secret_of(chart, loaded.settings.secret_mode);
    let gateway = GatewayContext { tells_tokens: known.gateway_tells_tokens() };
    let context = Context::build(&loaded.settings, release, loaded.database.clone(), gateway, secret);
    let rendered = render::values(chart, &context, &file("values.yaml"))
        .map_err(|problems| Error::problems("the values could not be rendered", problems))?;
    let overlay = |edited: &[Document]| {
        let laid = compose::overrides(loaded, chart, &rendered.document, edited, &file("overrides.yaml"));
        (compose::overrides_text(&laid.document.value), laid)
    };
    let kept = |edits: &Value| Document::synthetic(file("overrides.yaml"), edits.clone());
    let ChartEdits { edits, documents: mut edited } =
        previous.edits(&chart.name, (&rendered.text, &rendered.document.value), |edits| {
            let (text, laid) = overlay(&[kept(edits)]);
            (text, laid.document.value)
        })?;
    edited.push(kept(edits.as_ref().unwrap_or(&Value::Object(Map::new()))));
    let (overrides_text, Overrides { document: overrides, references, doubtful, problems }) = overlay(&edited);
    Ok((Part { rendered, overrides, references, doubtful, overrides_text, edits, edited }, problems))
}
