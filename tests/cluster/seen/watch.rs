//! A watcher of everything that others on the machine could read while a command runs: arguments and
//! environments of all processes, and all files that are not for their owner alone.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use walkdir::WalkDir;

/// A watcher at work.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    processes: JoinHandle<BTreeSet<Vec<u8>>>,
    files: JoinHandle<BTreeMap<Vec<u8>, String>>,
}

/// What a watcher saw, each content once.
pub(crate) struct Seen {
    /// Arguments and environments.
    pub(crate) processes: BTreeSet<Vec<u8>>,
    /// Contents of files that others could read, at some moment, with the path.
    pub(crate) files: BTreeMap<Vec<u8>, String>,
}

impl Watch {
    /// Watches all processes, and the files below a folder.
    pub(crate) fn start(root: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (one, other, root) = (Arc::clone(&stop), Arc::clone(&stop), root.to_owned());
        let processes = thread::spawn(move || watch(&one, 20, processes));
        let files = thread::spawn(move || {
            let mut known = BTreeSet::new();
            watch(&other, 4, |seen| open_files(&root, &mut known, seen))
        });
        Self { stop, processes, files }
    }

    /// Looks a last time and tells.
    pub(crate) fn end(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        Seen { processes: self.processes.join().unwrap(), files: self.files.join().unwrap() }
    }
}

impl Seen {
    /// Where a text was to be read.
    pub(crate) fn places(&self, text: &str) -> Vec<&str> {
        let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        let files = self.files.iter().filter(|(bytes, _)| holds(bytes)).map(|(_, path)| path.as_str());
        files.chain(self.processes.iter().any(|bytes| holds(bytes)).then_some("a process")).collect()
    }
}

fn watch<T: Default>(stop: &AtomicBool, pause: u64, mut look: impl FnMut(&mut T)) -> T {
    let mut seen = T::default();
    loop {
        let last = stop.load(Ordering::Relaxed);
        look(&mut seen);
        if last {
            return seen;
        }
        thread::sleep(Duration::from_millis(pause));
    }
}

fn processes(seen: &mut BTreeSet<Vec<u8>>) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        if entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            seen.extend(["cmdline", "environ"].map(|file| std::fs::read(entry.path().join(file)).unwrap_or_default()));
        }
    }
}

/// A file by what changes when it is written.
type State = (PathBuf, u64, i64, i64, u64, u32);

fn open_files(root: &Path, known: &mut BTreeSet<State>, seen: &mut BTreeMap<Vec<u8>, String>) {
    // Files come and go while this looks.
    for entry in WalkDir::new(root).into_iter().filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
        let Ok(meta) = entry.metadata() else { continue };
        let mode = meta.permissions().mode() & 0o7777;
        let state = (entry.path().to_owned(), meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len(), mode);
        if mode == 0o600 || !known.insert(state) {
            continue;
        }
        if let Ok(bytes) = std::fs::read(entry.path()) {
            seen.insert(bytes, format!("{} ({mode:04o})", entry.path().display()));
        }
    }
}

/// The control of all that is looked for: an argument, a variable and a file that is gone a moment
/// later are seen, a file of its owner is not.
#[test]
fn the_watcher_sees_what_others_could_read() {
    let folder = tempfile::tempdir().unwrap();
    let watch = Watch::start(folder.path());
    let mut child = std::process::Command::new("sh")
        .args(["-c", "sleep 0.2", "planted-as-an-argument"])
        .env("CONTROL", "planted-in-the-environment")
        .spawn()
        .unwrap();
    let write = |name: &str, text: &str, mode| {
        let path = folder.path().join(name);
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let open = write("open", "planted-in-an-open-file", 0o640);
    write("private", "planted-in-a-private-file", 0o600);
    thread::sleep(Duration::from_millis(40));
    std::fs::remove_file(open).unwrap();
    child.wait().unwrap();
    let seen = watch.end();
    assert_eq!(seen.places("planted-as-an-argument"), ["a process"]);
    assert_eq!(seen.places("planted-in-the-environment"), ["a process"]);
    assert_eq!(seen.places("planted-in-an-open-file").len(), 1);
    assert!(seen.places("planted-in-a-private-file").is_empty());
}
