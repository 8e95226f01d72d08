//! Small Helm chart archives, made by the tests.

use std::path::Path;

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

/// A chart archive with its digest.
pub(crate) struct ChartArchive {
    /// Name of the chart.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// The `.tgz`.
    pub(crate) bytes: Vec<u8>,
    /// Its SHA-256, hex.
    pub(crate) sha256: String,
}

/// Packs files as a chart; `Chart.yaml` is made, unless it is one of them.
pub(crate) fn archive(name: &str, version: &str, files: &[(&str, &[u8])]) -> ChartArchive {
    let mut tar = tar::Builder::new(GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast()));
    let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let chart = [("Chart.yaml", chart.as_bytes())];
    let made = chart.iter().filter(|(path, _)| !files.iter().any(|(other, _)| other == path));
    for (path, bytes) in made.chain(files) {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, format!("{name}/{path}"), *bytes).unwrap();
    }
    let bytes = tar.into_inner().unwrap().finish().unwrap();
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ChartArchive { name: name.to_owned(), version: version.to_owned(), bytes, sha256 }
}

impl ChartArchive {
    /// Puts it where `charts pull` would.
    pub(crate) fn store(&self, cache: &Path) {
        super::write(&cache.join(self.file_name()), &self.bytes);
    }

    /// Its name there.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}.{}.tgz", self.name, self.version, &self.sha256[..16])
    }
}
