use std::os::unix::fs::PermissionsExt;

use super::explain::Facts;
use super::*;
use crate::redact::Secret;
use crate::secrets::{Ledger, Need, SecretKind};

const FACTS: Facts<'static> = Facts { release: "r3", namespace: "other3", timeout_seconds: 3 };

/// Captured from Helm 3.21.4 and 4.2.4 on Kubernetes 1.36, with a word that must be in the explanation.
const SAMPLES: &[(&str, &str)] = &[
    ("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "killed"),
    ("Error: release: already exists", "at the same moment"),
    (
        r#"Error: Unable to continue with install: StorageClass "fast3" in namespace "" exists and cannot be imported into the current release: invalid ownership metadata; annotation validation error: key "meta.helm.sh/release-name" must equal "r3": current value is "r2"; annotation validation error: key "meta.helm.sh/release-namespace" must equal "other3": current value is "s3""#,
        r#"StorageClass "fast3" exists and belongs to the release `r2`"#,
    ),
    (
        r#"Error: unable to continue with install: ConfigMap "c1-own" in namespace "s4" exists and cannot be imported into the current release: invalid ownership metadata; label validation error: missing key "app.kubernetes.io/managed-by": must be set to "Helm"; annotation validation error: missing key "meta.helm.sh/release-name": must be set to "o1""#,
        r#"ConfigMap "c1-own" exists and was not made by helm"#,
    ),
    (
        "level=WARN msg=\"upgrade failed\" name=k3 error=\"conflict occurred\"\nError: UPGRADE FAILED: conflict occurred while applying object s4/c1-k3 /v1, Kind=ConfigMap: Apply failed with 1 conflict: conflict with \"kubectl-patch\" using v1: .data.a",
        "`kubectl-patch`",
    ),
    (
        "Error: failed to install CRD crds/traefik.yaml: conflict occurred while applying object /ingressroutes.traefik.io apiextensions.k8s.io/v1, Kind=CustomResourceDefinition: Apply failed with 1 conflict: conflict with \"helm\" using apiextensions.k8s.io/v1: .spec.versions",
        "CRDs of this chart from `helm`",
    ),
    (
        "Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the following chart(s):\nc1:\n- at '/n': got string, want integer\n- at '/deep': additional properties 'x' not allowed\n",
        "schema refuses",
    ),
    (
        r#"Error: UPGRADE FAILED: cannot patch "fast3" with kind StorageClass: StorageClass.storage.k8s.io "fast3" is invalid: parameters: Invalid value: {"p":"2"}: field is immutable"#,
        "storageclass fast3",
    ),
    (
        r#"Error: UPGRADE FAILED: server-side apply failed for object /fast4 storage.k8s.io/v1, Kind=StorageClass: StorageClass.storage.k8s.io "fast4" is invalid: parameters: Invalid value: {"p":"2"}: field is immutable"#,
        "storageclass fast4",
    ),
    (
        r#"Error: UPGRADE FAILED: cannot patch "postgresql" with kind StatefulSet: StatefulSet.apps "postgresql" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"#,
        "--cascade=orphan",
    ),
    (
        "Error: UPGRADE FAILED: chart requires kubeVersion: >=9.0.0 which is incompatible with Kubernetes v1.36.3",
        "wants Kubernetes >=9.0.0, the cluster is v1.36.3",
    ),
    (
        "Error: unable to build kubernetes objects from release manifest: resource mapping not found for name: \"x\" namespace: \"\" from \"\": no matches for kind \"PodDisruptionBudget\" in version \"policy/v1beta1\"\nensure CRDs are installed first",
        "does not know PodDisruptionBudget of policy/v1beta1",
    ),
    ("Error: failed pre-install: 1 error occurred:\n\t* timed out waiting for the condition\n\n", "within 3 s"),
    (
        "Error: failed pre-install: resource Job/s4/hookjob not ready. status: InProgress, message: Job in progress\ncontext deadline exceeded",
        "within 3 s",
    ),
    (
        r#"Error: Unable to continue with install: could not get information about the resource StorageClass "f3" in namespace "": storageclasses.storage.k8s.io "f3" is forbidden: User "anna" cannot get resource "storageclasses" in API group "storage.k8s.io" at the cluster scope"#,
        "you may not get storageclasses cluster-wide",
    ),
    (
        r#"Error: query: failed to query with labels: secrets is forbidden: User "anna" cannot list resource "secrets" in API group "" in the namespace "nope""#,
        "you may not list secrets in the namespace",
    ),
    (
        r#"Error: Kubernetes cluster unreachable: Get "https://127.0.0.1:1/version": dial tcp 127.0.0.1:1: connect: connection refused"#,
        "could not reach",
    ),
    (
        "Error: kubernetes cluster unreachable: the server has asked for the client to provide credentials",
        "credentials",
    ),
    (
        r#"Error: looks like "http://127.0.0.1:1" is not a valid chart repository or cannot be reached: Get "http://127.0.0.1:1/index.yaml": dial tcp 127.0.0.1:1: connect: connection refused"#,
        "did not answer",
    ),
    ("Error: execution error at (c1/templates/all.yaml:41:25): the chart says no", "the chart says no"),
    ("Error: UPGRADE FAILED: context deadline exceeded", "longer than 3 s"),
    (
        r#"Error: server-side apply failed for object s4/Bad_Name /v1, Kind=Service: Service "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 label"#,
        "refuses an object",
    ),
];

#[test]
fn every_sample_is_understood() {
    for (words, expected) in SAMPLES {
        let found = explain(words, &FACTS).unwrap_or_else(|| panic!("not understood: {words}"));
        let text = format!("{} {}", found.meaning, found.hints.join(" "));
        assert!(text.contains(expected), "`{expected}` is not in: {text}");
        assert!(!found.hints.is_empty());
    }
    assert_eq!(explain("Error: something new", &FACTS), None);
}

fn script(text: &str) -> (tempfile::TempDir, HelmEnv) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("helm");
    crate::fs::write(&path, format!("#!/bin/sh\n{text}\n").as_bytes(), crate::fs::Access::Shared).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let env = HelmEnv { helm_bin: None, path: Some(folder.path().into()), guard: None };
    (folder, env)
}

