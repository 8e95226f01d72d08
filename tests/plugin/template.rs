//! What real Helm makes of our charts with the values that we render: every one of them, as installed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::pull::pull_stand_ins;
use super::{Plugged, Ran, with_helm};
use crate::common;

/// The objects that helm would make, by kind and name.
type Objects = BTreeMap<(String, String), Value>;

/// `helm template` of a chart's archive, with the values files in the order in which they are applied.
fn template(plugged: &Plugged, chart: &str, release: &str) -> Objects {
    let archives = common::entries(&plugged.env.cache());
    let archive = archives.iter().find(|name| name.starts_with(&format!("{chart}-0"))).expect("the archive is cached");
    let archive = plugged.env.cache().join(archive);
    let folder = plugged.env.path("dhub").join(chart);
    let mut command = plugged.command(&plugged.helm.program, &["template", release]);
    command.arg(archive).args(["--namespace", "dhub"]);
    for file in ["values.yaml", "overrides.yaml", "secrets.yaml"].map(|file| folder.join(file)) {
        if file.exists() {
            command.arg("--values").arg(file);
        }
    }
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, Some(0), "{}: {}\n{}", plugged.helm, ran.command, ran.stderr);
    let mut objects = Objects::new();
    for document in serde_yaml::Deserializer::from_str(&ran.stdout) {
        let object = Value::deserialize(document).expect("helm prints YAML");
        if let (Some(kind), Some(name)) = (object["kind"].as_str(), object["metadata"]["name"].as_str()) {
            objects.insert((kind.to_owned(), name.to_owned()), object);
        }
    }
    objects
}

fn rendered(site: &str) -> impl Fn(&Plugged) + '_ {
    move |plugged| {
        pull_stand_ins(plugged);
        let sources = plugged.env.read("iris.yaml");
        plugged.env.write("iris.yaml", format!("{sources}{site}"));
        plugged.helm_ok(&["iris", "render", "daskhub", "--profile", "cumulus"]);
    }
}

fn object<'o>(objects: &'o Objects, kind: &str, name: &str) -> &'o Value {
    let key = (kind.to_owned(), name.to_owned());
    objects.get(&key).unwrap_or_else(|| panic!("no {kind} {name} among {:?}", objects.keys().collect::<Vec<_>>()))
}

/// Whether one of the rules leads to pods with these labels.
fn reaches(rules: &Value, labels: &Value) -> bool {
    let peers = rules.as_array().into_iter().flatten().filter_map(|rule| rule["to"].as_array()).flatten();
    let mut selectors = peers.filter_map(|peer| peer["podSelector"].as_object());
    selectors.any(|selector| {
        let wanted = selector.get("matchLabels").and_then(Value::as_object);
        wanted.into_iter().flatten().all(|(key, value)| labels[key] == *value)
    })
}

fn secret_text(object: &Value, key: &str) -> String {
    if let Some(plain) = object["stringData"][key].as_str() {
        return plain.to_owned();
    }
    let encoded = object["data"][key].as_str().unwrap_or_else(|| panic!("no key {key}"));
    String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
}

#[test]
fn storage() {
    with_helm("helm template storage", |plugged| {
        rendered("")(plugged);
        let objects = template(plugged, "storage", "storage");
        let (_, class) = objects.iter().find(|((kind, _), _)| kind == "StorageClass").expect("a StorageClass");
        assert_eq!(class["provisioner"], "cinder.csi.openstack.org");
        assert_eq!(class["parameters"]["availability"], "nova");
        assert_eq!(class["volumeBindingMode"], "WaitForFirstConsumer");
        assert_eq!(class["allowVolumeExpansion"], true);
        assert_eq!(class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"], "true");
        assert_eq!(objects.len(), 1);
    });
}

#[test]
fn postgresql() {
    with_helm("helm template postgresql", |plugged| {
        rendered("database: {size: 3Gi}\n")(plugged);
        let objects = template(plugged, "postgresql", "postgresql");
        let kinds: Vec<_> = objects.keys().map(|(kind, _)| kind.as_str()).collect();
        for kind in ["StatefulSet", "Service", "Secret", "PersistentVolumeClaim", "NetworkPolicy"] {
            assert!(kinds.contains(&kind), "{kind} among {kinds:?}");
        }
        let claim = objects.iter().find(|((kind, _), _)| kind == "PersistentVolumeClaim").unwrap().1;
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "3Gi");
        // The password stands in the Secret and nowhere else, whatever the keys are called.
        let password = &plugged.env.secrets()["database-password"];
        for ((kind, name), object) in &objects {
            let text = object.to_string();
            let there = text.contains(password.as_str()) || text.contains(&STANDARD.encode(password));
            assert_eq!(there, kind == "Secret", "{kind} {name}");
        }
    });
}

