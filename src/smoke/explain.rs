//! What a failure in the kernel means, by its words, and what to do. Pure.

use super::hub::plain;
use super::step::{Failure, Step};
use crate::error::Error;

/// A failure of a step of the program, with what it means.
pub(super) fn explained(step: Step, error: &str) -> Failure {
    let kind = error.split(':').next().unwrap_or_default();
    let shown = |text: &str| Error::user(text).because(plain(error));
    let failure = match step {
        Step::Home => Failure::of(
            Step::Volume,
            shown("the user's home folder cannot be written")
                .hint("kubectl get pvc; is the volume full, or owned by another user?"),
        ),
        Step::Import if kind == "ModuleNotFoundError" => shown("the notebook's image lacks Dask Gateway's client")
            .hint("take an image that holds dask-gateway and dask: users.image in the site file")
            .into(),
        Step::Import => shown("the notebook cannot load Dask Gateway's client")
            .hint("does users.image hold versions of dask-gateway and dask that fit?")
            .into(),
        Step::GatewayAuth => gateway_auth(error, shown("Dask Gateway does not let the user in")),
        Step::Scheduler => scheduler(error, shown("no Dask cluster comes up")),
        Step::Workers => workers(error, shown("the Dask workers do not come")),
        Step::Compute => shown("the computation fails")
            .hint("the workers' logs tell why; memory is the usual reason: dask.worker.memory")
            .into(),
        Step::ScaleDown => shown("the workers do not go").into(),
        _ => shown("the program in the kernel fails").into(),
    };
    Failure { step: failure.step.or(Some(step)), error: failure.error }
}

fn gateway_auth(error: &str, shown: Error) -> Failure {
    if error.contains("Permission failure verifying user") {
        return Failure::of(
            Step::SharedToken,
            shown
                .because("the gateway's own token for the hub is not the one that the hub expects")
                .hint("hub.services.dask-gateway.apiToken and gateway.auth.jupyterhub.apiToken must be the same: helm iris plan"),
        );
    }
    if error.contains("401") {
        return shown
            .because("the user's server has no scope for the gateway")
            .hint("hub.loadRoles.server and .user need access:services!service=dask-gateway: helm iris plan")
            .into();
    }
    if error.contains("404") {
        return shown
            .hint("DASK_GATEWAY__ADDRESS in singleuser.extraEnv must lead to the hub's /services/dask-gateway")
            .into();
    }
    if error.contains("Cannot connect") || error.contains("TimeoutError") {
        return shown.hint("can the user's pod reach proxy-public? see singleuser.networkPolicy").into();
    }
    shown.hint("the gateway's log tells more: kubectl logs -l app.kubernetes.io/component=gateway").into()
}

fn scheduler(error: &str, shown: Error) -> Failure {
    if error.contains("got an unexpected keyword") {
        return Failure::of(
            Step::Versions,
            shown
                .because("notebook and scheduler have versions of distributed that do not understand each other")
                .hint("give Dask's pods the notebooks' image: leave dask.image out of the site file"),
        );
    }
    if error.contains("failed to start") {
        return shown
            .because("its scheduler ended, or did not start")
            .hint("does dask.image hold dask, distributed and dask-gateway? the scheduler's log tells more")
            .into();
    }
    if error.contains("Timed out") || error.contains("TimeoutError") {
        return shown
            .because("the scheduler runs, and the notebook cannot reach it")
            .hint("DASK_GATEWAY__PROXY_ADDRESS must be the gateway's Traefik, and singleuser.networkPolicy let pods go there")
            .into();
    }
    shown.hint("the gateway's log tells more: kubectl logs -l app.kubernetes.io/component=gateway").into()
}

fn workers(error: &str, shown: Error) -> Failure {
    if error.contains("exceed resource limit") {
        return shown
            .because("the gateway allows fewer")
            .hint("dask.clusterMaxWorkers in the site file, or --workers")
            .into();
    }
    shown
        .hint("are the nodes full? kubectl get pods -l gateway.dask.org/instance; dask.worker in the site file asks for their size")
        .hint("longer, if nodes must be added or images pulled: --timeout")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_each_fault_lead_to_its_step() {
        let cases = [
            (Step::Home, "OSError: [Errno 30] Read-only file system", Step::Volume, "cannot be written"),
            (Step::Import, "ModuleNotFoundError: No module named 'dask_gateway'", Step::Import, "lacks"),
            (Step::GatewayAuth, "ClientResponseError: 401, message='Unauthorized'", Step::GatewayAuth, "scope"),
            (
                Step::GatewayAuth,
                "GatewayServerError: Permission failure verifying user's JupyterHub API token",
                Step::SharedToken,
                "own token",
            ),
            (
                Step::Scheduler,
                "OSError: Timed out trying to connect to gateway://h:1/x after 30 s",
                Step::Scheduler,
                "cannot reach it",
            ),
            (
                Step::Scheduler,
                "GatewayClusterError: Cluster 'x' failed to start, see logs",
                Step::Scheduler,
                "did not start",
            ),
            (
                Step::Scheduler,
                "TypeError: Scheduler.identity() got an unexpected keyword argument 'n_workers'",
                Step::Versions,
                "understand",
            ),
            (
                Step::Workers,
                "RuntimeError: Scale request of 2 workers would exceed resource limit of 1",
                Step::Workers,
                "allows fewer",
            ),
        ];
        for (step, error, named, because) in cases {
            let failure = explained(step, error);
            assert_eq!(failure.step, Some(named), "{error}");
            assert!(failure.error.to_string().contains(because), "{:?}", failure.error);
            assert!(!failure.error.hints.is_empty(), "{error}");
        }
    }

    #[test]
    fn a_page_is_told_without_its_markup() {
        let page = "ValueError: <!DOCTYPE HTML>\n<html><head><title>x</title></head><body>\n<h1>404 : Not Found</h1><p>Jupyter has lots of moons</p></body></html>";
        let failure = explained(Step::GatewayAuth, page);
        assert_eq!(failure.error.causes, ["ValueError: 404 : Not Found Jupyter has lots of moons"]);
    }
}
