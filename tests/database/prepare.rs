//! What makes role and database before the server starts, as the pod runs it.

use std::process::Output;

use super::{Pod, installed, neighbours};
use crate::common::{read, repo};

/// The hub's role and its database, by the names that they are to have.
struct Names<'n> {
    role: &'n str,
    database: &'n str,
    password: &'n str,
}

/// A pod with what the chart mounts.
fn pod(bin: &std::path::Path, names: &Names<'_>) -> Pod {
    let pod = Pod::new(bin);
    pod.sh("mkdir volume config socket");
    // As the chart's ConfigMap has it.
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let hba =
        format!("local all postgres trust\nlocal {} {} scram-sha-256\n", quoted(names.database), quoted(names.role));
    std::fs::write(pod.path("config/pg_hba.conf"), hba).unwrap();
    pod
}

fn prepare(pod: &Pod, names: &Names<'_>) -> Output {
    std::fs::write(pod.path("password"), names.password).unwrap();
    let [data, socket, password, config] =
        ["volume/pgdata", "socket", "password", "config"].map(|inside| pod.path(inside).display().to_string());
    let script = repo().join("charts/postgresql/helm/files/prepare.sh");
    let env = [
        ("PGDATA", data.as_str()),
        ("PGHOST", &socket),
        ("DATABASE_NAME", names.database),
        ("DATABASE_USER", names.role),
        ("PASSWORD_FILE", &password),
        ("CONFIG", &config),
        ("SCRIPT", &read(&script)),
    ];
    pod.run("exec sh -c \"$SCRIPT\"", &env)
}

/// Runs SQL with the server up, as the role and by its password.
fn as_role(pod: &Pod, names: &Names<'_>, password: &str, sql: &str) -> Output {
    let socket = pod.path("socket").display().to_string();
    let env = [
        ("PGHOST", socket.as_str()),
        ("PGUSER", names.role),
        ("PGDATABASE", names.database),
        ("PGPASSWORD", password),
        ("SQL", sql),
    ];
    pod.run(
        "pg_ctl -D volume/pgdata -w -l log -o \"-c listen_addresses= -c unix_socket_directories=$PGHOST -c hba_file=$PWD/config/pg_hba.conf\" start >/dev/null
         psql -XAt --no-password -v ON_ERROR_STOP=1 -c \"$SQL\"
         code=$?
         pg_ctl -D volume/pgdata -w -m fast stop >/dev/null
         exit $code",
        &env,
    )
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn role_and_database_are_made_once_whatever_they_are_called() {
    let hostile = [
        Names { role: "jhub", database: "jhub", password: "a p@ss/w:o#r%d+x y?" },
        Names {
            role: "ro'le\"; DROP ROLE postgres; --",
            database: "da\"ta'base $x `id` %I \\q",
            password: "'; ALTER ROLE x SUPERUSER; -- \\' $(id) `id` \" %s :role é",
        },
        Names { role: "Select", database: "user", password: "\\'\\\\" },
    ];
    for bin in installed() {
        for names in &hostile {
            let pod = pod(&bin, names);
            for round in ["first", "again"] {
                let run = prepare(&pod, names);
                assert!(run.status.success(), "{round}, {}: {}", names.role, said(&run));
                assert!(!said(&run).contains(names.password), "the password is told: {}", said(&run));
            }
            let made = as_role(&pod, names, names.password, "CREATE TABLE IF NOT EXISTS t (n int); SELECT 'mine'");
            assert!(made.status.success() && said(&made).contains("mine"), "{}: {}", names.role, said(&made));
            let sql = "SELECT rolsuper, rolcreatedb, rolcreaterole, (SELECT count(*) FROM pg_roles WHERE rolname !~ '^pg_'), \
                 (SELECT count(*) FROM pg_database) FROM pg_roles WHERE rolname = current_user";
            let rights = as_role(&pod, names, names.password, sql);
            assert!(said(&rights).contains("f|f|f|2|4"), "no more rights, and nothing else: {}", said(&rights));
            let wrong = as_role(&pod, names, "another", "SELECT 1");
            assert!(said(&wrong).contains("password authentication failed"), "{}", said(&wrong));
        }
    }
}

#[test]
fn a_changed_password_holds_and_the_data_stays() {
    for bin in installed() {
        let before = Names { role: "jhub", database: "jhub", password: "first" };
        let after = Names { password: "second", ..before };
        let pod = pod(&bin, &before);
        assert!(prepare(&pod, &before).status.success());
        let kept = as_role(&pod, &before, "first", "CREATE TABLE t AS SELECT 'kept' AS word");
        assert!(kept.status.success(), "{}", said(&kept));
        pod.sh("echo \"log_statement = 'all'\" >> volume/pgdata/postgresql.conf");
        let run = prepare(&pod, &after);
        assert!(run.status.success(), "{}", said(&run));
        assert!(said(&run).contains("statement: SET log_statement"), "the log has what is asked: {}", said(&run));
        assert!(!said(&run).contains("second") && !said(&run).contains("PASSWORD"), "{}", said(&run));
        assert!(said(&as_role(&pod, &after, "second", "SELECT word FROM t")).contains("kept"));
        assert!(!as_role(&pod, &after, "first", "SELECT 1").status.success(), "the old one no longer opens it");

        let empty = prepare(&pod, &Names { password: "", ..before });
        assert!(!empty.status.success() && said(&empty).contains("the password is empty"));
    }
}

#[test]
fn a_volume_of_another_postgresql_is_left_alone() {
    for (older, newer) in neighbours() {
        for (writer, reader) in [(&older, &newer), (&newer, &older)] {
            let names = Names { role: "jhub", database: "jhub", password: "secret" };
            let (old, new) = (pod(writer, &names), pod(reader, &names));
            assert!(prepare(&old, &names).status.success());
            new.sh("rmdir volume");
            std::os::unix::fs::symlink(old.path("volume"), new.path("volume")).unwrap();
            let before = new.sh("cd volume && find -L . -type f | sort | xargs cksum");
            let run = prepare(&new, &names);
            assert!(
                !run.status.success() && said(&run).contains("the volume holds data of PostgreSQL"),
                "{}",
                said(&run)
            );
            assert_eq!(new.sh("cd volume && find -L . -type f | sort | xargs cksum"), before);
            assert!(prepare(&old, &names).status.success(), "its own still reads it");
        }
    }
}
