//! The files of a folder: paths, modes, bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use walkdir::WalkDir;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Its mode.
    pub(crate) mode: u32,
    /// Its content; of a folder or link, nothing.
    pub(crate) bytes: Vec<u8>,
    folder: bool,
}

/// All files and folders below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<String, File>);

impl Tree {
    /// Reads them.
    pub(crate) fn of(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        for entry in WalkDir::new(folder).min_depth(1).into_iter().map(Result::unwrap) {
            let path = entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            let kind = entry.file_type();
            let bytes = if kind.is_file() { std::fs::read(entry.path()).unwrap() } else { Vec::new() };
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            files.insert(path, File { mode, bytes, folder: kind.is_dir() });
        }
        Self(files)
    }

    /// Every file by its path.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().filter(|(_, file)| !file.folder).map(|(path, file)| (path.as_str(), file))
    }

    /// A file's content as text.
    pub(crate) fn text(&self, path: &str) -> String {
        let file = self.0.get(path).unwrap_or_else(|| panic!("{path} is not there:\n{}", self.listing()));
        String::from_utf8(file.bytes.clone()).unwrap()
    }

    /// Whether a file is there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Paths and modes.
    pub(crate) fn listing(&self) -> String {
        self.0.iter().fold(String::new(), |mut out, (path, file)| {
            let _ = writeln!(out, "{:04o} {path}{}", file.mode, if file.folder { "/" } else { "" });
            out
        })
    }

    /// Everything that holds no secret, whatever its mode: what must be equal in every home.
    pub(crate) fn public(&self) -> BTreeMap<String, Vec<u8>> {
        let secret = |path: &str| path.ends_with("secrets.yaml");
        self.files()
            .filter(|(path, _)| !secret(path))
            .map(|(path, file)| (path.to_owned(), file.bytes.clone()))
            .collect()
    }

    /// Panics unless everything is in the other tree as it is here.
    #[track_caller]
    pub(crate) fn assert_kept_in(&self, other: &Self) {
        let kept = other.0.iter().filter(|(path, _)| self.0.contains_key(*path));
        self.assert_same(&Self(kept.map(|(path, file)| (path.clone(), file.clone())).collect()));
    }

    /// Panics with what differs.
    #[track_caller]
    pub(crate) fn assert_same(&self, other: &Self) {
        let differing: Vec<_> = self
            .0
            .keys()
            .chain(other.0.keys())
            .filter(|path| self.0.get(*path) != other.0.get(*path))
            .map(|path| {
                let state = |tree: &Self| match tree.0.get(path) {
                    None => "absent".to_owned(),
                    Some(file) if file.mode == 0o600 => "0600, not shown".to_owned(),
                    Some(file) => format!("{:04o} {}", file.mode, String::from_utf8_lossy(&file.bytes)),
                };
                format!("{path}:\nbefore: {}\nafter: {}\n", state(self), state(other))
            })
            .collect();
        assert!(differing.is_empty(), "files differ:\n{}", differing.join("\n"));
    }
}
