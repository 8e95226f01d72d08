//! The life of our PostgreSQL: its backups, a larger volume, and a newer major version.

use serde_json::{Value, json};

use super::uninstall::until;
use super::{Hub, Testbed};

const CLAIM: &str = "persistentvolumeclaims/data-postgresql-0";

impl Hub<'_> {
    fn batch(&self, inside: &str) -> String {
        format!("/apis/batch/v1/namespaces/{}/{inside}", self.namespace)
    }

    /// The size that a claim asks for.
    fn asked(&self, claim: &str) -> String {
        let claim = self.api().get(&self.core(claim)).unwrap();
        claim["spec"]["resources"]["requests"]["storage"].as_str().unwrap().to_owned()
    }

    fn site(&self, database: &str) {
        let site = self.env.read("iris.yaml");
        let before = site.split("database:").next().unwrap();
        self.env.write("iris.yaml", format!("{before}database:\n{database}"));
    }
}

#[test]
fn backups_come_and_go_with_their_schedule_and_the_dumps_stay() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("backup-{word}"), &helm);
        hub.install(&[]);
        assert!(hub.api().list(&hub.batch("cronjobs")).is_empty(), "off by default");

        hub.site("  backup:\n    schedule: \"15 2 * * *\"\n    keep: 3\n    size: 2Gi\n");
        hub.install(&[]);
        let job = hub.api().get(&hub.batch("cronjobs/postgresql-backup")).unwrap();
        assert_eq!((&job["spec"]["schedule"], &job["spec"]["timeZone"]), (&json!("15 2 * * *"), &json!("Etc/UTC")));
        assert_eq!(hub.asked("persistentvolumeclaims/postgresql-backups"), "2Gi");
        for value in hub.env.secrets().values() {
            assert!(!job.to_string().contains(value), "a secret is in the CronJob");
        }
        let set =
            hub.api().get(&format!("/apis/apps/v1/namespaces/{}/statefulsets/postgresql", hub.namespace)).unwrap();
        hub.assert_let_in(&job["spec"]["jobTemplate"]["spec"]["template"], &set);

        hub.tells_how_backups_go();
        // As `kubectl create job --from=cronjob/postgresql-backup` makes it: the API server and the scheduler take it.
        let run = json!({"metadata": {"name": "by-hand"}, "spec": job["spec"]["jobTemplate"]["spec"]});
        hub.api().create(&hub.batch("jobs"), &run);
        let job = hub.batch("jobs/by-hand");
        until("the backup is made", || hub.api().get(&job).unwrap()["status"]["succeeded"] == 1);
        let claim = hub.api().get(&hub.core("persistentvolumeclaims/postgresql-backups")).unwrap();
        assert_eq!(claim["status"]["phase"], "Bound");

        hub.site("  backup:\n    schedule: null\n");
        hub.install(&[]);
        assert!(hub.api().list(&hub.batch("cronjobs")).is_empty());
        let claim = hub.api().get(&hub.core("persistentvolumeclaims/postgresql-backups"));
        assert!(claim.is_some(), "what was dumped stays");
        hub.site("  backup:\n    schedule: \"@daily\"\n    size: 2Gi\n");
        hub.install(&[]);
        let gone = hub.uninstall(&[]);
        assert!(gone.stderr.contains("postgresql-backups"), "{gone}");
        assert!(hub.api().get(&hub.core("persistentvolumeclaims/postgresql-backups")).is_some());
    }
}

