//! What is told while a hub goes, and after: what is left, why, and how to bring it back.

use std::path::PathBuf;

use crate::error::Result;
use crate::ui::Ui;
use crate::uninstall::{Fate, Step, Uninstall};

/// What is left that a person should know of.
pub(super) struct Left {
    /// The file that brings the volumes back; none where none is kept.
    pub file: Option<PathBuf>,
    /// Whether this machine does not have the secrets that the cluster has.
    pub in_cluster_only: bool,
}

/// Tells a step before it is done.
pub(super) fn step(step: &Step, ui: &Ui) {
    match step {
        Step::UninstallRelease { release, .. } => ui.status(&format!("Uninstalling {release}")),
        Step::StopServers { servers } if !servers.is_empty() => ui.status("Stopping the servers of users"),
        Step::StopDask { clusters } if !clusters.is_empty() => ui.status("Stopping Dask clusters"),
        Step::DeleteClaim { claim, owner } => ui.status(&format!("Deleting {claim} ({owner})")),
        Step::RemoveLedger => ui.status("Removing the hub's secrets"),
        Step::SetReclaimPolicy { .. }
        | Step::StopServers { .. }
        | Step::StopDask { .. }
        | Step::RemoveSecret { .. } => {}
    }
}

/// Where there was nothing to do.
pub(super) fn nothing(plan: &Uninstall, left: &Left, ui: &Ui) -> Result<()> {
    let Uninstall { namespace, .. } = plan;
    ui.status("");
    if plan.stays.is_empty() && plan.volumes.is_empty() {
        ui.status(&format!("Nothing to uninstall: there is no hub of helm iris in {namespace}."));
        ui.hint("the hubs of a cluster: helm list -A");
        return Ok(());
    }
    ui.status(&format!("Nothing to uninstall: the hub in {namespace} is gone already."));
    tell_left(plan, left, ui)
}

/// The closing lines.
pub(super) fn done(plan: &Uninstall, left: &Left, ui: &Ui) -> Result<()> {
    ui.status("");
    let deleted = count(plan, &[Fate::Deleted]);
    let data = match (plan.deletes_data, deleted) {
        (false, _) => ", and its data is kept",
        (true, 0) => "; there was no data to delete",
        (true, _) => ", and its data is deleted",
    };
    ui.status(&format!("{} in {} is uninstalled{data}.", plan.chart, plan.namespace));
    tell_left(plan, left, ui)
}

fn tell_left(plan: &Uninstall, Left { file, in_cluster_only }: &Left, ui: &Ui) -> Result<()> {
    let Uninstall { namespace, chart, .. } = plan;
    let mut lines = Vec::new();
    let kept = count(plan, &[Fate::Kept, Fate::KeptAlone]);
    if kept > 0 {
        let s = if kept == 1 { "" } else { "s" };
        lines.push(format!("Kept      {kept} volume{s}, also if the namespace {namespace} is deleted"));
    }
    if let Some(file) = file {
        lines.push(format!("Back      helm iris install {chart} -n {namespace} --reattach {}", file.display()));
        lines.push(format!("Delete    helm iris uninstall {chart} -n {namespace} --delete-data"));
    }
    if !lines.is_empty() {
        ui.data(&lines.join("\n"))?;
    }
    if kept > 0 && *in_cluster_only {
        ui.hint(&format!(
            "before you delete the namespace, keep the secrets: helm iris secrets export --to file -n {namespace}"
        ));
    }
    Ok(())
}

fn count(plan: &Uninstall, fates: &[Fate]) -> usize {
    plan.volumes.iter().filter(|volume| fates.contains(&volume.fate)).count()
}
