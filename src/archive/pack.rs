//! Writing the archive of a chart that we ship: sorted, with fixed times, so that every clone of
//! the project makes the same bytes.

use std::collections::BTreeMap;

use flate2::{Compression, GzBuilder};

use super::Archive;
use super::wanted::chart_yaml;
use crate::chart::Chart;
use crate::error::{Error, Result};

/// Makes the archive of a shipped chart from its `helm/` folder and its dependencies' archives.
///
/// # Errors
/// A broken `Chart.yaml`.
pub fn assemble(chart: &Chart, dependencies: &[Archive]) -> Result<Archive> {
    let mut metadata = chart_yaml(chart)?;
    for dependency in &mut metadata.dependencies {
        if let Some(archive) = dependencies.iter().find(|archive| archive.name == dependency.name) {
            dependency.version.clone_from(&archive.version);
        }
    }
    let mut files: BTreeMap<String, Vec<u8>> =
        chart.helm.iter().map(|(path, bytes)| (format!("{}/{path}", metadata.name), bytes.clone())).collect();
    for archive in dependencies {
        let path = format!("{}/charts/{}-{}.tgz", metadata.name, archive.name, archive.version);
        files.insert(path, archive.bytes.clone());
    }
    if !dependencies.is_empty() {
        let text = serde_yaml::to_string(&metadata).map_err(|error| Error::bug("Chart.yaml").because(error))?;
        files.insert(format!("{}/Chart.yaml", metadata.name), text.into_bytes());
    }
    let bytes = tar_gz(&metadata.name, &files).map_err(|error| Error::bug("packing a chart").because(error))?;
    Ok(Archive::new(&metadata.name, &metadata.version, bytes))
}

fn tar_gz(name: &str, files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<u8>> {
    let gz = GzBuilder::new().mtime(0).write(Vec::new(), Compression::fast());
    let mut tar = tar::Builder::new(gz);
    // Helm wants Chart.yaml among the first entries; the rest is sorted.
    let first = format!("{name}/Chart.yaml");
    let ordered = files.get_key_value(&first).into_iter().chain(files.iter().filter(|(path, _)| **path != first));
    for (path, bytes) in ordered {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_cksum();
        tar.append_data(&mut header, path, bytes.as_slice())?;
    }
    tar.into_inner()?.finish()
}
