//! Backups and their restore, and the way to a newer PostgreSQL, as docs/databases-postgresql.md tells them.

use std::process::Output;

use super::{Pod, Server, in_the_pod, installed, neighbours};

const PASSWORD: &str = "secret";
const DOCUMENT: &str = "docs/databases-postgresql.md";

fn succeed(run: &Output) -> String {
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).into_owned()
}

#[test]
fn backups_have_names_of_their_own_and_each_can_be_restored() {
    for bin in installed() {
        let server = Server::start(&bin, PASSWORD);
        server.sh("mkdir dumps");
        let before = server.users();
        let mut first = String::new();
        for round in 1..=4 {
            let said = succeed(&server.dump(PASSWORD, &[("KEPT", "3")]));
            assert!(said.contains("dumped jhub into backup-2"), "{said}");
            if round == 1 {
                first = server.dumps().remove(0);
                // Names hold the second.
                server.sh("psql -q -U postgres -d jhub -c 'SET ROLE jhub' -c \"DELETE FROM users WHERE name = 'bob'\"");
            }
            std::thread::sleep(std::time::Duration::from_millis(1100));
            if round < 4 {
                assert_eq!(server.dumps().len(), round);
                assert!(server.dumps().contains(&first), "{:?}", server.dumps());
            }
        }
        assert_eq!(server.dumps().len(), 3, "the oldest is gone");
        assert!(!server.dumps().contains(&first), "{:?}", server.dumps());
        let full =
            server.run("exec sh -c \"$SCRIPT\"", &[("SCRIPT", "cd dumps && pg_restore --list \"$(ls | head -n 1)\"")]);
        assert!(succeed(&full).contains("TABLE public users jhub"));

        // The newest knows no bob any more; one from before would.
        let file = server.dumps().remove(2);
        server.sh("psql -q -U postgres -d jhub -c 'SET ROLE jhub' -c 'DROP TABLE users'");
        let steps = in_the_pod(DOCUMENT, "## Restore");
        assert_eq!(steps.len(), 3, "{steps:?}");
        for step in &steps {
            server.sh(&step.replace("backup.dump", &format!("dumps/{file}")));
        }
        assert_eq!(server.users(), before.replace("bob|2\n", ""));
    }
}

/// From each PostgreSQL of this machine to the next, by the commands of the document.
#[test]
fn a_newer_postgresql_takes_over_what_an_older_one_has() {
    for (older, newer) in neighbours() {
        let old = Server::start(&older, PASSWORD);
        let steps = in_the_pod(DOCUMENT, "## A newer PostgreSQL");
        let [dump, rest @ ..] = steps.as_slice() else { panic!("{steps:?}") };
        old.sh(dump);
        assert_eq!(rest.len(), 4, "{steps:?}");
        old.sh(&rest[0]);

        let new = Server::start(&newer, PASSWORD);
        new.sh("psql -q -U postgres -d jhub -c 'SET ROLE jhub' -c \"INSERT INTO users VALUES ('nobody', 0)\"");
        copy(&old, &new, "before.dump");
        for step in &rest[1..] {
            new.sh(step);
        }
        assert_eq!(new.users(), old.users(), "what the empty one had is gone");
    }
}

fn copy(from: &Pod, to: &Pod, name: &str) {
    std::fs::copy(from.path(name), to.path(name)).unwrap();
    to.sh(&format!("test -r {name}"));
}
