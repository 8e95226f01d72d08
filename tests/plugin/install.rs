//! `helm plugin install`: what the hook does and says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Helm, Plugged, helms};
use crate::common;

/// A folder with a program in it is installed as it is, as a link.
#[test]
fn a_program_that_is_there_is_used() {
    for helm in helms("plugin install") {
        let plugged = Plugged::without_plugin(&helm);
        let ran = plugged.helm(&["plugin", "install", &plugged.folder().to_string_lossy()]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.stderr.contains("which came with the plugin"), "{ran}");

        let version = format!("helm-iris {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(plugged.helm_ok(&["iris", "--version"]), version);
        let list = plugged.helm_ok(&["plugin", "list"]);
        let row = list.lines().find(|line| line.starts_with("iris")).unwrap_or_default();
        assert!(row.contains(env!("CARGO_PKG_VERSION")), "plugin.yaml has the version of Cargo.toml: {list}");
        assert!(plugged.helm_ok(&["help", "iris"]).contains("helm iris --help"), "helm knows the description");

        plugged.helm_ok(&["plugin", "uninstall", "iris"]);
        assert_ne!(plugged.helm(&["iris", "--version"]).code, Some(0), "uninstalled");
        assert!(plugged.folder().join("plugin.yaml").exists(), "only the link is removed");
    }
}

/// Cargo decides whether there is anything to build; what it says it built is what is installed.
/// This cargo is a fake, because a real build takes minutes: `scripts/demo.sh` makes one.
#[test]
fn sources_are_built_by_cargo() {
    for helm in helms("plugin install from sources") {
        let plugged = Plugged::without_plugin(&helm);
        sources(&plugged.folder());
        fs::remove_file(plugged.folder().join("bin/helm-iris")).unwrap();
        let elsewhere = plugged.env.root().join("elsewhere/helm-iris");
        common::write(&elsewhere, fs::read(env!("CARGO_BIN_EXE_helm-iris")).unwrap());
        fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o755)).unwrap();
        let answer = format!(r#"{{"reason":"compiler-artifact","executable":"{}"}}"#, elsewhere.display());
        cargo(&plugged, "1.999.0", &format!("echo \"$PWD $*\" >\"$HOME/asked\"; echo '{answer}'"));

        let ran = plugged.helm(&["plugin", "install", &plugged.folder().to_string_lossy()]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.stderr.contains("takes 4 to 10 minutes"), "it says how long it may take: {ran}");
        let asked = common::read(&plugged.env.root().join("home/asked"));
        assert!(asked.starts_with(&*plugged.folder().to_string_lossy()), "{asked}");
        assert!(asked.contains("build --release --locked"), "{asked}");
        assert!(plugged.helm_ok(&["iris", "--version"]).contains(env!("CARGO_PKG_VERSION")));
    }
}

/// Where it can do neither, it says why and how to go on.
#[test]
fn neither_a_program_nor_cargo() {
    let refused = |helm: &Helm, expected: &str, prepare: &dyn Fn(&Plugged)| {
        let plugged = Plugged::without_plugin(helm);
        fs::remove_file(plugged.folder().join("bin/helm-iris")).unwrap();
        prepare(&plugged);
        let ran = plugged.helm(&["plugin", "install", &plugged.folder().to_string_lossy()]);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains(expected) && ran.stderr.contains("  fix: "), "{expected}: {ran}");
    };
    for helm in helms("plugin install without cargo") {
        refused(&helm, "neither a program nor its sources", &|_| {});
        refused(&helm, "no cargo to build it with", &|plugged| sources(&plugged.folder()));
        refused(&helm, "cargo 1.75.0 is too old", &|plugged| {
            sources(&plugged.folder());
            cargo(plugged, "1.75.0", "exit 1");
        });
        refused(&helm, "cargo could not build the program", &|plugged| {
            sources(&plugged.folder());
            cargo(plugged, "1.999.0", "echo 'error: failed to fetch' >&2; exit 101");
        });
        refused(&helm, "is not helm-iris", &|plugged| {
            program(&plugged.folder().join("bin/helm-iris"), "echo helm-iris 0.0.1");
        });
    }
}

fn sources(plugin: &Path) {
    fs::copy(common::repo().join("Cargo.toml"), plugin.join("Cargo.toml")).unwrap();
}

/// A cargo where rustup puts it.
fn cargo(plugged: &Plugged, version: &str, build: &str) {
    let script = format!("case $1 in --version) echo 'cargo {version} (0000000 2026-01-01)' ;; *) {build} ;; esac");
    program(&plugged.env.root().join("home/.cargo/bin/cargo"), &script);
}

fn program(path: &Path, script: &str) {
    common::write(path, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
