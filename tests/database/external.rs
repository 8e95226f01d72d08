//! The script that looks at a database which somebody else runs, on a real PostgreSQL, with names and passwords
//! that nobody should have.

use std::process::Output;

use super::{Server, installed};
use crate::common::repo;

const ROLE: &str = r#"we"ird ro'le $(id) \ ü"#;
const NAME: &str = r#"d-b "q" = '; DROP DATABASE postgres; --"#;
const PASSWORD: &str = r#"p'a"ss $w:o#r%d\`id`"#;

/// Runs the script as the job does; `admin` is a role and its password.
fn prepare(server: &Server, password: &str, admin: Option<(&str, &str)>) -> Output {
    prepare_for(server, (ROLE, NAME), password, admin)
}

/// The same, for another role and database.
fn prepare_for(server: &Server, (role, name): (&str, &str), password: &str, admin: Option<(&str, &str)>) -> Output {
    let script = std::fs::read_to_string(repo().join("charts/external/helm/files/prepare.sh")).unwrap();
    std::fs::write(server.path("password"), password).unwrap();
    let file = |name: &str| server.path(name).display().to_string();
    let (password_file, admin_file) = (file("password"), file("admin-password"));
    let mut env = vec![
        ("PGPORT", "5432"),
        ("DATABASE_USER", role),
        ("DATABASE_NAME", name),
        ("PASSWORD_FILE", password_file.as_str()),
        ("SCRIPT", script.as_str()),
    ];
    if let Some((user, password)) = admin {
        std::fs::write(server.path("admin-password"), password).unwrap();
        env.extend([("ADMIN_USER", user), ("ADMIN_PASSWORD_FILE", admin_file.as_str())]);
    }
    server.run("exec sh -c \"$SCRIPT\"", &env)
}

/// What it said, which holds no password.
fn said(output: &Output, passwords: &[&str]) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let all = String::from_utf8(all).unwrap();
    for password in passwords {
        assert!(!all.contains(password), "a password in: {all}");
    }
    all
}

fn fine(output: &Output) {
    assert!(output.status.success(), "{}", said(output, &[PASSWORD]));
    assert!(said(output, &[PASSWORD]).contains("can use"), "{output:?}");
}

/// The SQL that it printed, run by a superuser who types the password twice.
fn follow(server: &Server, failed: &Output) {
    said(failed, &[PASSWORD]);
    let said = String::from_utf8_lossy(&failed.stdout);
    let (_, sql) = said.split_once("again:\n").unwrap_or_else(|| panic!("no SQL in: {said}"));
    std::fs::write(server.path("told.sql"), sql).unwrap();
    std::fs::write(server.path("typed"), format!("{PASSWORD}\n{PASSWORD}\n")).unwrap();
    server.sh("setsid psql -q -U postgres -v ON_ERROR_STOP=1 -f told.sql <typed 2>/dev/null");
}

fn log(server: &Server) -> String {
    std::fs::read_to_string(server.path("log")).unwrap()
}

#[test]
fn without_an_admin_it_tells_the_sql_and_changes_nothing() {
    for bin in installed() {
        let server = Server::start(&bin, "of the hub");
        let roles = || {
            server.sh("psql -At -U postgres -c 'SELECT rolname, rolpassword FROM pg_authid' -c 'SELECT datname, datdba FROM pg_database'")
        };
        let before = roles();
        let failed = prepare(&server, PASSWORD, None);
        assert!(!failed.status.success());
        assert_eq!(roles(), before);
        follow(&server, &failed);
        assert_ne!(roles(), before, "a control");
        fine(&prepare(&server, PASSWORD, None));
        fine(&prepare(&server, PASSWORD, None));

        let wrong = prepare(&server, "another", None);
        assert!(!wrong.status.success());
        assert!(said(&wrong, &[PASSWORD, "another"]).contains("password authentication failed"), "{wrong:?}");

        // From PostgreSQL 15 on, who does not own a database makes no tables in it.
        let quoted = format!("\"{}\"", NAME.replace('"', "\"\""));
        std::fs::write(server.path("owner.sql"), format!("ALTER DATABASE {quoted} OWNER TO postgres;\n")).unwrap();
        server.sh("psql -q -U postgres -f owner.sql");
        server.sh("psql -q -U postgres -Atc 'SELECT datname FROM pg_database' >/dev/null");
        std::fs::write(server.path("old.sql"), format!("\\c {quoted}\nREVOKE CREATE ON SCHEMA public FROM public;\n"))
            .unwrap();
        let failed = prepare(&server, PASSWORD, None);
        assert!(!failed.status.success());
        assert!(said(&failed, &[PASSWORD]).contains("has to own its database"), "{failed:?}");
        follow(&server, &failed);
        fine(&prepare(&server, PASSWORD, None));
    }
}

