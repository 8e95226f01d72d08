//! Folders that cannot be written and disks that are full: nothing is lost, and the same command
//! goes on when there is room again.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::common::{Run, TestEnv, Tree, skipped, snapshot};

/// A user without rights on what root owns.
const NOBODY: u32 = 65534;

#[test]
fn files_where_folders_should_be() {
    let mut out = String::new();
    let mut refused = |title: &str, set_up: &dyn Fn(&TestEnv)| {
        let env = TestEnv::with_site("profile: cumulus\n");
        set_up(&env);
        let before = env.tree();
        let run = env.run(&["render", "daskhub"]);
        assert_eq!(run.code, Some(1), "{title}\n{run}");
        before.assert_kept_in(&env.tree());
        assert!(!env.tree().has("dhub/bundle.yaml"), "{title}: there is no bundle");
        out += &format!("## {title}\n{run}\n");
    };
    refused("the bundle is a file", &|env| env.write("dhub", "mine"));
    refused("a chart's folder is a file", &|env| env.write("dhub/daskhub", "mine"));
    refused("the store's folder is a file", &|env| env.write(".helm-iris", "mine"));
    refused("a file of the bundle is a folder", &|env| env.write("dhub/REVIEW.md/x", "mine"));
    refused("the lock is a folder", &|env| env.write("iris.lock/x", "mine"));
    refused("the charts folder is a file", &|env| env.write("charts", "mine"));
    refused("a link that leads nowhere", &|env| symlink("nowhere/at/all", env.path("dhub")).unwrap());
    refused("the cache is a file", &|env| crate::common::write(&env.cache(), "mine"));
    snapshot("world__files_for_folders", out);
}

/// Without rights: as another user, if root runs the tests; root may write anywhere.
#[test]
fn a_folder_without_rights() {
    let mut out = String::new();
    let root = rustix::process::getuid().is_root();
    for (title, locked) in [
        ("the folder", "work"),
        ("the bundle", "work/dhub"),
        ("the store", "work/.helm-iris"),
        ("a chart's folder", "work/dhub/daskhub"),
        ("the cache", "cache"),
    ] {
        let env = TestEnv::with_site("profile: cumulus\n");
        std::fs::create_dir_all(env.cache()).unwrap();
        // The binary may be in a folder that others cannot enter.
        let binary = env.root().join("bin/helm-iris");
        std::fs::copy(env!("CARGO_BIN_EXE_helm-iris"), &binary).unwrap();
        let run = |args: &[&str]| {
            let mut command = Command::new(&binary);
            env.clear(&mut command);
            command.args(args).current_dir(env.path(""));
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            env.finish(args, &command.output().unwrap())
        };
        if root {
            own(env.root());
        }
        if locked != "work" {
            let first = run(&["render", "daskhub"]);
            assert_eq!(first.code, Some(0), "a control: with rights it works\n{first}");
        }
        env.edit("iris.yaml", "cumulus", "kind");
        let folder = env.root().join(locked);
        if locked == "cache" {
            std::fs::remove_dir_all(env.cache()).unwrap();
        }
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
        let before = env.tree();
        let run = run(&["render", "daskhub"]);
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let after = env.tree();
        // A bundle can stop between two files; then the next command finishes it.
        if locked == "work/dhub/daskhub" {
            env.ok(&["render", "daskhub"]);
            assert!(env.read("dhub/daskhub/values.yaml").contains("\"ClusterIP\""));
        } else if locked != "work/.helm-iris" {
            assert_eq!(before.public(), after.public(), "{title}\n{run}");
        }
        assert!(run.code == Some(1) || locked == "work/.helm-iris", "{run}");
        out += &format!("## {title}\n{run}\n");
    }
    snapshot("world__no_rights", out);
}

/// Gives everything below a folder to the user without rights.
fn own(folder: &Path) {
    for entry in walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap) {
        std::os::unix::fs::chown(entry.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// A script in which a folder is a file system of its own, where the kernel lets us make one.
struct SmallDisk<'e> {
    env: &'e TestEnv,
}

impl SmallDisk<'_> {
    /// Runs the script with `$disk` a tmpfs of so many kilobytes that holds the working folder's
    /// files; copies them back to `<root>/after`. None where no file system can be made.
    fn run(&self, kilobytes: u32, script: &str) -> Option<(Run, Tree)> {
        let root = self.env.root();
        let (disk, after) = (root.join("disk"), root.join("after"));
        let _ = std::fs::remove_dir_all(&after);
        std::fs::create_dir_all(&disk).unwrap();
        std::fs::create_dir_all(&after).unwrap();
        let whole = format!(
            "mount -t tmpfs -o size={kilobytes}k,mode=755 none {disk} || exit 77\n\
             cp -a {work}/. {disk}/ || exit 78\ncd {disk} || exit 78\n{script}\ncode=$?\n\
             cp -a {disk}/. {after}/\nexit $code\n",
            disk = disk.display(),
            work = root.join("work").display(),
            after = after.display(),
        );
        let args = ["render", "daskhub"];
        let mut command = Command::new("unshare");
        self.env.clear(&mut command);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("IRIS", env!("CARGO_BIN_EXE_helm-iris"));
        command.args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", &whole]);
        let output = command.output().ok()?;
        if output.status.code() == Some(77) || output.stderr.starts_with(b"unshare: ") {
            return None;
        }
        let run = self.env.finish(&args, &output);
        assert_ne!(run.code, Some(78), "{run}");
        Some((run, Tree::of(&after)))
    }
}

