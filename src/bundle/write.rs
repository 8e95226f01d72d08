//! Writing a bundle: all of it or, seen from the next command, none of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::manifest::{FileEntry, Manifest};
use super::{MANIFEST_FILE, NEXT_FILE, read, secrets_file};
use crate::error::{Error, Result};
use crate::fs::{self, Access, Held};
use crate::problem::Problem;
use crate::secrets::Ledger;

/// What goes into every bundle's `.gitignore`.
const GITIGNORE: &str = "# Secrets never go into git.\nsecrets.yaml\n*.tmp\n";

/// A bundle that is ready to be written.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The manifest, its list of files still empty.
    pub manifest: Manifest,
    /// Every non-secret file by its path in the bundle.
    pub files: BTreeMap<String, String>,
}

impl Draft {
    /// The manifest with the digests of the files.
    pub fn sealed(&self) -> Manifest {
        let ignore = (".gitignore".to_owned(), GITIGNORE.to_owned());
        let all: BTreeMap<&String, &String> = self.files.iter().chain([(&ignore.0, &ignore.1)]).collect();
        let files = all
            .into_iter()
            .map(|(path, text)| FileEntry { path: path.clone(), sha256: fs::sha256_hex(text.as_bytes()) })
            .collect();
        Manifest { files, ..self.manifest.clone() }
    }
}

/// Writes the bundle into a folder. The next manifest is written first and takes the old one's
/// place last, so a command that comes after an interruption can tell what happened.
///
/// Tells which files a person had edited; their text is kept beside them.
///
/// # Errors
/// When the folder cannot be written; what stood there before then still stands or is finished
/// by the next run.
pub fn write(folder: &Path, draft: &Draft, ledger: &Ledger) -> Result<Vec<SetAside>> {
    let _alone = if fs::exists(folder)? { Some(alone(folder)?) } else { None };
    let manifest = draft.sealed();
    let text = manifest_text(&manifest)?;
    let old = read::manifest_if_any(&folder.join(MANIFEST_FILE))?;
    let ours: Vec<FileEntry> = old
        .iter()
        .chain(&read::manifest_if_any(&folder.join(NEXT_FILE))?)
        .chain([&manifest])
        .flat_map(|manifest| manifest.files.clone())
        .collect();
    if ours.iter().all(|entry| manifest.files.contains(entry)) {
        refuse_foreign(folder, draft)?;
    }
    fs::create_folder(folder)?;
    fs::write(&folder.join(NEXT_FILE), text.as_bytes(), Access::Shared)?;
    for path in draft.files.keys().filter_map(|path| Path::new(path).parent()).collect::<BTreeSet<_>>() {
        fs::create_folder(&folder.join(path))?;
        fs::remove_leftovers(&folder.join(path))?;
    }
    let mut set_aside = Vec::new();
    let ignore = (".gitignore".to_owned(), GITIGNORE.to_owned());
    for (path, text) in draft.files.iter().chain([(&ignore.0, &ignore.1)]) {
        set_aside.extend(write_file(folder, path, text, &ours)?);
    }
    write_secrets(folder, &manifest, ledger)?;
    take_place(folder, old.as_ref(), &manifest)?;
    Ok(set_aside)
}

/// Keeps other processes from writing the folder, or from applying what is in it, until the guard is dropped.
///
/// # Errors
/// When one does.
pub(super) fn alone(folder: &Path) -> Result<Held> {
    fs::try_hold(folder)?.map_err(|holder| {
        let who = holder.map_or_else(|| "another command".to_owned(), |holder| format!("another command, {holder},"));
        Error::user(format!("{who} is at work with the bundle {}", folder.display()))
            .because("what is being applied must not be written anew")
            .hint("wait until it is done, or take another folder, with a copy of the site file")
    })
}

/// Lets the next manifest take the old one's place. Files of ours that it no longer has go first, while
/// the old manifest can still tell which those are; anything else in the folder stays.
pub(super) fn take_place(folder: &Path, old: Option<&Manifest>, next: &Manifest) -> Result<()> {
    for left in charts_that_left(old, next) {
        fs::remove(&folder.join(left).join("secrets.yaml"))?;
    }
    for gone in old.into_iter().flat_map(|old| &old.files) {
        if !next.files.iter().any(|file| file.path == gone.path) {
            let path = folder.join(&gone.path);
            if read::digest_if_any(&path)?.as_ref() == Some(&gone.sha256) {
                fs::remove(&path)?;
            }
        }
    }
    fs::rename(&folder.join(NEXT_FILE), &folder.join(MANIFEST_FILE))
}

