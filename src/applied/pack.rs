//! A bundle and its chart archives as one file.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Component, Path};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::archive::{Archive, Cache, MAX_ARCHIVE};
use crate::bundle::manifest::Manifest;
use crate::bundle::{Bundle, MANIFEST_FILE, parse_manifest};
use crate::error::{Error, Result};
use crate::fs::{self, Access};
use crate::jupyterhub::HubVersion;

/// The folder of the bundle in the file, and that of the archives.
const BUNDLE: &str = "bundle/";
const ARCHIVES: &str = "archives/";
/// Etcd takes no more in one object, with some room for the rest of it.
const MAX_PACKED: usize = 1_000_000;

pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) jupyterhub: Option<String>,
}

/// A bundle as it was kept.
#[derive(Debug)]
pub struct Unpacked {
    files: BTreeMap<String, Vec<u8>>,
}

/// Packs a bundle with the archives that are at hand; without them where all would be too large.
pub(super) fn pack(bundle: &Bundle, cache: &Cache) -> Result<Packed> {
    let mut files: BTreeMap<String, Vec<u8>> =
        bundle.files()?.into_iter().map(|(path, bytes)| (format!("{BUNDLE}{path}"), bytes)).collect();
    let mut archives = BTreeMap::new();
    let mut jupyterhub = None;
    for entry in &bundle.manifest().releases {
        let Ok(bytes) = fs::read_limited(&cache.path(&entry.archive), MAX_ARCHIVE) else { continue };
        let archive = Archive::new(&entry.helm_chart, &entry.version, bytes);
        jupyterhub = jupyterhub.or_else(|| HubVersion::of_archive(&archive.bytes)?.jupyterhub);
        archives.insert(format!("{ARCHIVES}{}", entry.archive), archive.bytes);
    }
    let failed = |error: std::io::Error| Error::bug("packing the bundle").because(error);
    let small = tar_gz(&files).map_err(failed)?;
    files.extend(archives);
    let whole = tar_gz(&files).map_err(failed)?;
    Ok(Packed { bytes: if whole.len() > MAX_PACKED { small } else { whole }, jupyterhub })
}

fn tar_gz(files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, path, bytes.as_slice())?;
    }
    let mut gz = tar.into_inner()?;
    gz.flush()?;
    gz.finish()
}

/// Reads such a file; the error is why it cannot be.
pub(super) fn unpack(bytes: &[u8]) -> Result<Unpacked, String> {
    let limited = GzDecoder::new(bytes).take(MAX_ARCHIVE);
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(limited).entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path().map_err(|error| error.to_string())?.to_string_lossy().into_owned();
        if !Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(format!("it has a file `{path}`, outside of any bundle"));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| error.to_string())?;
        files.insert(path, content);
    }
    Ok(Unpacked { files })
}

impl Unpacked {
    /// Its `bundle.yaml`.
    ///
    /// # Errors
    /// When it has none, or one that cannot be understood.
    pub fn manifest(&self) -> Result<Manifest> {
        let path = format!("{BUNDLE}{MANIFEST_FILE}");
        let text = self.files.get(&path).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        parse_manifest(Path::new(&path), &text)
    }

    /// Writes the bundle into a folder, and its archives into the cache, where each gets the name of its content.
    ///
    /// # Errors
    /// When there is another bundle in the folder already, or files cannot be written.
    pub fn write(&self, folder: &Path, cache: &Cache) -> Result<Bundle> {
        if fs::exists(&folder.join(MANIFEST_FILE))? {
            return Bundle::open(folder).and_then(|there| self.require_same(&there)).map_err(|error| {
                error.hint(format!("remove the folder {}, then run the same command again", folder.display()))
            });
        }
        for (path, bytes) in &self.files {
            if let Some(inside) = path.strip_prefix(BUNDLE) {
                let file = folder.join(inside);
                fs::create_folder(file.parent().unwrap_or(folder))?;
                fs::write(&file, bytes, Access::Shared)?;
            }
        }
        let bundle = Bundle::open(folder)?;
        for entry in &bundle.manifest().releases {
            if let Some(bytes) = self.files.get(&format!("{ARCHIVES}{}", entry.archive)) {
                cache.store(&Archive::new(&entry.helm_chart, &entry.version, bytes.clone()))?;
            }
        }
        Ok(bundle)
    }

    fn require_same(&self, there: &Bundle) -> Result<Bundle> {
        let files = there.files()?;
        let same = files.iter().all(|(path, bytes)| self.files.get(&format!("{BUNDLE}{path}")) == Some(bytes));
        if same {
            return Ok(there.clone());
        }
        Err(Error::user(format!("{} holds another bundle", there.folder().display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_nothing_lands_elsewhere() {
        let files = BTreeMap::from([("bundle/a/values.yaml".to_owned(), b"a: 1\n".to_vec())]);
        assert_eq!(unpack(&tar_gz(&files).unwrap()).unwrap().files, files);
        for damaged in [&b"not gzip"[..], &tar_gz(&files).unwrap()[..40]] {
            assert!(unpack(damaged).is_err());
        }
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.as_mut_bytes()[..12].copy_from_slice(b"bundle/../..");
        header.set_cksum();
        tar.append(&header, &b"x"[..]).unwrap();
        let bytes = tar.into_inner().unwrap().finish().unwrap();
        assert!(unpack(&bytes).unwrap_err().contains("outside"));
    }
}
