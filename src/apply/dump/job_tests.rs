use serde_json::json;

use super::*;

fn stateful_set() -> StatefulSet {
    serde_json::from_value(json!({
        "metadata": {"name": "postgresql"},
        "spec": {"serviceName": "postgresql", "selector": {}, "template": {
            "metadata": {"annotations": {"checksum/config": "ab", "sidecar.istio.io/inject": "false"}},
            "spec": {
                "securityContext": {"runAsNonRoot": true, "runAsUser": 70, "fsGroup": 70},
                "nodeSelector": {"pool": "core"},
                "containers": [{
                    "name": "postgresql", "image": "postgres:17.11", "imagePullPolicy": "IfNotPresent",
                    "env": [{"name": "DATABASE_NAME", "value": "jhub"}, {"name": "DATABASE_USER", "value": "hub"}],
                }],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-postgresql-0"}},
                    {"name": "secret", "secret": {"secretName": "helm-iris-postgresql"}},
                ],
            },
        }},
    }))
    .unwrap()
}

fn operation() -> DumpOperation {
    DumpOperation {
        namespace: "dhub".into(),
        database: "postgresql".into(),
        release: "dhub".into(),
        from: "5.5.0".into(),
        to: "6.1.1".into(),
        claim: "postgresql-dumps".into(),
    }
}

#[test]
fn the_job_runs_as_the_database_does_and_holds_no_password() {
    let set = stateful_set();
    let dump = Dump { claim: "postgresql-dumps".into(), file: "a.dump".into() };
    let job = Server::of(&set).unwrap().job("postgresql-dump-1", &operation(), &dump, 900).unwrap();
    let job = serde_json::to_value(job).unwrap();
    let template = &job["spec"]["template"];
    assert_eq!(template["metadata"]["labels"]["helm-iris/dump"], "postgresql");
    assert_eq!(template["metadata"]["annotations"], json!({"sidecar.istio.io/inject": "false"}));
    let pod = &template["spec"];
    assert_eq!((&pod["securityContext"]["runAsUser"], &pod["nodeSelector"]["pool"]), (&json!(70), &json!("core")));
    assert_eq!(pod["restartPolicy"], "Never");
    let container = &pod["containers"][0];
    assert_eq!(container["image"], "postgres:17.11");
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let env = container["env"].as_array().unwrap();
    let of = |name: &str| env.iter().find(|one| one["name"] == name).unwrap();
    let from = json!({"secretKeyRef": {"name": "helm-iris-postgresql", "key": "password"}});
    assert_eq!(of("PGPASSWORD")["valueFrom"], from);
    assert!(of("PGPASSWORD")["value"].is_null());
    for (name, value) in [("PGHOST", "postgresql"), ("PGUSER", "hub"), ("PGDATABASE", "jhub"), ("FILE", "a.dump")] {
        assert_eq!(of(name)["value"], value);
    }
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 900);
}

#[test]
fn the_claim_is_like_that_of_the_database_and_its_own() {
    let data = json!({"spec": {"storageClassName": "cinder", "volumeName": "pv-1",
        "resources": {"requests": {"storage": "8Gi"}}}});
    let claim = Server::claim(&operation(), &serde_json::from_value(data).unwrap()).unwrap();
    let claim = serde_json::to_value(claim).unwrap();
    assert_eq!(claim["spec"]["storageClassName"], "cinder");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "8Gi");
    assert!(claim["spec"]["volumeName"].is_null());
    assert_eq!(claim["metadata"]["labels"]["app.kubernetes.io/instance"], "postgresql", "whose it is");
}

#[test]
fn what_is_not_made_by_our_chart_is_told() {
    let mut set = stateful_set();
    set.spec.as_mut().unwrap().template.spec.as_mut().unwrap().volumes = None;
    assert_eq!(Server::of(&set).err(), Some("no Secret with the password"));
    assert!(Server::of(&StatefulSet::default()).is_err());
}
