//! A hub that works passes; and what can be wrong on the side of those who test it.

use serde_json::Value;

use super::{Apps, Fault, Running, SITE};
use crate::common::TestEnv;

#[test]
fn a_user_computes_on_what_we_render() {
    let Some(apps) = Apps::up() else { return };
    let run = apps.passes(&[]);
    for step in [
        "reach",
        "token",
        "gateway",
        "user",
        "log-in",
        "spawn",
        "kernel",
        "home",
        "import",
        "gateway-auth",
        "scheduler",
        "workers",
        "versions",
        "compute",
        "scale-down",
        "clean-up",
    ] {
        assert!(run.stdout.lines().any(|line| line.starts_with(&format!("ok       {step} "))), "{step}\n{run}");
    }
    assert!(run.stdout.contains("skipped  shared-token"), "{run}");
    assert!(run.stdout.contains("\nAll of it works, in "), "{run}");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{run}");
    assert!(apps.log("hub").contains("/hub/logout"), "our own user logs out");
    apps.assert_clean();

    let run = apps.passes(&["--quick", "--output", "json"]);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&answer["format"], &answer["passed"], &answer["level"]), (&1.into(), &true.into(), &"quick".into()));
    assert_eq!(answer["namespace"], "dhub");
    let names: Vec<&str> =
        answer["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["reach", "token", "gateway", "shared-token"]);

    let run = apps.fails(
        &["--workers", "7", "--output", "table"],
        "workers",
        &["the gateway allows fewer", "dask.clusterMaxWorkers"],
    );
    assert!(run.stdout.contains("ok       clean-up"), "{run}");
    apps.assert_clean();
}

/// The images of notebooks that we render have an older client, and an older part of it in schedulers and workers,
/// than the gateway that we render.
#[test]
fn a_user_computes_with_the_client_of_the_images() {
    let known = crate::common::read(&crate::common::repo().join("src/images/known.yaml"));
    assert!(known.contains("daskGateway: 2025.4.0"), "it is the one that is tried here");
    let hub = "c.Spawner.environment['PYTHONPATH'] = os.environ['IRIS_APPS_OLDER'] + '/dask-gateway'\n";
    let gateway = "
older = ['env', 'PYTHONPATH=' + os.environ['IRIS_APPS_OLDER'] + '/dask-gateway', 'dask']
c.ClusterConfig.scheduler_cmd = [*older, 'scheduler']
c.ClusterConfig.worker_cmd = [*older, 'worker']
";
    let Some(apps) = Apps::broken(&Fault { hub, gateway, ..Fault::default() }) else { return };
    let run = apps.passes(&[]);
    assert!(run.stdout.contains("dask_gateway 2025.4.0") && run.stdout.contains("Dask Gateway 2026.3.0"), "{run}");
    apps.assert_clean();
}

/// Logging out stops a person's servers on some hubs.
#[test]
fn a_person_whose_name_is_used_is_not_logged_out() {
    let site = "login: {allowAll: false, allowedUsers: [ada]}\n";
    let Some(apps) = Apps::broken(&Fault { site, ..Fault::default() }) else { return };
    let run = apps.passes(&["--file", "broken.yaml"]);
    assert!(run.stdout.contains("as ada, by the form"), "{run}");
    assert!(!apps.log("hub").contains("/hub/logout"), "{}", apps.log("hub"));
    apps.assert_clean();
}

/// Without a database server; JupyterHub keeps its state in the file that the values name.
#[test]
fn a_user_computes_on_a_hub_that_keeps_a_file() {
    let Some(apps) = Apps::broken(&Fault { site: "database: {engine: sqlite}\n", ..Fault::default() }) else { return };
    let file = apps.env.root().join("apps/jupyterhub.sqlite");
    assert!(std::fs::metadata(&file).is_ok_and(|meta| meta.len() > 0), "{}", file.display());
    apps.passes(&[]);
    apps.assert_clean();
}

/// From what is near to what is far: each that is ended changes what is seen.
#[test]
fn what_does_not_answer_is_told_apart() {
    let Some(apps) = Apps::up() else { return };
    apps.stop("gateway");
    apps.fails(&["--quick"], "gateway", &["Dask Gateway does not answer behind the hub", "HTTP 503"]);
    apps.fails(&[], "gateway", &["Dask Gateway does not answer behind the hub"]);
    apps.stop("hub");
    apps.fails(&[], "reach", &["the proxy answers, and the hub behind it does not", "HTTP 503"]);
    apps.stop("proxy");
    apps.fails(&[], "reach", &["cannot reach http://127.0.0.1", "refused"]);
}

/// The hub has other secrets than the ledger from which it is tested.
#[test]
fn other_secrets_than_the_hubs_are_told_apart() {
    let Some(apps) = Apps::up() else { return };
    let store = apps.env.read(".helm-iris/dhub.secrets.yaml");
    let secrets = apps.env.secrets();
    let other = |name: &str| {
        let value = &secrets[name];
        let reversed: String = value.chars().rev().collect();
        assert!(store.contains(value.as_str()));
        apps.env.write(".helm-iris/dhub.secrets.yaml", store.replace(value.as_str(), &reversed));
    };
    other("test-token");
    apps.fails(&[], "token", &["does not take the token of its service helm-iris", "helm iris plan"]);
    other("login-password");
    let run = apps.fails(&[], "log-in", &["helm-iris-test cannot log in", "Invalid username or password"]);
    assert!(run.stdout.contains("ok       compute"), "what does not depend on it is tried too\n{run}");
    apps.assert_clean();
}

/// What the database's pod prepares is what the hub starts on, in all of these tests; here with what an older
/// JupyterHub had made of it, and then with what it made of that itself.
#[test]
fn the_hub_starts_on_an_older_database_and_again_on_its_own() {
    let Some(apps) = Apps::broken(&Fault { older_hub: true, ..Fault::default() }) else { return };
    apps.running.restart();
    let [first, again] = ["hub-first", "hub"].map(|name| apps.log(name));
    assert!(first.contains("Upgrading") && first.contains("Running upgrade 0eee8c825d24"), "{first}");
    assert!(!again.contains("Running upgrade"), "{again}");
    apps.passes(&["--quick"]);
}

/// Users' servers are `JupyterLab` here, as in the images.
#[test]
fn a_hub_without_dask_is_tested_without_it() {
    let env = TestEnv::with_site(SITE);
    env.ok(&["render", "jupyterhub"]);
    let Some(running) = Running::up(env.root().join("apps"), &env.path("jhub"), &Fault::default()) else { return };
    for (level, steps) in
        [(&["--quick"][..], &["reach", "token"][..]), (&[], &["log-in", "spawn", "kernel", "home", "clean-up"])]
    {
        let run = env.run(&[&["test", "jupyterhub", "--url", &running.url], level].concat());
        assert_eq!(run.code, Some(0), "{run}");
        for step in steps {
            assert!(run.stdout.contains(&format!("ok       {step} ")), "{step}\n{run}");
        }
        for dask in ["gateway", "shared-token", "import", "scheduler", "workers", "compute"] {
            assert!(!run.stdout.lines().any(|line| line.starts_with(&format!("ok       {dask} "))), "{dask}\n{run}");
        }
    }
    let log = std::fs::read_to_string(running.state.join("log/hub.log")).unwrap();
    assert!(log.contains("jupyterlab"), "{log}");
}
