//! A hub of which one thing is broken: the test names it.

use super::{Apps, Fault};

/// Python that makes the notebook's environment another than the gateway's.
const SHADOW: &str = "c.Spawner.environment['PYTHONPATH'] = str(state)\n";

#[test]
fn nobody_is_allowed_to_log_in() {
    // By the site file's own keys this would be refused.
    let site = "values:\n  daskhub:\n    jupyterhub:\n      hub:\n        config:\n          Authenticator:\n            allow_all: false\n";
    let Some(apps) = Apps::broken(&Fault { site, ..Fault::default() }) else { return };
    let run = apps.fails(&[], "log-in", &["helm-iris-test cannot log in", "HTTP 403", "login.allowAll"]);
    assert!(run.stdout.contains("ok       compute"), "it shows nowhere else\n{run}");
    apps.assert_clean();
}

#[test]
fn the_gateway_is_not_a_service_of_the_hub() {
    let site = "values:\n  daskhub:\n    jupyterhub:\n      hub:\n        services:\n          dask-gateway:\n            url: null\n";
    let Some(apps) = Apps::broken(&Fault { site, ..Fault::default() }) else { return };
    apps.fails(&[], "gateway", &["the hub does not know Dask Gateway", "hub.services.dask-gateway"]);
    apps.assert_clean();
}

#[test]
fn the_scope_for_the_gateway_is_missing() {
    let site = "values:\n  daskhub:\n    jupyterhub:\n      hub:\n        loadRoles:\n          server:\n            scopes: [\"users:activity!user\", \"access:servers!server\"]\n";
    let Some(apps) = Apps::broken(&Fault { site, ..Fault::default() }) else { return };
    apps.fails(&[], "gateway-auth", &["401", "no scope for the gateway", "hub.loadRoles.server"]);
    apps.assert_clean();
}

#[test]
fn our_own_scopes_are_missing() {
    let site = "values:\n  daskhub:\n    jupyterhub:\n      hub:\n        loadRoles:\n          helm-iris-test:\n            scopes: [\"admin:users!user=helm-iris-test\"]\n";
    let Some(apps) = Apps::broken(&Fault { site, ..Fault::default() }) else { return };
    apps.fails(&[], "token", &["access:servers!user=helm-iris-test", "hub.loadRoles.helm-iris-test"]);
    apps.assert_clean();
}

/// As a NetworkPolicy would have it that keeps users' pods from the gateway's Traefik.
#[test]
fn the_schedulers_cannot_be_reached() {
    let site = "values:\n  daskhub:\n    jupyterhub:\n      singleuser:\n        extraEnv:\n          DASK_GATEWAY__PROXY_ADDRESS: gateway://elsewhere:80\n";
    let Some(apps) = Apps::broken(&Fault { site, ..Fault::default() }) else { return };
    apps.fails(&[], "scheduler", &["Timed out", "the notebook cannot reach it", "DASK_GATEWAY__PROXY_ADDRESS"]);
    apps.assert_clean();
}

#[test]
fn the_users_server_cannot_start() {
    let hub = "c.Spawner.cmd = ['no-such-program']\n";
    let Some(apps) = Apps::broken(&Fault { hub, ..Fault::default() }) else { return };
    apps.fails(&[], "spawn", &["the user's server does not start", "No such file"]);
    apps.assert_clean();
}

/// Slow is not broken; only what takes longer than a person would wait.
#[test]
fn a_slow_start_passes_and_one_that_is_too_slow_is_told() {
    let hub = "
async def slow(spawner):
    import asyncio
    await asyncio.sleep(12)
c.Spawner.pre_spawn_hook = slow
";
    let Some(apps) = Apps::broken(&Fault { hub, ..Fault::default() }) else { return };
    apps.fails(&["--timeout", "4"], "spawn", &["not ready after 4 seconds"]);
    apps.assert_clean();
    apps.passes(&[]);
    apps.assert_clean();
}

