//! The script that dumps a database, on a real PostgreSQL, and the way back that docs/upgrades.md tells.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::repo;

const PASSWORD: &str = "a p@ss/w:o#r%d";

/// A server of its own, on a socket and on no port.
pub(crate) struct Server {
    bin: PathBuf,
    folder: tempfile::TempDir,
}

impl Server {
    /// None where there is no PostgreSQL, or nobody to run it as: it refuses root.
    pub(crate) fn start() -> Option<Self> {
        let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        let bin = installed.map(|version| version.unwrap().path().join("bin")).find(|bin| bin.join("initdb").exists());
        let Some(bin) = bin else {
            eprintln!("SKIPPED: no PostgreSQL in /usr/lib/postgresql");
            return None;
        };
        let folder =
            tempfile::Builder::new().prefix("iris-dump").permissions(PermissionsExt::from_mode(0o755)).tempdir();
        let server = Self { bin, folder: folder.unwrap() };
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(server.folder.path()).status();
            if !owned.is_ok_and(|status| status.success()) {
                eprintln!("SKIPPED: PostgreSQL refuses root, and there is no user postgres");
                return None;
            }
        }
        server.sh("initdb -D data -U postgres --auth-local=scram-sha-256 --pwfile=<(printf secret) -N >/dev/null");
        // The superuser as in our chart: nobody but who is in the pod.
        server.sh("sed -i '1i local all postgres trust' data/pg_hba.conf");
        server.sh("pg_ctl -D data -w -l log -o \"-c listen_addresses= -c unix_socket_directories=$PWD -c fsync=off\" start >/dev/null");
        server.sh(&format!(
            "psql -q -U postgres -c \"CREATE ROLE jhub LOGIN PASSWORD '{PASSWORD}'\" -c 'CREATE DATABASE jhub OWNER jhub'"
        ));
        server.sh(
            "psql -q -U postgres -d jhub -c 'SET ROLE jhub' -c 'CREATE TABLE users (name text PRIMARY KEY, old int)' \
             -c \"INSERT INTO users VALUES ('anna', 1), ('bob', 2)\"",
        );
        Some(server)
    }

    /// Runs as who may run PostgreSQL, in the folder.
    pub(crate) fn run(&self, script: &str, env: &[(&str, &str)]) -> Output {
        let mut command = Command::new(if is_root() { "setpriv" } else { "env" });
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
        }
        command.args(["bash", "-c", script]).current_dir(self.folder.path()).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", self.bin.display())).env("PGHOST", self.folder.path());
        command.env("LC_ALL", "C").envs(env.iter().copied()).output().unwrap()
    }

    pub(crate) fn sh(&self, script: &str) -> String {
        let output = self.run(script, &[]);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the script as the Job does.
    fn dump(&self, file: &str, password: &str) -> Output {
        let script = std::fs::read_to_string(repo().join("src/apply/dump/dump.sh")).unwrap();
        let folder = self.path("dumps").display().to_string();
        let env = [
            ("PGUSER", "jhub"),
            ("PGDATABASE", "jhub"),
            ("PGPASSWORD", password),
            ("FOLDER", folder.as_str()),
            ("FILE", file),
            ("KEPT", "5"),
            ("SCRIPT", script.as_str()),
        ];
        self.run("exec sh -c \"$SCRIPT\"", &env)
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    fn users(&self) -> String {
        self.sh("psql -At -U postgres -d jhub -c 'SELECT * FROM users ORDER BY name'")
    }

    fn dumps(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path("dumps"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.run("pg_ctl -D data -m immediate stop", &[]);
    }
}

fn is_root() -> bool {
    let of = |path: &Path| std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).unwrap());
    of(Path::new("/proc/self")) == 0
}

#[test]
fn a_dump_is_whole_brings_everything_back_and_only_the_newest_stay() {
    let Some(server) = Server::start() else { return };
    server.sh("mkdir dumps && touch dumps/stopped.dump.part dumps/of-somebody");
    for day in 1..=6 {
        server.sh(&format!("touch -d 2026-01-0{day} dumps/jupyterhub-4.1.6-to-5.5.0-2026010{day}T000000Z.dump"));
    }
    let before = server.users();

    let wrong = server.dump("wrong.dump", "another");
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("password authentication failed"), "{wrong:?}");
    assert_eq!(server.dumps().len(), 7, "a dump that failed removes none that is whole: {:?}", server.dumps());

    let file = "jupyterhub-5.5.0-to-6.1.1-20261122T101500Z.dump";
    let run = server.dump(file, PASSWORD);
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
    for step in restoring() {
        server.sh(&step.replace("before.dump", &format!("dumps/{file}")));
    }
    assert_eq!(server.users(), before);
    let owner = server.sh(
        "psql -At -U postgres -d jhub -c \"SELECT tableowner FROM pg_tables WHERE tablename IN ('users', 'shares')\"",
    );
    assert_eq!(owner, "jhub\n", "the hub's role owns it, and what the migration added is gone");
}

/// The commands of the documentation that run inside of the database's pod.
fn restoring() -> Vec<String> {
    let markdown = std::fs::read_to_string(repo().join("docs/upgrades.md")).unwrap();
    let commands: Vec<String> = markdown
        .lines()
        .filter_map(|line| line.strip_prefix("kubectl exec -i -n dhub postgresql-0 -c postgresql -- "))
        .map(str::to_owned)
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    commands
}