impl Hub<'_> {
    /// What the `CronJob`'s status says reaches `status`, and its exit code.
    fn tells_how_backups_go(&self) {
        let told = |code: i32, word: &str| {
            let run = self.run(&["status"]);
            assert_eq!(run.code, Some(code), "{run}");
            assert!(run.stdout.contains("Backups    postgresql-backup (15 2 * * *): "), "{run}");
            assert!(run.stdout.contains(word), "no {word:?} in {run}");
        };
        told(0, "none was due yet");
        let status = |status: Value| {
            let path = self.batch("cronjobs/postgresql-backup/status");
            self.api().patch(&path, "test", &json!({"apiVersion": "batch/v1", "kind": "CronJob", "status": status}));
        };
        status(json!({"lastScheduleTime": "2026-11-20T02:15:00Z"}));
        told(1, "the last backup of the database failed");
        status(json!({"lastScheduleTime": "2026-11-20T02:15:00Z", "lastSuccessfulTime": "2026-11-20T02:16:00Z"}));
        told(0, "in order");
    }

    /// The database's NetworkPolicy lets a pod in, and its Service does not lead to that.
    fn assert_let_in(&self, pod: &Value, set: &Value) {
        let labels = &pod["metadata"]["labels"];
        let has = |wanted: &Value| wanted.as_object().unwrap().iter().all(|(key, value)| labels[key] == *value);
        let path = format!("/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/postgresql", self.namespace);
        let policy = self.api().get(&path).unwrap();
        let peers = policy["spec"]["ingress"][0]["from"].as_array().unwrap();
        assert!(peers.iter().any(|peer| has(&peer["podSelector"]["matchLabels"])), "{policy}");
        assert!(!peers.iter().any(|peer| peer.get("namespaceSelector").is_some()), "nobody of elsewhere: {policy}");
        let service = self.api().get(&self.core("services/postgresql")).unwrap();
        assert!(!has(&service["spec"]["selector"]) && !has(&set["spec"]["selector"]["matchLabels"]), "{labels}");
        let server = &set["spec"]["template"]["spec"];
        for spec in [&pod["spec"], server] {
            assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
            for container in spec["containers"].as_array().unwrap() {
                let context = &container["securityContext"];
                assert_eq!(context["readOnlyRootFilesystem"], true, "{container}");
                assert_eq!(context["allowPrivilegeEscalation"], false, "{container}");
                assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{container}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
            }
        }
    }
}

#[test]
fn a_volume_grows_where_its_class_lets_it_and_never_shrinks() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("grow-{word}"), &helm);
        hub.install(&[]);
        hub.site("  size: 12Gi\n");
        hub.install(&[]);
        assert_eq!(hub.asked(CLAIM), "12Gi");

        hub.site("  size: 9Gi\n");
        hub.refused(&[], &["PersistentVolumeClaim data-postgresql-0", "a volume can grow"]);
        assert_eq!(hub.asked(CLAIM), "12Gi");

        let class = "/apis/storage.k8s.io/v1/storageclasses/standard";
        hub.api().patch(class, "kubectl", &json!({"allowVolumeExpansion": false}));
        hub.site("  size: 20Gi\n");
        let plan = hub.run(&["plan", "daskhub"]);
        assert!(plan.stdout.replace('\n', " ").contains("allowVolumeExpansion"), "{plan}");
        let revision = hub.revision("postgresql");
        hub.refused(&[], &["StorageClass `standard` lets no volume grow", "kubectl patch storageclass standard"]);
        assert_eq!((hub.asked(CLAIM), hub.revision("postgresql")), ("12Gi".to_owned(), revision));
        hub.api().patch(class, "kubectl", &json!({"allowVolumeExpansion": true}));
        hub.install(&[]);
        assert_eq!(hub.asked(CLAIM), "20Gi");
    }
}

#[test]
fn a_newer_major_version_waits_until_the_old_volume_is_put_aside() {
    let Some(testbed) = Testbed::take() else { return };
    for (word, helm) in testbed.helms() {
        let hub = testbed.hub(&format!("major-{word}"), &helm);
        hub.install(&[]);
        hub.site("  image:\n    tag: 17.12-trixie\n");
        hub.install(&[]);

        hub.site("  image:\n    tag: 18.1-trixie\n");
        let words = ["from PostgreSQL 17 to 18", "docs/databases-postgresql.md"];
        hub.refused(&[], &words);
        let plan = hub.run(&["plan", "daskhub"]);
        assert!(plan.code == Some(1) && plan.stderr.contains(words[0]), "{plan}");
        assert_eq!(hub.revision("postgresql"), 2);

        // As the documentation says, once it is dumped.
        hub.api().delete(&format!("/apis/apps/v1/namespaces/{}/statefulsets/postgresql", hub.namespace));
        hub.api().delete(&hub.core(CLAIM));
        until("the claim is gone", || hub.api().get(&hub.core(CLAIM)).is_none());
        hub.install(&[]);
        let set =
            hub.api().get(&format!("/apis/apps/v1/namespaces/{}/statefulsets/postgresql", hub.namespace)).unwrap();
        let image = &set["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(image, "docker.io/library/postgres:18.1-trixie");
        assert!(hub.api().get(&hub.core(CLAIM)).is_some(), "a new volume");
    }
}
