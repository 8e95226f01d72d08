//! Two namespaces of one folder that share a secret.

use crate::common::TestEnv;

fn values(env: &TestEnv, file: &str) -> serde_json::Value {
    serde_yaml::from_str(&env.read(file)).unwrap()
}

#[test]
fn a_gateway_and_a_hub_of_one_folder_get_one_token_whichever_comes_first() {
    for gateway_first in [true, false] {
        let env = TestEnv::with_site("profile: cumulus\ndask: {hubNamespace: jhub, gatewayNamespace: dask-gateway}\n");
        let (first, second) =
            if gateway_first { ("dask-gateway", "jupyterhub") } else { ("jupyterhub", "dask-gateway") };
        env.ok(&["render", first]);
        env.ok(&["render", second]);
        let gateway = values(&env, "dask-gateway/dask-gateway/secrets.yaml");
        let hub = values(&env, "jhub/jupyterhub/secrets.yaml");
        let token = &gateway["gateway"]["auth"]["jupyterhub"]["apiToken"];
        assert_eq!(token, &hub["hub"]["services"]["dask-gateway"]["apiToken"]);
        assert_eq!(token.as_str().unwrap().len(), 64);
        assert!(gateway.pointer("/gateway/auth/simple").is_none(), "no password where the hub's login counts");
        let rendered = values(&env, "dask-gateway/dask-gateway/values.yaml");
        assert_eq!(rendered["gateway"]["auth"]["jupyterhub"]["apiUrl"], "http://hub.jhub:8081/hub/api");
        let hub = values(&env, "jhub/jupyterhub/values.yaml");
        let url = &hub["hub"]["services"]["dask-gateway"]["url"];
        assert_eq!(url, "http://traefik-dask-gateway.dask-gateway");
        // Rendering again changes neither.
        let before = env.tree();
        env.ok(&["render", first]);
        before.assert_same(&env.tree());
    }
}

#[test]
fn without_another_namespace_nothing_is_shared() {
    let env = TestEnv::with_site("profile: cumulus\n");
    env.ok(&["render", "jupyterhub"]);
    env.ok(&["render", "dask-gateway"]);
    let hub = values(&env, "jhub/jupyterhub/secrets.yaml");
    assert!(hub.pointer("/hub/services/helm-iris/apiToken").is_some(), "the hub has services");
    assert!(hub.pointer("/hub/services/dask-gateway").is_none());
    let gateway = values(&env, "dask-gateway/dask-gateway/secrets.yaml");
    assert!(gateway.pointer("/gateway/auth/simple/password").is_some());
    assert!(gateway.pointer("/gateway/auth/jupyterhub").is_none());
}