#[test]
fn a_superuser_makes_both_and_the_servers_log_holds_no_password() {
    for bin in installed() {
        let server = Server::start(&bin, "of the hub");
        server.sh(
            "psql -q -U postgres -c \"ALTER SYSTEM SET log_statement = 'all'\" -c 'SELECT pg_reload_conf()' >/dev/null",
        );
        let admin = Some(("postgres", "secret"));
        fine(&prepare(&server, PASSWORD, admin));
        fine(&prepare(&server, PASSWORD, admin));
        fine(&prepare(&server, PASSWORD, None));
        fine(&prepare(&server, "another one", admin));
        assert!(!prepare(&server, PASSWORD, None).status.success(), "the new one holds");
        let log = log(&server);
        assert!(log.contains("rolsuper AS super"), "a control, it does log: {log}");
        assert!(!log.contains("another one") && !log.contains("PASSWORD '"), "{log}");
        let owner = server.sh(
            "psql -At -U postgres -c \"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname LIKE 'd-b%'\"",
        );
        assert_eq!(owner.trim_end(), ROLE);
        let rights = server.sh("psql -At -U postgres -c \"SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname LIKE 'we%'\"");
        assert_eq!(rights.trim_end(), "f|f|f");
    }
}

#[test]
fn an_admin_without_all_rights_makes_both_too() {
    for bin in installed() {
        let server = Server::start(&bin, "of the hub");
        server.sh("psql -q -U postgres -c \"CREATE ROLE boss LOGIN CREATEROLE CREATEDB PASSWORD 'boss secret'\"");
        let admin = Some(("boss", "boss secret"));
        fine(&prepare(&server, PASSWORD, admin));
        fine(&prepare(&server, PASSWORD, admin));
        fine(&prepare(&server, PASSWORD, None));
        let refused = prepare(&server, PASSWORD, Some(("boss", "wrong secret")));
        assert!(!refused.status.success());
        said(&refused, &[PASSWORD, "wrong secret", "boss secret"]);
    }
}

/// The SQL of what it said.
fn told(server: &Server, failed: &Output) -> String {
    assert!(!failed.status.success(), "{failed:?}");
    follow(server, failed);
    // Whoever runs it again changes nothing.
    follow(server, failed);
    std::fs::read_to_string(server.path("told.sql")).unwrap()
}

#[test]
fn where_an_admin_has_too_few_rights_it_tells_the_sql_for_the_rest() {
    let maker = Some(("maker", "maker secret"));
    let (guest, other) = (Some(("guest", "guest secret")), ("o'ther \"role", "o'ther \"base"));
    for server in installed().iter().map(|bin| Server::start(bin, "of the hub")) {
        server.sh("psql -q -U postgres -c \"CREATE ROLE maker LOGIN CREATEROLE PASSWORD 'maker secret'\" -c \"CREATE ROLE guest LOGIN PASSWORD 'guest secret'\"");
        let failed = prepare(&server, PASSWORD, maker);
        assert!(said(&failed, &[PASSWORD, "maker secret"]).contains("maker could not make all"), "{failed:?}");
        let sql = told(&server, &failed);
        assert!(sql.contains("CREATE DATABASE") && !sql.contains("ROLE"), "the role is made: {sql}");
        assert!(!sql.contains("password"), "and has its password: {sql}");
        fine(&prepare(&server, PASSWORD, maker));
        fine(&prepare(&server, PASSWORD, None));

        let all =
            || server.sh("psql -At -U postgres -c 'SELECT rolname FROM pg_roles' -c 'SELECT datname FROM pg_database'");
        let before = all();
        let failed = prepare_for(&server, other, PASSWORD, guest);
        assert_eq!(all(), before);
        let sql = told(&server, &failed);
        assert!(sql.contains("CREATE ROLE") && sql.contains("\\password") && sql.contains("CREATE DATABASE"), "{sql}");
        assert_ne!(all(), before, "a control");
        fine(&prepare_for(&server, other, PASSWORD, guest));

        let failed = prepare_for(&server, ("third", "third"), PASSWORD, Some(("guest", "wrong secret")));
        assert!(said(&failed, &[PASSWORD, "wrong secret"]).contains("take database.adminUser out"), "{failed:?}");
        told(&server, &failed);
        fine(&prepare_for(&server, ("third", "third"), PASSWORD, None));
    }
}

#[test]
fn what_is_somebody_elses_is_not_taken_over() {
    for bin in installed() {
        let server = Server::start(&bin, "of the hub");
        server.sh("psql -q -U postgres -c 'CREATE ROLE wiki LOGIN' -c 'CREATE DATABASE wiki OWNER wiki' -c 'CREATE ROLE root SUPERUSER' -c 'CREATE DATABASE made'");
        let all = || {
            server.sh("psql -At -U postgres -c 'SELECT rolname, rolpassword, rolcanlogin FROM pg_authid' -c 'SELECT datname, datdba FROM pg_database'")
        };
        let before = all();
        let admin = Some(("postgres", "secret"));
        for (role, name, word) in [
            ("postgres", "jhub", "the role postgres is one of the server itself"),
            ("root", "jhub", "the role root is one"),
            ("jhub", "postgres", "the database postgres belongs to postgres"),
            ("jhub", "template1", "the database template1 belongs"),
            ("jhub", "wiki", "the database wiki belongs to wiki"),
        ] {
            let refused = prepare_for(&server, (role, name), PASSWORD, admin);
            let said = said(&refused, &[PASSWORD]);
            assert!(!refused.status.success() && said.contains(word) && said.contains("nothing was changed"), "{said}");
            assert_eq!(all(), before, "{role} {name}");
        }
        fine(&prepare_for(&server, ("jhub", "made"), PASSWORD, admin));
        assert_ne!(all(), before, "a control: of an empty one of the admin's, the role becomes the owner");
    }
}
