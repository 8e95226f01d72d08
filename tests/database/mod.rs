//! What we run inside of a database's pods, on real PostgreSQL: of the machine, and a newer one where
//! `scripts/apps.sh` has installed it.

mod backup;
mod bitnami;
mod dump;
mod external;
mod prepare;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::{read, repo};

/// Every PostgreSQL that there is, the oldest first; none is said.
pub(crate) fn installed() -> Vec<PathBuf> {
    let output = Command::new(repo().join("scripts/apps.sh")).arg("postgres").output().unwrap();
    let found: Vec<PathBuf> = String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect();
    if found.is_empty() {
        eprintln!("SKIPPED: no PostgreSQL");
    }
    if is_root() && !Command::new("id").args(["-u", "postgres"]).output().is_ok_and(|id| id.status.success()) {
        eprintln!("SKIPPED: PostgreSQL refuses root, and there is no user postgres");
        return Vec::new();
    }
    found
}

/// Each PostgreSQL with the next newer one; that there is only one is said.
fn neighbours() -> Vec<(PathBuf, PathBuf)> {
    let all = installed();
    if all.len() == 1 {
        eprintln!("SKIPPED: one PostgreSQL alone; `scripts/apps.sh install` brings a newer one");
    }
    all.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

/// A folder as a pod of the database sees it: its programs, and volumes.
struct Pod {
    folder: tempfile::TempDir,
}

impl Pod {
    fn new(bin: &Path) -> Self {
        let folder =
            tempfile::Builder::new().prefix("iris-pod").permissions(PermissionsExt::from_mode(0o755)).tempdir();
        let pod = Self { folder: folder.unwrap() };
        if is_root() {
            succeed(Command::new("chown").arg("postgres").arg(pod.folder.path()));
        }
        let mut programs = bin.to_owned();
        if !pod.run("\"$BIN/initdb\" --version", &[("BIN", &bin.display().to_string())]).status.success() {
            // It is in the cache of somebody whose folders are closed, and it is a package of two folders.
            let package = bin.ancestors().nth(3).unwrap();
            succeed(Command::new("cp").arg("-r").arg(package).arg(pod.path("package")));
            programs = pod.path("package").join(bin.strip_prefix(package).unwrap());
        }
        std::os::unix::fs::symlink(programs, pod.path("programs")).unwrap();
        pod
    }

    /// Runs as who may run PostgreSQL, in the folder.
    fn run(&self, script: &str, env: &[(&str, &str)]) -> Output {
        let mut command = Command::new(if is_root() { "setpriv" } else { "env" });
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
        }
        command.args(["bash", "-c", script]).current_dir(self.folder.path()).env_clear();
        let programs = self.path("programs");
        command.env("PATH", format!("{}:/usr/bin:/bin", programs.display())).env("PGHOST", self.folder.path());
        command.env("LC_ALL", "C").envs(env.iter().copied()).output().unwrap()
    }

    fn sh(&self, script: &str) -> String {
        let output = self.run(script, &[]);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// Runs the script that dumps as the Job and the `CronJob` do.
    fn dump(&self, password: &str, more: &[(&str, &str)]) -> Output {
        let script = read(&repo().join("charts/postgresql/helm/files/dump.sh"));
        let folder = self.path("dumps").display().to_string();
        let env = [
            ("PGUSER", "jhub"),
            ("PGDATABASE", "jhub"),
            ("PGPASSWORD", password),
            ("FOLDER", folder.as_str()),
            ("SCRIPT", script.as_str()),
        ];
        self.run("exec sh -c \"$SCRIPT\"", &[&env, more].concat())
    }

    fn dumps(&self) -> Vec<String> {
        crate::common::entries(&self.path("dumps"))
    }

    fn users(&self) -> String {
        self.sh("psql -At -U postgres -d jhub -c 'SELECT * FROM users ORDER BY name'")
    }
}

/// A server of its own, on a socket and on no port, with a database that has something in it.
struct Server(Pod);

impl Server {
    fn start(bin: &Path, password: &str) -> Self {
        let pod = Pod::new(bin);
        pod.sh("initdb -D data -U postgres --auth-local=scram-sha-256 --pwfile=<(printf secret) -N >/dev/null");
        // The superuser as in our chart: nobody but who is in the pod.
        pod.sh("sed -i '1i local all postgres trust' data/pg_hba.conf");
        pod.sh("pg_ctl -D data -w -l log -o \"-c listen_addresses= -c unix_socket_directories=$PWD -c fsync=off\" start >/dev/null");
        pod.sh(&format!(
            "psql -q -U postgres -c \"CREATE ROLE jhub LOGIN PASSWORD '{password}'\" -c 'CREATE DATABASE jhub OWNER jhub'"
        ));
        pod.sh(
            "psql -q -U postgres -d jhub -c 'SET ROLE jhub' -c 'CREATE TABLE users (name text PRIMARY KEY, old int)' \
             -c \"INSERT INTO users VALUES ('anna', 1), ('bob', 2)\"",
        );
        Self(pod)
    }
}

impl std::ops::Deref for Server {
    type Target = Pod;

    fn deref(&self) -> &Pod {
        &self.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.run("pg_ctl -D data -m immediate stop", &[]);
    }
}

/// The commands of a document that run inside of the database's pod, under a heading of it.
fn in_the_pod(document: &str, heading: &str) -> Vec<String> {
    const BEGIN: &str = "kubectl exec -i -n dhub postgresql-0 -c postgresql -- ";
    let markdown = read(&repo().join(document));
    let (_, part) = markdown.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let level = heading.split(' ').next().unwrap();
    let part = part.split(&format!("\n{level} ")).next().unwrap();
    part.lines().filter_map(|line| line.trim_start().strip_prefix(BEGIN)).map(str::to_owned).collect()
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
