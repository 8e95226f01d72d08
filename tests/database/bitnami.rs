//! What our values have Bitnami's image run before it starts its server, on a real PostgreSQL.

use serde_json::Value;

use super::{Pod, installed};
use crate::common::TestEnv;

/// The script, from what is rendered.
fn script() -> String {
    let env = TestEnv::with_site("profile: kind\ndatabase: {engine: bitnami}\n");
    env.ok(&["render", "jupyterhub"]);
    let values: Value = serde_yaml::from_str(&env.read("jhub/bitnami/values.yaml")).unwrap();
    let scripts = values["primary"]["preInitDb"]["scripts"].as_object().unwrap();
    scripts["helm-iris-passwords.sh"].as_str().unwrap().to_owned()
}

/// Runs it as the image does: by bash, in a shell that reads the names of scripts, with its settings around it.
fn starts(pod: &Pod, role: &str, password: &str, superuser: &str) -> std::process::Output {
    std::fs::write(pod.path("passwords.sh"), script()).unwrap();
    let data = pod.path("data").display().to_string();
    let env = [
        ("POSTGRESQL_DATA_DIR", data.as_str()),
        ("POSTGRESQL_USERNAME", role),
        ("POSTGRESQL_PASSWORD", password),
        ("POSTGRESQL_POSTGRES_PASSWORD", superuser),
        ("TMPDIR", &pod.path("tmp").display().to_string()),
    ];
    pod.run(
        "set -o errexit -o nounset -o pipefail; mkdir -p tmp
         printf 'passwords.sh\\nno-other\\n' | while read -r f; do [ ! -e $f ] || . ./$f; echo \"ran $f\"; done",
        &env,
    )
}

/// Who gets in over the network, with which password.
fn gets_in(pod: &Pod, role: &str, password: &str) -> bool {
    let output = pod.run(
        "pg_ctl -D data -w -l log -o \"-c listen_addresses= -c unix_socket_directories=$PWD -c hba_file=$PWD/hba\" start >/dev/null
         psql -XAt --no-password -d jhub -c 'SELECT word FROM t'; code=$?
         pg_ctl -D data -w -m fast stop >/dev/null; exit $code",
        &[("PGUSER", role), ("PGPASSWORD", password)],
    );
    output.status.success() && String::from_utf8(output.stdout).unwrap().trim() == "kept"
}

#[test]
fn each_start_writes_the_ledgers_passwords_into_the_database() {
    for bin in installed() {
        let pod = Pod::new(&bin);
        let fresh = starts(&pod, "jhub", "first", "boss");
        assert!(fresh.status.success(), "a new volume is the image's to fill: {fresh:?}");
        assert!(!pod.path("data").exists());

        pod.sh("initdb -D data -U postgres --auth=trust -N >/dev/null");
        std::fs::write(pod.path("hba"), "local all all scram-sha-256\n").unwrap();
        pod.sh("pg_ctl -D data -w -l log -o \"-c listen_addresses= -c unix_socket_directories=$PWD\" start >/dev/null");
        pod.sh("psql -qX -U postgres -c \"CREATE ROLE jhub LOGIN PASSWORD 'first'\" -c \"ALTER ROLE postgres PASSWORD 'boss'\" \
             -c 'CREATE DATABASE jhub OWNER jhub'");
        pod.sh("psql -qX -U jhub -d jhub -c \"CREATE TABLE t AS SELECT 'kept' AS word\"");
        pod.sh("psql -qX -U postgres -d jhub -c 'GRANT SELECT ON t TO postgres'");
        pod.sh("pg_ctl -D data -w -m fast stop >/dev/null");
        // As in the image, whose configuration is elsewhere.
        pod.sh(
            "rm data/postgresql.conf data/pg_hba.conf && echo \"log_statement = 'all'\" > data/postgresql.auto.conf",
        );

        let (new, superuser) = ("p'a\"ss $w \\ `id` %", "'; DROP ROLE jhub; --");
        for round in ["first", "again"] {
            let run = starts(&pod, "jhub", new, superuser);
            let said = [run.stdout, run.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            assert!(run.status.success() && said.contains("are those of the ledger"), "{round}: {said}");
            assert!(said.contains("ran no-other"), "what the image runs after it is run: {said}");
            assert!(!said.contains(new) && !said.contains(superuser), "{said}");
        }
        assert_eq!(crate::common::entries(&pod.path("tmp")), Vec::<String>::new(), "nothing is left");
        std::fs::write(pod.path("data/postgresql.conf"), "").unwrap();
        pod.sh("rm data/postgresql.auto.conf && touch data/postgresql.auto.conf");
        assert!(gets_in(&pod, "jhub", new) && gets_in(&pod, "postgres", superuser));
        assert!(!gets_in(&pod, "jhub", "first") && !gets_in(&pod, "postgres", "boss"), "a control");

        let wrong = starts(&pod, "nobody_of_that_name", new, superuser);
        let said = String::from_utf8([wrong.stdout, wrong.stderr].concat()).unwrap();
        assert!(!wrong.status.success() && said.contains("role \"nobody_of_that_name\" does not exist"), "{said}");
        assert!(gets_in(&pod, "jhub", new), "its server was stopped");
    }
}
