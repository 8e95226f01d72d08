//! Files, with the path in every error. The only place that reads or writes them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind as IoKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// What people write is small; larger is a mistake.
const MAX_TEXT: u64 = 1024 * 1024;

/// Who may read a file that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As the umask allows.
    Shared,
    /// The owner alone, from the first byte on.
    Private,
}

/// Reads a text file that a person wrote.
///
/// # Errors
/// Missing, unreadable, larger than 1 MiB, or not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = read_limited(path, MAX_TEXT)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
        Error::user(format!("{}:{line}: not UTF-8 text", path.display()))
            .because(format!("byte {at} does not belong to a UTF-8 character"))
            .hint("save the file as UTF-8")
    })
}

/// Reads a text file, or nothing where there is none.
///
/// # Errors
/// As [`read_text`], but a missing file is no error.
pub fn read_text_if_any(path: &Path) -> Result<Option<String>> {
    if exists(path)? { read_text(path).map(Some) } else { Ok(None) }
}

/// Whether something stands at the path.
///
/// # Errors
/// When the folder cannot be looked at.
pub fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|error| failed("look at", path, &error))
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// Missing, unreadable, not a regular file, or larger.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    // Asked before it is opened: opening a pipe waits for somebody to write.
    let meta = fs::metadata(path).map_err(|error| failed("read", path, &error))?;
    if !meta.is_file() {
        return Err(Error::user(format!("cannot read {}", path.display())).because("it is not a file"));
    }
    let too_large = || {
        Error::user(format!("{} is too large", path.display()))
            .because(format!("more than {limit} bytes"))
            .hint("is it the right file?")
    };
    if meta.len() > limit {
        return Err(too_large());
    }
    let file = File::open(path).map_err(|error| failed("read", path, &error))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| failed("read", path, &error))?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// Writes a file whole or not at all: to a temporary file beside it, then renamed.
///
/// # Errors
/// When the folder cannot be written or the disk is full; the old content then still stands.
pub fn write(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    replace(path, bytes, access, |_| Ok(()))
}

/// As [`write()`], and on the disk before it returns: for what cannot be made again.
///
/// # Errors
/// As [`write()`].
pub fn write_durable(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    replace(path, bytes, access, File::sync_all)?;
    // The name, too: what comes next may remove the only other copy.
    let folder = folder_of(path);
    File::open(folder).and_then(|handle| handle.sync_all()).map_err(|error| failed("write", folder, &error))
}

/// Writes a person's own file anew, where it really is and as readable as it was.
///
/// # Errors
/// As [`write()`].
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<()> {
    let there = path.exists();
    let real =
        if there { fs::canonicalize(path).map_err(|error| failed("find", path, &error))? } else { path.to_owned() };
    let private = there && fs::metadata(&real).is_ok_and(|meta| meta.permissions().mode() & 0o077 == 0);
    write_durable(&real, bytes, if private { Access::Private } else { Access::Shared })
}

fn replace(path: &Path, bytes: &[u8], access: Access, settle: impl Fn(&File) -> std::io::Result<()>) -> Result<()> {
    let folder = folder_of(path);
    let mode = match access {
        Access::Shared => 0o666,
        Access::Private => 0o600,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut temporary = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".tmp")
        .make_in(folder, |path| OpenOptions::new().write(true).create_new(true).mode(mode).open(path))
        .map_err(|error| failed("write", path, &error))?;
    temporary
        .as_file_mut()
        .write_all(bytes)
        .and_then(|()| settle(temporary.as_file()))
        .map_err(|error| failed("write", path, &error))?;
    temporary.persist(path).map_err(|error| failed("write", path, &error.error))?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Longer than any write takes.
const LEFT_LYING: Duration = Duration::from_mins(1);

/// Removes the temporary files that killed writes left in a folder; they may hold secrets.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    remove_temporaries(folder, is_temporary)
}

/// As [`remove_leftovers`], of writes to one file alone: in a folder that is not ours.
///
/// # Errors
/// As [`remove_leftovers`].
pub fn remove_leftovers_of(path: &Path) -> Result<()> {
    let prefix = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    remove_temporaries(folder_of(path), |name| name.starts_with(&prefix) && is_temporary(name))
}

fn remove_temporaries(folder: &Path, ours: impl Fn(&str) -> bool) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| failed("read", folder, &error))? {
        let entry = entry.map_err(|error| failed("read", folder, &error))?;
        let old = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if ours(&entry.file_name().to_string_lossy()) && old().is_some_and(|age| age > LEFT_LYING) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether a name is one that [`write()`] gives: `.values.yaml.Ab12Cd.tmp`.
fn is_temporary(name: &str) -> bool {
    let parts = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp")?.rsplit_once('.'));
    parts.is_some_and(|(_, random)| random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Makes a folder and its parents.
///
/// # Errors
/// When that is not allowed.
pub fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| failed("make the folder", path, &error))
}

/// Renames within one folder.
///
/// # Errors
/// When that is not allowed.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| failed("rename to", to, &error))
}

/// Removes a file; one that is not there is no error.
///
/// # Errors
/// When that is not allowed.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != IoKind::NotFound => Err(failed("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Refuses a secret file that others may read.
///
/// # Errors
/// When group or others have any right on it.
pub fn require_private(path: &Path) -> Result<()> {
    let mode = fs::metadata(path).map_err(|error| failed("look at", path, &error))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::user(format!("{} can be read by others", path.display()))
        .because(format!("it holds secrets and its mode is {:04o}", mode & 0o7777))
        .hint(format!("chmod 600 {}", path.display())))
}