/// A test that runs beside may have inherited the script while it was open for writing; the kernel
/// then calls it busy for an instant.
fn find(env: &HelmEnv) -> Result<Helm> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    loop {
        match runtime.block_on(Helm::find(env)) {
            Err(error) if error.causes.iter().any(|cause| cause.contains("Text file busy")) => {}
            result => return result,
        }
    }
}

/// A debugging helm prints values, and values hold secrets.
#[test]
fn our_helm_never_debugs() {
    let (_folder, env) = script("[ \"$HELM_DEBUG\" = false ] && echo v3.21.4 || echo debugging");
    assert!(find(&env).is_ok());
}

#[test]
fn a_helm_is_found_by_word_or_path_and_never_replaced_in_silence() {
    let (folder, mut env) = script("echo v3.21.4+gabc");
    assert_eq!(find(&env).unwrap().version().to_string(), "3.21.4");
    env.helm_bin = Some("helm".into());
    assert!(find(&env).is_ok());
    env.helm_bin = Some("helm4".into());
    assert!(find(&env).unwrap_err().message.contains("HELM_BIN is `helm4`"));
    env.helm_bin = Some(folder.path().join("helm").into());
    env.path = None;
    assert!(find(&env).is_ok());
    env.helm_bin = None;
    assert_eq!(find(&env).unwrap_err().message, "helm was not found");
}

#[test]
fn an_old_helm_or_another_program_is_refused() {
    let (_folder, env) = script("echo v3.16.9");
    assert_eq!(find(&env).unwrap_err().message, "helm 3.16.9 is too old");
    let (_folder, env) = script("echo Helm is a text editor");
    assert!(find(&env).unwrap_err().causes[0].contains("text editor"));
}

#[test]
fn what_helm_4_says_twice_is_told_once() {
    let (log, error) =
        ("level=WARN msg=\"upgrade failed\" name=k3 error=\"conflict\"", "Error: UPGRADE FAILED: conflict");
    assert_eq!(errors_of(&format!("{log}\n{error}")), error);
    assert_eq!(errors_of(log), log);
}

#[test]
fn versions() {
    for (text, expected) in [("v3.17.3", "3.17.3"), ("v4.2.4+g12", "4.2.4"), ("4.0.0-rc.1", "4.0.0")] {
        assert_eq!(Version::parse(text).unwrap().to_string(), expected);
    }
    for text in ["", "v3", "v3.x.1", "v1.2.3.4"] {
        assert_eq!(Version::parse(text), None, "{text}");
    }
}

#[test]
fn secrets_are_scrubbed_in_every_form() {
    let mut ledger = Ledger::create().unwrap();
    ledger.ensure(&[Need { name: "a".into(), kind: SecretKind::Alnum(16), ..Need::default() }]).unwrap();
    ledger.entries.get_mut("a").unwrap().value = Secret::new("p\"ss w/rd+1234".into());
    let scrub = Scrub::new(&ledger);
    for form in ["p\"ss w/rd+1234", "p\\\"ss w/rd+1234", "cCJzcyB3L3JkKzEyMzQ=", "p%22ss%20w%2Frd%2B1234"] {
        let text = format!("before {form} after");
        assert!(scrub.finds(&text), "{form}");
        let clean = scrub.clean(&text);
        assert!(clean.starts_with("before ***") && clean.ends_with(" after") && !clean.contains("1234"), "{clean}");
    }
    assert_eq!(scrub.clean("nothing here"), "nothing here");
}

#[test]
fn the_command_holds_no_secret_and_no_flag_of_one_version() {
    let values = ["daskhub/values.yaml".to_owned(), "daskhub/secrets.yaml".to_owned()];
    let upgrade = Upgrade {
        release: "dhub",
        namespace: "dhub",
        create_namespace: false,
        archive: Path::new("/cache/daskhub-1.tgz"),
        sha256: "ab12",
        folder: Path::new("dhub"),
        values: &values,
        timeout_seconds: 900,
    };
    let shown: Vec<_> = upgrade.arguments(Some("dev")).iter().map(|part| part.to_string_lossy().into_owned()).collect();
    assert_eq!(
        shown.join(" "),
        "upgrade --install dhub /cache/daskhub-1.tgz --namespace dhub --reset-values \
         --values daskhub/values.yaml --values daskhub/secrets.yaml --timeout 900s --history-max 10 \
         --description helm-iris chart sha256:ab12 --kube-context dev"
    );
    assert!(Upgrade { create_namespace: true, ..upgrade }.command_line(None).contains(" --create-namespace "));
    assert!(upgrade.command_line(None).starts_with("helm upgrade --install dhub /cache"));
    assert!(
        upgrade
            .command_line(Some("it's"))
            .ends_with(r"--description 'helm-iris chart sha256:ab12' --kube-context 'it'\''s'")
    );
    assert_eq!(chart_digest_of(&description("ab12")), Some("ab12"));
    assert_eq!(chart_digest_of("Upgrade complete"), None);
}