/// A hub that does not answer is not waited for a minute; one that is slow is none of those.
#[test]
fn a_slow_hub_passes_and_one_that_hangs_is_told_soon() {
    let slowed = |seconds: &str| {
        format!(
            "
import asyncio
from jupyterhub.handlers.base import BaseHandler
prepare = BaseHandler.prepare
async def slow(self):
    await asyncio.sleep({seconds})
    return await prepare(self)
BaseHandler.prepare = slow
"
        )
    };
    let Some(apps) = Apps::broken(&Fault { hub: &slowed("1.5"), ..Fault::default() }) else { return };
    apps.passes(&[]);
    apps.assert_clean();
    drop(apps);
    // What starts the applications waits for that answer, with curl.
    let hangs = slowed("600 if self.request.path == '/hub/api' and 'User-Agent' not in self.request.headers else 0");
    let Some(apps) = Apps::broken(&Fault { hub: &hangs, ..Fault::default() }) else { return };
    let words = ["it took the request and did not answer in 10 seconds", "kubectl logs deploy/hub"];
    apps.fails(&["--quick"], "reach", &words);
}

/// In the place of an image without the package stands a module that says the same.
#[test]
fn the_image_lacks_dask_gateway() {
    let hub = format!(
        "{SHADOW}(state / 'dask_gateway.py').write_text('''raise ModuleNotFoundError(\"No module named 'dask_gateway'\")''')\n"
    );
    let Some(apps) = Apps::broken(&Fault { hub: &hub, ..Fault::default() }) else { return };
    apps.fails(&[], "import", &["the notebook's image lacks Dask Gateway's client", "users.image"]);
    apps.assert_clean();
}

#[test]
fn the_workers_have_another_dask() {
    let gateway = "c.ClusterConfig.worker_cmd = ['env', 'PYTHONPATH=' + os.environ['IRIS_APPS_OLDER'] + '/dask', 'dask', 'worker']\n";
    let Some(apps) = Apps::broken(&Fault { gateway, ..Fault::default() }) else { return };
    let words = ["dask: notebook 2026.8.0, scheduler 2026.8.0, workers 2026.3.0", "dask.image"];
    let run = apps.fails(&[], "versions", &words);
    assert!(run.stdout.contains("ok       compute"), "Dask itself does not mind\n{run}");
    apps.assert_clean();
}

#[test]
fn workers_never_come() {
    let gateway = "c.ClusterConfig.worker_cmd = ['sleep', '600']\n";
    let Some(apps) = Apps::broken(&Fault { gateway, ..Fault::default() }) else { return };
    apps.fails(&["--timeout", "30"], "workers", &["0 of 2 workers after 30 seconds", "are the nodes full?"]);
    apps.assert_clean();
}

#[test]
fn the_scheduler_does_not_start() {
    let gateway = "c.ClusterConfig.scheduler_cmd = ['no-such-program']\n";
    let Some(apps) = Apps::broken(&Fault { gateway, ..Fault::default() }) else { return };
    apps.fails(&[], "scheduler", &["failed to start", "does dask.image hold dask"]);
    apps.assert_clean();
}

/// The chart's own commands, which are no longer in distributed 2026.6: what we render instead is needed.
#[test]
fn the_gateways_own_commands_would_not_do() {
    let gateway = "c.ClusterConfig.scheduler_cmd = ['dask-scheduler']\n";
    let Some(apps) = Apps::broken(&Fault { gateway, ..Fault::default() }) else { return };
    apps.fails(&[], "scheduler", &["failed to start"]);
}

/// The gateway has another token for the hub than the hub for it. One of 2024.1.0 uses it; a newer one does not,
/// and there the two are compared (`cluster::smoke`).
#[test]
fn the_shared_token_differs() {
    let other = |secrets: &str| {
        let part = secrets.find("\ndask-gateway:").unwrap();
        let at = secrets[part..].find("apiToken: ").unwrap() + part + "apiToken: ".len();
        format!("{}x{}", &secrets[..at], &secrets[at..])
    };
    let fault = Fault { secrets: Some(other), older_gateway: true, ..Fault::default() };
    let Some(apps) = Apps::broken(&fault) else { return };
    apps.fails(&[], "shared-token", &["Permission failure", "must be the same"]);
    apps.assert_clean();
}
