//! The script that dumps a database before an upgrade, and the way back that docs/upgrades.md tells.

use std::os::unix::fs::PermissionsExt;

use super::{Server, in_the_pod, installed};

const PASSWORD: &str = "a p@ss/w:o#r%d";

#[test]
fn a_dump_is_whole_brings_everything_back_and_only_the_newest_stay() {
    for bin in installed() {
        let server = Server::start(&bin, PASSWORD);
        server.sh("mkdir dumps && touch dumps/stopped.dump.part dumps/of-somebody");
        for day in 1..=6 {
            server.sh(&format!("touch -d 2026-01-0{day} dumps/jupyterhub-4.1.6-to-5.5.0-2026010{day}T000000Z.dump"));
        }
        let before = server.users();

        let wrong = server.dump("another", &[("FILE", "wrong.dump"), ("KEPT", "5")]);
        assert!(!wrong.status.success());
        assert!(String::from_utf8_lossy(&wrong.stderr).contains("password authentication failed"), "{wrong:?}");
        assert_eq!(server.dumps().len(), 7, "a dump that failed removes none that is whole: {:?}", server.dumps());

        let file = "jupyterhub-5.5.0-to-6.1.1-20261122T101500Z.dump";
        let run = server.dump(PASSWORD, &[("FILE", file), ("KEPT", "5")]);
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let said = String::from_utf8(run.stdout).unwrap();
        assert!(said.contains(file) && !said.contains(PASSWORD), "{said}");
        let mode = std::fs::metadata(server.path("dumps").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left = server.dumps();
        assert_eq!(left.len(), 6, "five dumps and what is not ours: {left:?}");
        assert!(left.contains(&file.to_owned()) && left.contains(&"of-somebody".to_owned()), "{left:?}");
        assert!(!left.iter().any(|name| name.contains("20260102") || name.ends_with(".part")), "{left:?}");

        // What a migration does: it changes what was, and adds what hangs on it.
        server.sh("psql -q -U postgres -d jhub -c 'SET ROLE jhub' -c 'ALTER TABLE users DROP COLUMN old' \
             -c 'CREATE TABLE shares (name text REFERENCES users)' -c \"INSERT INTO shares VALUES ('anna')\"");
        assert_ne!(server.users(), before);
        let steps = in_the_pod("docs/upgrades.md", "### Back to the database of before");
        assert_eq!(steps.len(), 3, "{steps:?}");
        for step in steps {
            server.sh(&step.replace("before.dump", &format!("dumps/{file}")));
        }
        assert_eq!(server.users(), before);
        let owner = server.sh(
            "psql -At -U postgres -d jhub -c \"SELECT tableowner FROM pg_tables WHERE tablename IN ('users', 'shares')\"",
        );
        assert_eq!(owner, "jhub\n", "the hub's role owns it, and what the migration added is gone");
    }
}
