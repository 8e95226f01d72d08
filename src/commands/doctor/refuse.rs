//! What an installation would fail of, looked at before anybody is asked.

use super::look::render;
use crate::archive::MAX_ARCHIVE;
use crate::bundle::manifest::ReleaseEntry;
use crate::cli::Environment;
use crate::commands::pull;
use crate::commands::session::Session;
use crate::doctor::{self, Area, Report, Scope, Wanted, WantedRelease, with_stand_ins};
use crate::error::Result;
use crate::fs;
use crate::plan::Plan;

/// The areas in which something can be fatal that neither the plan nor its archives refuse by themselves.
const AREAS: [Area; 7] =
    [Area::Versions, Area::Storage, Area::Rights, Area::Capacity, Area::Names, Area::LoadBalancer, Area::Images];

/// Stops where the releases that change would fail, but for areas that are to be left out.
///
/// # Errors
/// All that is fatal, at once; no helm.
pub(in crate::commands) async fn refuse(
    session: &Session,
    plan: &Plan,
    skip: &[Area],
    environment: &Environment,
) -> Result<()> {
    if plan.releases().all(|release| !release.changes()) {
        return Ok(());
    }
    let areas: Vec<Area> = AREAS.into_iter().filter(|area| !skip.contains(area)).collect();
    let mut wanted = wanted(session, plan)?;
    let cluster = &session.cluster;
    let (helm, facts) = futures::join!(
        pull::find_helm(environment),
        doctor::surroundings(cluster, &areas, Some(&wanted.namespace), Scope::Fatal),
    );
    let (helm, mut facts) = (Ok(helm?), facts?);
    let rendered = render(&wanted, &helm, &cluster.version).await;
    wanted.rendered(rendered);
    doctor::objects(cluster, &wanted, &areas, &mut facts).await?;
    let report = Report {
        cluster: cluster.label().to_owned(),
        server: cluster.server.clone(),
        chart: Some(wanted.chart.clone()),
        namespace: Some(wanted.namespace.clone()),
        areas: doctor::judge(&facts, Some(&wanted), &areas),
        skipped: Vec::new(),
    };
    report.refusal().map_or(Ok(()), |error| {
        Err(error.hint("if you know better, leave the check out: --skip AREA; see docs/doctor.md for the areas"))
    })
}

/// The releases that the plan changes.
fn wanted(session: &Session, plan: &Plan) -> Result<Wanted> {
    let bundle = &session.reviewed.bundle;
    let manifest = bundle.manifest();
    let releases = manifest.releases.iter().map(|entry| {
        let values = with_stand_ins(manifest, entry, bundle.visible_values(entry)?);
        // One that is not at hand, or not the right one, is refused with the plan's archives.
        let archive = fs::read_limited(&session.reviewed.cache.path(&entry.archive), MAX_ARCHIVE).ok();
        Ok(WantedRelease::new(entry, values, archive))
    });
    let mut wanted = Wanted::new(manifest, releases.collect::<Result<_>>()?, Vec::new());
    let changes = |entry: &ReleaseEntry| {
        plan.releases()
            .any(|release| release.changes() && (&release.name, &release.namespace) == (&entry.name, &entry.namespace))
    };
    wanted.releases.retain(|release| changes(&release.entry));
    Ok(wanted)
}
