//! What would be installed and what the cluster is, brought together.

use futures::future::join_all;

use super::DoctorArgs;
use crate::archive::Cache;
use crate::cli::{Environment, GlobalArgs};
use crate::commands::pull;
use crate::doctor::{
    self, Area, Facts, Look, Report, Scope, Trial, Unknown, Wanted, WantedArchive, WantedRelease, with_stand_ins,
};
use crate::error::{Error, ErrorKind, Result};
use crate::helm::{Helm, Template};
use crate::interrupt::Interrupt;
use crate::kube::Cluster;
use crate::lease::Holder;
use crate::load::{self, Loaded};
use crate::redact::Secret;
use crate::ui::Ui;
use crate::workflow;

/// Looks at everything that was asked for.
pub(super) async fn report(
    args: &DoctorArgs,
    global: &GlobalArgs,
    environment: &Environment,
    ui: &Ui,
) -> Result<Report> {
    let request = args.chart.as_ref().map(|chart| args.settings.request(chart, global, environment, None));
    let mut wanted = request.map(|request| wanted(load::load(&request)?)).transpose()?;
    let areas: Vec<Area> = Area::ALL
        .into_iter()
        .filter(|area| !args.skip.contains(area) && (wanted.is_some() || area.is_of_cluster()))
        .collect();
    let cluster = global.connection(environment).open().await?;
    let namespace = wanted.as_ref().map(|wanted| wanted.namespace.clone());
    let (helm, facts) = futures::join!(
        pull::find_helm(environment),
        doctor::surroundings(&cluster, &areas, namespace.as_deref(), Scope::Whole),
    );
    let mut facts = facts?;
    if let Some(wanted) = &mut wanted {
        wanted.settle(&facts.classes);
        let room = async {
            if areas.contains(&Area::Capacity) {
                doctor::room(&cluster, wanted, &facts.nodes).await
            } else {
                Ok(Look::NotAsked)
            }
        };
        let (room, rendered) = futures::join!(room, render(wanted, &helm, &cluster.version));
        facts.used = room?;
        wanted.rendered(rendered);
        doctor::objects(&cluster, wanted, &areas, &mut facts).await?;
    }
    facts.helm = Some(helm.map(|helm| helm.version().to_string()));
    facts.helm_driver.clone_from(&environment.helm_driver);
    if args.probe {
        facts.probe = Some(probe(&cluster, wanted.as_ref(), &facts, environment, ui).await?);
    }
    Ok(Report {
        cluster: cluster.label().to_owned(),
        server: cluster.server.clone(),
        chart: wanted.as_ref().map(|wanted| wanted.chart.clone()),
        namespace,
        areas: doctor::judge(&facts, wanted.as_ref(), &areas),
        skipped: args.skip.clone(),
    })
}

/// What would be installed; nothing is written and nothing fetched.
fn wanted(mut loaded: Loaded) -> Result<Wanted> {
    let mut archives = Vec::new();
    for one in loaded.wanted() {
        let found = loaded.cache.find(&one.name, &one.version, one.sha256.as_deref());
        let name = format!("{} {}", one.name, one.version);
        archives.push(WantedArchive { name, there: found.map(|found| found.is_some()) });
    }
    if archives.iter().any(|archive| archive.there.is_err()) {
        // Nothing could be made of a damaged one; what can be told without archives is told.
        loaded.cache = Cache::new(loaded.cache.path("damaged"));
    }
    let validated = workflow::prepare(&loaded, &loaded.ledger()?)?;
    let manifest = validated.manifest();
    let releases = manifest.releases.iter().map(|entry| {
        let values = with_stand_ins(manifest, entry, validated.visible_values(entry)?);
        Ok(WantedRelease::new(entry, values, validated.archive(entry).map(|archive| archive.bytes.clone())))
    });
    Ok(Wanted::new(manifest, releases.collect::<Result<_>>()?, archives))
}

/// Asks Helm for the objects of each release, all at once.
pub(super) async fn render(wanted: &Wanted, helm: &Result<Helm>, kubernetes: &str) -> Vec<Result<Secret, Unknown>> {
    let renders = wanted.releases.iter().map(|release| async move {
        let Ok(helm) = helm else { return Err(Unknown::NoHelm) };
        let Some(archive) = &release.archive else { return Err(Unknown::NoArchive) };
        if doctor::is_refused(kubernetes, &release.needs) {
            return Err(Unknown::WrongKubernetes);
        }
        let WantedRelease { entry, values, .. } = release;
        let template = Template { release: &entry.name, namespace: &entry.namespace, archive, values, kubernetes };
        helm.template(&template).await.map_err(Unknown::Refused)
    });
    join_all(renders).await
}

/// Tries the class that volumes would get; in the hub's namespace, or where that is not there yet in
/// `default`.
async fn probe(
    cluster: &Cluster,
    wanted: Option<&Wanted>,
    facts: &Facts,
    environment: &Environment,
    ui: &Ui,
) -> Result<Result<String, Error>> {
    let Some(class) = doctor::class_to_try(facts, wanted) else {
        return Ok(Ok("no trial: the class is not there yet".to_owned()));
    };
    let namespace = match wanted {
        Some(wanted) if doctor::has_namespace(cluster, &wanted.namespace).await? => wanted.namespace.as_str(),
        _ => "default",
    };
    ui.status(&format!("Making a trial claim of the class {} in {namespace}", class.name));
    let holder = Holder::this_process(environment.user.as_deref());
    let mut interrupt = Interrupt::on_signals()?;
    match doctor::trial(cluster, &Trial { class, namespace, holder: &holder }, &mut interrupt).await {
        Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
        tried => Ok(tried),
    }
}