/// The umbrella over charts that accept what the real ones accept.
#[test]
fn daskhub() {
    with_helm("helm template daskhub", |plugged| {
        rendered("")(plugged);
        let secrets = plugged.env.secrets();
        let objects = template(plugged, "daskhub", "dhub");

        // What the ledger holds arrives where the applications read it.
        let hub = object(&objects, "Secret", "hub");
        assert_eq!(secret_text(hub, "hub.config.JupyterHub.cookie_secret"), secrets["cookie-secret"]);
        assert_eq!(secret_text(hub, "hub.config.ConfigurableHTTPProxy.auth_token"), secrets["proxy-token"]);
        assert_eq!(secret_text(hub, "hub.services.dask-gateway.apiToken"), secrets["dask-gateway-token"]);
        assert_eq!(secret_text(hub, "hub.db.password"), secrets["database-password"]);
        let values: Value = serde_yaml::from_str(&secret_text(hub, "values.yaml")).unwrap();
        assert_eq!(values["hub"]["db"]["type"], "postgres");
        assert_eq!(values["hub"]["db"]["upgrade"], true);
        let url = values["hub"]["db"]["url"].as_str().unwrap();
        assert!(url.contains("@postgresql") && !url.contains(&secrets["database-password"]), "{url}");

        // Notebooks and Dask's pods reach the gateway's proxy, by the labels that its pods really have.
        let proxy =
            &object(&objects, "Deployment", "traefik-dhub-dask-gateway")["spec"]["template"]["metadata"]["labels"];
        for policy in ["singleuser", "dhub-dask-pods"] {
            let rules = &object(&objects, "NetworkPolicy", policy)["spec"]["egress"];
            assert!(reaches(rules, proxy), "{policy}: {rules} to {proxy}");
        }
        let stranger = serde_json::json!({"app": "stranger"});
        let rules = &object(&objects, "NetworkPolicy", "singleuser")["spec"]["egress"];
        assert!(!reaches(rules, &stranger), "notebooks do not reach everything: {rules}");

        let public = object(&objects, "Service", "proxy-public");
        assert_eq!(public["spec"]["type"], "LoadBalancer");
        for ((kind, name), service) in objects.iter().filter(|((kind, _), _)| kind == "Service") {
            let open = service["spec"]["type"] == "LoadBalancer";
            assert_eq!(open, name == "proxy-public", "{kind} {name}: only the hub has a public address");
        }
    });
}

/// In a Secret, the key of a container's environment variable.
fn reference<'o>(objects: &'o Objects, deployment: &str, variable: &str) -> &'o Value {
    let containers = &object(objects, "Deployment", deployment)["spec"]["template"]["spec"]["containers"];
    let env = containers[0]["env"].as_array().unwrap();
    &env.iter().find(|one| one["name"] == variable).unwrap()["valueFrom"]["secretKeyRef"]
}

/// `secretMode: existing`: what helm makes holds no secret but the proxy's, and reads the others in
/// our Secrets.
#[test]
fn with_existing_secrets_no_object_holds_any() {
    with_helm("helm template with existing Secrets", |plugged| {
        let holders = |objects: &Objects, secret: &str| -> Vec<String> {
            let forms = common::forms(secret);
            let texts = objects.iter().map(|((kind, name), object)| (format!("{kind} {name}"), decoded(object)));
            texts.filter(|(_, text)| forms.iter().any(|form| text.contains(form))).map(|(name, _)| name).collect()
        };
        rendered("")(plugged);
        for (mode, open) in [("inline", true), ("existing", false)] {
            let set = format!("secretMode={mode}");
            plugged.helm_ok(&["iris", "render", "daskhub", "--profile", "cumulus", "--set", &set]);
            let hub = template(plugged, "daskhub", "dhub");
            let database = template(plugged, "postgresql", "postgresql");
            let secrets = plugged.env.secrets();
            assert!(secrets.len() >= 7, "{:?}", secrets.keys());
            for (name, secret) in secrets {
                let found = [holders(&hub, &secret), holders(&database, &secret)].concat();
                assert_eq!(!found.is_empty(), open || name == "proxy-token", "{mode}: {name} in {found:?}");
            }
        }
        let (hub, database) = (template(plugged, "daskhub", "dhub"), template(plugged, "postgresql", "postgresql"));
        let pod = &object(&hub, "Deployment", "hub")["spec"]["template"];
        let volumes = pod["spec"]["volumes"].as_array().unwrap();
        assert!(volumes.iter().any(|volume| volume["secret"]["secretName"] == "helm-iris-daskhub"), "{volumes:?}");
        let token = reference(&hub, "api-dhub-dask-gateway", "JUPYTERHUB_API_TOKEN");
        let wanted = serde_json::json!({"name": "helm-iris-daskhub", "key": "hub.services.dask-gateway.apiToken"});
        assert_eq!(*token, wanted);
        let print = |object: &Value| object["metadata"]["annotations"]["helm-iris/fingerprint"].clone();
        let gateway = &object(&hub, "Deployment", "api-dhub-dask-gateway")["spec"]["template"];
        assert!(print(pod).is_string() && print(pod) == print(gateway));

        let database = &object(&database, "StatefulSet", "postgresql")["spec"]["template"];
        let volumes = database["spec"]["volumes"].as_array().unwrap();
        assert!(volumes.iter().any(|volume| volume["secret"]["secretName"] == "helm-iris-postgresql"), "{volumes:?}");
        assert!(print(database).is_string() && print(database) != print(pod));
    });
}

/// An object as text, with what is in base64 in clear.
fn decoded(object: &Value) -> String {
    let values = object["data"].as_object().into_iter().flat_map(|data| data.values());
    let clear = values.filter_map(|value| STANDARD.decode(value.as_str()?).ok());
    clear.fold(object.to_string(), |text, bytes| text + &String::from_utf8_lossy(&bytes))
}