/// A folder without a bundle may hold anything: nothing of it is overwritten.
fn refuse_foreign(folder: &Path, draft: &Draft) -> Result<()> {
    if fs::exists(&folder.join(MANIFEST_FILE))? || fs::exists(&folder.join(NEXT_FILE))? {
        return Ok(());
    }
    let secrets = draft.manifest.releases.iter().map(|release| format!("{}/secrets.yaml", release.chart));
    let ours: Vec<String> = draft.files.keys().cloned().chain([".gitignore".to_owned()]).chain(secrets).collect();
    let mut problems = Vec::new();
    for path in ours {
        let file = folder.join(path);
        if fs::exists(&file)? {
            problems.push(Problem::error(
                file.display().to_string(),
                None,
                "is there already, and this folder is no bundle",
            ));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::problems(format!("{} holds files that a bundle would overwrite", folder.display()), problems)
        .hint("choose another folder with --output-dir, or move these files away"))
}

fn charts_that_left<'m>(old: Option<&'m Manifest>, new: &'m Manifest) -> impl Iterator<Item = &'m str> {
    let stays = |chart: &str| new.releases.iter().any(|release| release.chart == chart);
    let charts = old.into_iter().flat_map(|old| &old.releases).map(|release| release.chart.as_str());
    charts.filter(move |chart| !stays(chart))
}

/// A file that a person had edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The file, which is now as rendered.
    pub file: PathBuf,
    /// Where the person's text is kept, if there are words in it that would be lost.
    pub kept: Option<PathBuf>,
}

/// Writes a file unless it says the same already. One that is not as we wrote it is moved out of
/// the way where it has words that would be lost: values go on in `overrides.yaml`, comments cannot.
fn write_file(folder: &Path, path: &str, text: &str, ours: &[FileEntry]) -> Result<Option<SetAside>> {
    let file = folder.join(path);
    let found = read::digest_if_any(&file)?;
    if found.as_deref() == Some(fs::sha256_hex(text.as_bytes()).as_str()) {
        return Ok(None);
    }
    let is_ours = |found: &String| ours.iter().any(|entry| entry.path == path && entry.sha256 == *found);
    let set_aside = match &found {
        Some(found) if !is_ours(found) => Some(set_aside(folder, path, text)?),
        _ => None,
    };
    fs::write(&file, text.as_bytes(), Access::Shared)?;
    Ok(set_aside)
}

fn set_aside(folder: &Path, path: &str, text: &str) -> Result<SetAside> {
    let file = folder.join(path);
    if path.ends_with(".yaml") && comments(&fs::read_text(&file)?).all(|comment| text.contains(comment)) {
        return Ok(SetAside { file, kept: None });
    }
    let name = |number: u32| match number {
        1 => folder.join(format!("{path}.edited")),
        _ => folder.join(format!("{path}.edited-{number}")),
    };
    let mut number = 1;
    while fs::exists(&name(number))? {
        number += 1;
    }
    fs::rename(&file, &name(number))?;
    Ok(SetAside { file, kept: Some(name(number)) })
}

/// Everything after a `#`, which may be a comment.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.find('#').map(|at| line[at..].trim_end()))
}

pub(super) fn write_secrets(folder: &Path, manifest: &Manifest, ledger: &Ledger) -> Result<()> {
    for release in &manifest.releases {
        let path = folder.join(&release.chart).join("secrets.yaml");
        if let Some(text) = secrets_file::text(manifest, release, ledger) {
            fs::write(&path, text.expose().as_bytes(), Access::Private)?;
        }
    }
    Ok(())
}

fn manifest_text(manifest: &Manifest) -> Result<String> {
    let body = serde_yaml::to_string(manifest).map_err(|error| Error::bug("the manifest").because(error))?;
    Ok(format!(
        "# What this bundle holds and how it is applied. Made by helm iris; REVIEW.md says the same for people.\n{body}"
    ))
}
