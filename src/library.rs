//! Where charts and profiles are found: beside the site file, in the user's folder, in this binary.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use walkdir::WalkDir;

use crate::error::{Error, Result};
use crate::fs;
use crate::problem::did_you_mean;

static SHIPPED_CHARTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/charts");
static SHIPPED_PROFILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles");

/// No file of a chart of ours comes near this.
const MAX_CHART_FILE: u64 = 4 * 1024 * 1024;

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In this binary.
    Shipped,
    /// In a folder, named as the reader knows it; true if it hides a shipped one of the same name.
    Folder(PathBuf, bool),
}

impl Origin {
    /// For lists: `shipped` or the folder.
    pub fn describe(&self) -> String {
        match self {
            Self::Shipped => "shipped".to_owned(),
            Self::Folder(path, false) => path.display().to_string(),
            Self::Folder(path, true) => format!("{} (instead of the shipped one)", path.display()),
        }
    }
}

/// The files of one chart by their path inside its folder.
#[derive(Debug, Clone)]
pub struct ChartFiles {
    /// The chart's name.
    pub name: String,
    /// Where it was found.
    pub origin: Origin,
    /// Content by path, e.g. `release.yaml`, `helm/Chart.yaml`.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The text of one profile.
#[derive(Debug, Clone)]
pub struct ProfileFile {
    /// The profile's name.
    pub name: String,
    /// Where it was found.
    pub origin: Origin,
    /// The file as the reader knows it.
    pub file: String,
    /// Its content.
    pub text: String,
}

/// All places to look in, nearest first.
#[derive(Debug, Clone)]
pub struct Library {
    roots: Vec<PathBuf>,
}

impl Library {
    /// Looks in `charts/` and `profiles/` of each root before the shipped ones.
    pub fn new(roots: Vec<PathBuf>) -> Self {
        Self { roots }
    }

    /// The names of all charts, sorted.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn chart_names(&self) -> Result<Vec<String>> {
        self.names("charts", &SHIPPED_CHARTS, |path| path.is_dir().then(|| path.file_name()).flatten().map(lossy))
    }

    /// The names of all profiles, sorted.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn profile_names(&self) -> Result<Vec<String>> {
        self.names("profiles", &SHIPPED_PROFILES, |path| {
            (path.extension()? == "yaml").then(|| path.file_stem()).flatten().map(lossy)
        })
    }

    /// Finds a chart.
    ///
    /// # Errors
    /// A name that is no name, an unknown chart, an unreadable folder.
    pub fn chart(&self, name: &str) -> Result<ChartFiles> {
        require_name("chart", name)?;
        let shipped = SHIPPED_CHARTS.get_dir(name);
        for root in &self.roots {
            let folder = root.join("charts").join(name);
            if fs::exists(&folder.join("release.yaml"))? {
                let files = folder_files(&folder)?;
                let origin = Origin::Folder(folder, shipped.is_some());
                return Ok(ChartFiles { name: name.to_owned(), origin, files });
            }
        }
        let shipped = shipped.ok_or_else(|| unknown("chart", name, &self.chart_names().unwrap_or_default()))?;
        let mut files = BTreeMap::new();
        shipped_files(shipped, name, &mut files);
        Ok(ChartFiles { name: name.to_owned(), origin: Origin::Shipped, files })
    }

    /// Finds a profile.
    ///
    /// # Errors
    /// A name that is no name, an unknown profile, an unreadable file.
    pub fn profile(&self, name: &str) -> Result<ProfileFile> {
        require_name("profile", name)?;
        let file = format!("{name}.yaml");
        let shipped = SHIPPED_PROFILES.get_file(&file);
        for root in &self.roots {
            let path = root.join("profiles").join(&file);
            if let Some(text) = fs::read_text_if_any(&path)? {
                let shown = path.display().to_string();
                let origin = Origin::Folder(path, shipped.is_some());
                return Ok(ProfileFile { name: name.to_owned(), origin, file: shown, text });
            }
        }
        let shipped = shipped.ok_or_else(|| unknown("profile", name, &self.profile_names().unwrap_or_default()))?;
        Ok(ProfileFile {
            name: name.to_owned(),
            origin: Origin::Shipped,
            file: format!("profiles/{file}"),
            text: shipped.contents_utf8().unwrap_or_default().to_owned(),
        })
    }

    fn names(&self, kind: &str, shipped: &Dir<'_>, name_of: impl Fn(&Path) -> Option<String>) -> Result<Vec<String>> {
        let mut names: BTreeSet<String> = shipped
            .entries()
            .iter()
            .filter_map(|entry| match entry {
                include_dir::DirEntry::Dir(dir) if kind == "charts" => dir.path().file_name().map(lossy),
                include_dir::DirEntry::File(file) if kind == "profiles" => file.path().file_stem().map(lossy),
                _ => None,
            })
            .collect();
        for root in &self.roots {
            let folder = root.join(kind);
            if !fs::exists(&folder)? {
                continue;
            }
            for entry in WalkDir::new(&folder).min_depth(1).max_depth(1) {
                let entry = entry.map_err(|error| walk_failed(&folder, &error))?;
                names.extend(name_of(entry.path()).filter(|name| is_name(name)));
            }
        }
        Ok(names.into_iter().collect())
    }
}

/// Refuses anything that could lead out of the folders of charts and profiles.
///
/// # Errors
/// A name with other characters than a-z, 0-9 and `-`.
pub fn require_name(what: &str, name: &str) -> Result<()> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::usage(format!("`{name}` cannot be the name of a {what}"))
        .because("a name has the letters a-z, digits and -, and starts with a letter or digit")
        .hint(format!("helm iris {what}s list")))
}

fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn unknown(what: &str, name: &str, names: &[String]) -> Error {
    let error = Error::user(format!("there is no {what} `{name}`"));
    match did_you_mean(name, names.iter().map(String::as_str)) {
        Some(like) => error.hint(format!("did you mean `{like}`?")),
        None => error.hint(format!("there are: {}", names.join(", "))),
    }
}

fn lossy(name: &std::ffi::OsStr) -> String {
    name.to_string_lossy().into_owned()
}

fn walk_failed(folder: &Path, error: &walkdir::Error) -> Error {
    Error::user(format!("cannot look through {}", folder.display())).because(error)
}

fn folder_files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(folder).max_depth(8) {
        let entry = entry.map_err(|error| walk_failed(folder, &error))?;
        if entry.file_type().is_file() {
            let inside = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            files.insert(inside.to_string_lossy().into_owned(), fs::read_limited(entry.path(), MAX_CHART_FILE)?);
        }
    }
    Ok(files)
}

fn shipped_files(dir: &Dir<'_>, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for file in dir.files() {
        let inside = file.path().strip_prefix(name).unwrap_or(file.path());
        files.insert(inside.to_string_lossy().into_owned(), file.contents().to_vec());
    }
    for dir in dir.dirs() {
        shipped_files(dir, name, files);
    }
}
