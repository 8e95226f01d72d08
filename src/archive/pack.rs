//! Writing the archive of a chart that we ship: sorted, with fixed times, so that every clone of
//! the project makes the same bytes.

use std::collections::BTreeMap;

use flate2::Crc;

use super::Archive;
use super::charts::own_chart;
use crate::chart::Chart;
use crate::error::{Error, Result};

/// The annotation with the version of what a dependency installs; its name follows.
pub const APP_VERSION: &str = "helm-iris/app-version.";

/// Makes the archive of a shipped chart from its `helm/` folder and its dependencies' archives.
///
/// # Errors
/// Only a defect.
pub(super) fn assemble(chart: &Chart, dependencies: &[Archive]) -> Result<Archive> {
    let missing = || Error::bug(format!("the chart {} has no helm/Chart.yaml", chart.name));
    let mut metadata = chart.metadata.clone().ok_or_else(missing)?;
    for dependency in &mut metadata.dependencies {
        if let Some(archive) = dependencies.iter().find(|archive| archive.name == dependency.name) {
            dependency.version.clone_from(&archive.version);
            // Of a release, Helm keeps what this chart says, and nothing of what it is made of.
            if let Some(version) = own_chart(&archive.bytes).and_then(|chart| chart.app_version()) {
                metadata.annotations.insert(format!("{APP_VERSION}{}", archive.name), version);
            }
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
    let mut tar = tar::Builder::new(Vec::new());
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
    Ok(stored(&tar.into_inner()?))
}

/// A gzip file of stored blocks (RFC 1952, RFC 1951 section 3.2.4). A compressor would save
/// nothing, since most of it is compressed already, and its next version would change the digest
/// of every chart that is installed.
fn stored(bytes: &[u8]) -> Vec<u8> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut gz = HEADER.to_vec();
    let mut checksum = Crc::new();
    checksum.update(bytes);
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        gz.push(u8::from(blocks.peek().is_none()));
        gz.extend(length.to_le_bytes());
        gz.extend((!length).to_le_bytes());
        gz.extend_from_slice(block);
    }
    gz.extend(checksum.sum().to_le_bytes());
    gz.extend(checksum.amount().to_le_bytes());
    gz
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_reader_of_gzip_reads_what_was_stored(length in 1_usize..300_000, seed in any::<u8>()) {
            let bytes: Vec<u8> = (0..length).map(|at| seed.wrapping_add(at.to_le_bytes()[0])).collect();
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(stored(&bytes).as_slice()).read_to_end(&mut read).unwrap();
            prop_assert_eq!(read, bytes);
        }
    }
}