/// At every amount of free space: it works or it says so, keeps every file whole, and works when
/// there is room again.
#[test]
fn a_full_disk_loses_nothing() {
    let env = TestEnv::with_site("profile: cumulus\n");
    env.ok(&["render", "daskhub"]);
    let secrets = env.secrets();
    let old = env.tree();
    env.write("iris.yaml", "profile: cumulus\nusers: {homeSize: 77Gi, startTimeout: 1234}\n");
    let disk = SmallDisk { env: &env };
    let Some((run, new)) = disk.run(4096, "$IRIS render daskhub") else {
        return skipped("a full disk", "no file system can be mounted here");
    };
    assert_eq!(run.code, Some(0), "a control: with room it works\n{run}");
    assert_ne!(new, old);
    let (mut met, mut shown) = (0, String::new());
    for free in (0..=80).step_by(8) {
        // A filler takes all that is left, then gives so much back.
        let fill = format!(
            "dd if=/dev/zero of=filler bs=1k count=100000 2>/dev/null; truncate -s -{free}k filler; \
             $IRIS render daskhub; code=$?; rm filler; (exit $code)"
        );
        let (run, after) = disk.run(1024, &fill).unwrap();
        for (path, file) in after.files().filter(|(path, _)| !path.ends_with(".tmp") && *path != "iris.yaml") {
            let whole = [&old, &new].iter().any(|tree| tree.has(path) && tree.text(path).as_bytes() == file.bytes);
            assert!(whole || path.ends_with("bundle.next.yaml"), "{free}k: {path} is neither the old nor the new file");
        }
        for (path, _) in old.files() {
            assert!(after.has(path), "{free}k: {path} is lost\n{run}");
        }
        let again = format!("{}; $IRIS render daskhub", fill.replace("(exit $code)", "true"));
        let (then, finished) = disk.run(1024, &again).unwrap();
        assert_eq!(then.code, Some(0), "{free}k: with room again\n{then}");
        let temporary =
            |tree: &Tree| tree.public().into_iter().filter(|(path, _)| !path.ends_with(".tmp")).collect::<Vec<_>>();
        assert_eq!(temporary(&finished), temporary(&new), "{free}k");
        assert_eq!(finished.text(".helm-iris/dhub.secrets.yaml"), old.text(".helm-iris/dhub.secrets.yaml"));
        if run.code != Some(0) {
            met += 1;
            assert_eq!(run.code, Some(1), "{run}");
            assert!(run.stderr.contains("No space left on device") && run.stderr.contains("free some space"), "{run}");
            if shown.is_empty() {
                shown = run.to_string();
            }
        }
    }
    assert!(met >= 3, "a control: {met} runs met a full disk");
    assert!(!secrets.is_empty());
    snapshot("world__full_disk", shown.replace(&*env.root().to_string_lossy(), "[ROOT]"));
}

#[test]
fn a_disk_that_cannot_be_written_loses_nothing() {
    let env = TestEnv::with_site("profile: cumulus\n");
    env.ok(&["render", "daskhub"]);
    let before = env.tree();
    env.edit("iris.yaml", "cumulus", "kind");
    let disk = SmallDisk { env: &env };
    let Some((run, after)) = disk.run(4096, "mount -o remount,ro . && $IRIS render daskhub") else {
        return skipped("a read-only disk", "no file system can be mounted here");
    };
    assert_eq!(run.code, Some(1), "{run}");
    for (path, file) in before.files().filter(|(path, _)| *path != "iris.yaml") {
        assert_eq!(after.text(path).as_bytes(), file.bytes, "{path}");
    }
    // What needs no writing works there.
    let (same, _) = disk
        .run(4096, "sed -i s/kind/cumulus/ iris.yaml; mount -o remount,ro . && $IRIS profiles show cumulus")
        .unwrap();
    assert_eq!(same.code, Some(0), "{same}");
    snapshot("world__read_only", run);
}
