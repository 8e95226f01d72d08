//! The Job that dumps, and the claim that it writes into, made of how the database runs. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, PersistentVolumeClaim, PodSpec, Volume};
use serde_json::{Value, json};

use crate::dumps::{self, Dump, KEPT};
use crate::error::{Error, Result};
use crate::plan::DumpOperation;
use crate::secrets::cluster::LABEL as OURS;

/// What runs in the Job: what our chart's own backups run.
const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/charts/postgresql/helm/files/dump.sh"));
/// Where the claim is mounted.
const FOLDER: &str = "/dumps";
/// The container of the server in our chart, and of ours in the Job.
const SERVER: &str = "postgresql";
/// The volumes of our chart: the password, and the database.
const SECRET: &str = "secret";
const DATA: &str = "data";
/// Seconds for which an ended Job stays, so that people can look at it.
const LOOKED_AT: u32 = 24 * 60 * 60;

/// How the database runs.
pub(super) struct Server<'s> {
    set: &'s StatefulSet,
    pod: &'s PodSpec,
    container: &'s Container,
    /// The Secret with the password.
    secret: &'s str,
    /// The claim with the database.
    pub data: &'s str,
}

impl<'s> Server<'s> {
    /// Takes what is needed from the StatefulSet; the error is what it lacks.
    pub(super) fn of(set: &'s StatefulSet) -> Result<Self, &'static str> {
        let pod = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).ok_or("it has no pods")?;
        let container = pod.containers.iter().find(|one| one.name == SERVER).ok_or("no container `postgresql`")?;
        let volume = |name: &str| pod.volumes.iter().flatten().find(|one| one.name == name);
        let secret = |one: &'s Volume| one.secret.as_ref()?.secret_name.as_deref();
        let claim = |one: &'s Volume| Some(one.persistent_volume_claim.as_ref()?.claim_name.as_str());
        Ok(Self {
            set,
            pod,
            container,
            secret: volume(SECRET).and_then(secret).ok_or("no Secret with the password")?,
            data: volume(DATA).and_then(claim).ok_or("no volume claim")?,
        })
    }

    fn env(&self, name: &str) -> Option<&str> {
        self.container.env.iter().flatten().find(|one| one.name == name)?.value.as_deref()
    }

    /// The claim for dumps, as large as the database's and of its class.
    pub(super) fn claim(operation: &DumpOperation, data: &PersistentVolumeClaim) -> Result<PersistentVolumeClaim> {
        let spec = data.spec.clone().unwrap_or_default();
        made(json!({
            "metadata": {
                "name": operation.claim,
                "labels": {
                    OURS.0: OURS.1,
                    // Whose it is, for `uninstall`: the database's.
                    "app.kubernetes.io/instance": operation.database,
                    dumps::LABEL: operation.database,
                },
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": spec.storage_class_name,
                "resources": {"requests": spec.resources.and_then(|resources| resources.requests)},
            },
        }))
    }

    /// The Job. Its pod is like the database's: same image, user and nodes. The password is in no argument.
    pub(super) fn job(&self, name: &str, operation: &DumpOperation, dump: &Dump, seconds: u64) -> Result<Job> {
        let labels = json!({OURS.0: OURS.1, dumps::LABEL: operation.database});
        let template = self.set.spec.as_ref().and_then(|spec| spec.template.metadata.as_ref());
        let notes = template.and_then(|meta| meta.annotations.clone()).unwrap_or_default();
        // What makes the database restart is nothing to a Job; what meshes and admission want to know is.
        let notes: BTreeMap<_, _> = notes.into_iter().filter(|(key, _)| !key.starts_with("checksum/")).collect();
        let host = self.set.spec.as_ref().and_then(|spec| spec.service_name.clone());
        let password =
            json!({"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": self.secret, "key": "password"}}});
        let mut env = vec![password];
        let said = [
            ("PGHOST", host.unwrap_or_else(|| operation.database.clone())),
            ("PGUSER", self.env("DATABASE_USER").unwrap_or_default().to_owned()),
            ("PGDATABASE", self.env("DATABASE_NAME").unwrap_or_default().to_owned()),
            ("PGCONNECT_TIMEOUT", "10".to_owned()),
            ("FOLDER", FOLDER.to_owned()),
            ("FILE", dump.file.clone()),
            ("KEPT", KEPT.to_string()),
        ];
        env.extend(said.iter().map(|(name, value)| json!({"name": name, "value": value})));
        let container = json!({
            "name": "dump",
            "image": self.container.image,
            "imagePullPolicy": self.container.image_pull_policy,
            "command": ["sh", "-c", SCRIPT],
            "env": env,
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
            // So that the pod's status tells why it failed.
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [{"name": "dumps", "mountPath": FOLDER}, {"name": "tmp", "mountPath": "/tmp"}],
        });
        let pod = json!({
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": self.pod.security_context,
            "imagePullSecrets": self.pod.image_pull_secrets,
            "nodeSelector": self.pod.node_selector,
            "tolerations": self.pod.tolerations,
            "containers": [container],
            "volumes": [
                {"name": "dumps", "persistentVolumeClaim": {"claimName": dump.claim}},
                {"name": "tmp", "emptyDir": {}},
            ],
        });
        made(json!({
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "backoffLimit": 2,
                "activeDeadlineSeconds": seconds,
                "ttlSecondsAfterFinished": LOOKED_AT,
                "template": {
                    "metadata": {"labels": labels, "annotations": notes},
                    "spec": pod,
                },
            },
        }))
    }
}

fn made<K: serde::de::DeserializeOwned>(object: Value) -> Result<K> {
    serde_json::from_value(object).map_err(|error| Error::bug("the Job that dumps").because(error))
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
