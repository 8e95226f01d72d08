//! Other versions of the stand-in charts, made by the tests and put where `charts pull` would.

use walkdir::WalkDir;

use super::Hub;
use crate::common::{ChartArchive, archive, repo};

/// A stand-in chart with another version of itself and of what it installs; `change` may change its files.
pub(super) fn other_version(
    name: &str,
    (version, app_version): (&str, &str),
    change: impl Fn(&str, Vec<u8>) -> Vec<u8>,
) -> ChartArchive {
    let folder = repo().join("tests/charts").join(name);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let walk = WalkDir::new(&folder).sort_by_file_name();
    for entry in walk.into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file()) {
        let path = entry.path().strip_prefix(&folder).unwrap().display().to_string();
        let mut bytes = std::fs::read(entry.path()).unwrap();
        if path == "Chart.yaml" {
            let set = |line: &str| match line.split_once(": ") {
                Some(("version", _)) => format!("version: {version}\n"),
                Some(("appVersion", _)) => format!("appVersion: \"{app_version}\"\n"),
                _ => format!("{line}\n"),
            };
            bytes = String::from_utf8(bytes).unwrap().lines().map(set).collect::<String>().into_bytes();
        }
        let bytes = change(&path, bytes);
        files.push((path, bytes));
    }
    // As Helm packs, so that the file that is read first comes first.
    files.sort_by_key(|(path, _)| path != "Chart.yaml");
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    archive(name, version, &files)
}

impl Hub<'_> {
    /// Lets the site file name this version of a chart, which is at hand.
    pub(super) fn takes(&self, chart: &ChartArchive) {
        chart.store(&self.env.cache());
        let site = self.env.read("iris.yaml");
        let begin = site.find(&format!("  {}:\n    repo:", chart.name)).unwrap();
        let end = begin + site[begin..].find("    sha256: ").unwrap();
        let line = site[end..].find('\n').unwrap();
        let repo = site[begin..end].lines().find(|line| line.contains("repo:")).unwrap();
        let source = format!("  {}:\n{repo}\n    version: {}\n    sha256: {}", chart.name, chart.version, chart.sha256);
        self.env.write("iris.yaml", format!("{}{source}{}", &site[..begin], &site[end + line..]));
    }
}