/// A folder that is held against other processes until this is dropped.
#[derive(Debug)]
pub struct Held {
    _handle: File,
}

/// Longer than a command holds a folder that does not wait for a person.
const SOON: Duration = Duration::from_secs(1);

/// Waits until no other process holds the folder, and holds it. Where that takes long, it tells once who
/// has it, if that can be known.
///
/// # Errors
/// When the folder cannot be opened.
pub fn hold(folder: &Path, tell: impl FnOnce(Option<String>)) -> Result<Held> {
    let handle = open_folder(folder)?;
    if !holds_soon(folder, &handle)? {
        tell(holder(folder));
        handle.lock().map_err(|error| failed("hold", folder, &error))?;
    }
    Ok(Held { _handle: handle })
}

/// Holds the folder, unless another process does for longer than a moment: then it says who, if that can be known.
///
/// # Errors
/// When the folder cannot be opened.
pub fn try_hold(folder: &Path) -> Result<Result<Held, Option<String>>> {
    let handle = open_folder(folder)?;
    Ok(if holds_soon(folder, &handle)? { Ok(Held { _handle: handle }) } else { Err(holder(folder)) })
}

fn open_folder(folder: &Path) -> Result<File> {
    File::open(folder).map_err(|error| failed("read", folder, &error))
}

fn holds_soon(folder: &Path, handle: &File) -> Result<bool> {
    let since = Instant::now();
    while since.elapsed() < SOON {
        match handle.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => std::thread::sleep(SOON / 50),
            Err(TryLockError::Error(error)) => return Err(failed("hold", folder, &error)),
        }
    }
    Ok(false)
}

/// The process that holds a folder, where the system tells (Linux, and it is of this machine).
fn holder(folder: &Path) -> Option<String> {
    let inode = fs::metadata(folder).ok()?.ino();
    let locks = system_file("/proc/locks")?;
    // `1: FLOCK ADVISORY WRITE 4711 08:01:1234 0 EOF`; a `->` stands before those who wait. The device is not
    // everywhere the one that `stat` tells, so the number has to be the only one of its kind.
    let mut pids = locks.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (kind, pid, file) = (fields.next()?, fields.nth(2)?, fields.next()?);
        let is_it = kind == "FLOCK" && file.rsplit(':').next()?.parse() == Ok(inode);
        pid.parse::<u32>().ok().filter(|pid| is_it && *pid > 0)
    });
    let pid = pids.next().filter(|_| pids.next().is_none())?;
    let name = system_file(&format!("/proc/{pid}/comm"));
    Some(name.map_or_else(|| format!("process {pid}"), |name| format!("process {pid} ({})", name.trim())))
}

/// Files of the system say that they are empty, and are not.
fn system_file(path: &str) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_TEXT).read_to_string(&mut text).ok()?;
    Some(text)
}

/// SHA-256 in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or_default();
    Sha256::digest(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A path that leads to the same file from every folder.
///
/// # Errors
/// When the current folder is gone.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| failed("find", path, &error))
}

/// An input or output error with its path and the usual way out.
pub fn failed(verb: &str, path: &Path, error: &std::io::Error) -> Error {
    let shown = Error::user(format!("cannot {verb} {}", path.display())).because(error);
    match error.kind() {
        IoKind::NotFound => shown.hint("check the path"),
        IoKind::PermissionDenied => shown.hint("check the rights of the file and its folder"),
        IoKind::NotADirectory => shown.hint("a file stands where a folder is needed: move it away"),
        IoKind::ReadOnlyFilesystem => shown.hint("run the command in a folder that can be written"),
        IoKind::StorageFull | IoKind::QuotaExceeded => shown.hint("free some space, then run the same command again"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_what_killed_writes_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let minutes = |minutes: u64| SystemTime::now() - Duration::from_mins(minutes);
        for (name, age) in [
            (".secrets.yaml.Ab12Cd.tmp", 2),
            (".values.yaml.Ab12Cd.tmp", 0),
            ("values.yaml", 9),
            (".mine.tmp", 9),
            ("secrets.yaml.Ab12Cd.tmp", 9),
            (".vimrc.swp", 9),
        ] {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(minutes(age)).unwrap();
        }
        remove_leftovers_of(&folder.path().join("site.age")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6, "none is of that file");
        remove_leftovers(folder.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(
            left,
            [".mine.tmp", ".values.yaml.Ab12Cd.tmp", ".vimrc.swp", "secrets.yaml.Ab12Cd.tmp", "values.yaml"]
        );
    }

    #[test]
    fn a_killed_write_leaves_such_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let seen = std::cell::RefCell::new(Vec::new());
        let look = |_: &File| {
            let names =
                fs::read_dir(folder.path())?.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
            seen.borrow_mut().extend(names.collect::<std::io::Result<Vec<_>>>()?);
            Ok(())
        };
        replace(&folder.path().join("secrets.yaml"), b"a", Access::Private, look).unwrap();
        assert!(seen.borrow().iter().all(|name| is_temporary(name)) && seen.borrow().len() == 1, "{seen:?}");
    }
}
