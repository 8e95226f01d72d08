//! A Dask Gateway in a namespace of its own and the hub whose users it serves: one token.

use super::{Hub, Testbed};
use crate::common::Run;

const TOKEN: &str = "dask-gateway-token";

impl Hub<'_> {
    fn installs(&self, chart: &str) -> Run {
        let run = self.run(&["install", chart, "--yes"]);
        assert_eq!(run.code, Some(0), "{run}");
        run
    }

    fn token_in(&self, pointer: &str) -> String {
        let values = self.helm(&["get", "values", &self.namespace, "-o", "json"]);
        let values: serde_json::Value = serde_json::from_str(&values).unwrap();
        values.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    }
}

/// Two operators with a folder each, who share nothing but the cluster.
#[test]
fn a_gateway_elsewhere_trusts_the_hub() {
    let Some(testbed) = Testbed::take() else { return };
    let unique = format!("{:x}", std::process::id());
    let names = ["sh-gw", "sh-hub"].map(|word| format!("t-{word}-{unique}"));
    let gateway = testbed.hub_with("sh-gw", &testbed.helm4, &format!("dask: {{hubNamespace: {}}}\n", names[1]));
    let hub = testbed.hub_with("sh-hub", &testbed.helm3, &format!("dask: {{gatewayNamespace: {}}}\n", names[0]));
    // The one that comes first makes the token, the other one takes it over.
    gateway.installs("dask-gateway");
    let run = hub.installs("jupyterhub");
    assert!(run.stderr.contains(&format!("namespace {})", gateway.namespace)), "{run}");
    let at_hub = "/hub/services/dask-gateway/apiToken";
    let at_gateway = "/gateway/auth/jupyterhub/apiToken";
    assert_eq!(hub.token_in(at_hub), gateway.token_in(at_gateway));
    assert_eq!(hub.env.secrets()[TOKEN], gateway.env.secrets()[TOKEN]);
    let values = gateway.helm(&["get", "values", &gateway.namespace]);
    assert!(values.contains(&format!("apiUrl: http://hub.{}:8081/hub/api", hub.namespace)), "{values}");
    assert!(hub.installs("jupyterhub").stderr.contains("Nothing to change"));
    assert!(gateway.installs("dask-gateway").stderr.contains("Nothing to change"));

    // Replaced on one side, taken over on the other.
    let before = hub.token_in(at_hub);
    let run = hub.run(&["secrets", "rotate", TOKEN, "--yes"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains(&gateway.namespace), "it tells where the token is needed too: {run}");
    assert_ne!(hub.token_in(at_hub), before);
    assert_eq!(gateway.token_in(at_gateway), before);
    let run = gateway.installs("dask-gateway");
    assert_eq!(gateway.token_in(at_gateway), hub.token_in(at_hub), "{run}");
    assert!(gateway.installs("dask-gateway").stderr.contains("Nothing to change"));
    assert!(hub.installs("jupyterhub").stderr.contains("Nothing to change"));
}
