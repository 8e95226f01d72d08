//! `charts pull` through real Helm, from a repository on loopback; and the stand-in charts in it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Helm, Plugged, with_helm};
use crate::common;

/// A chart repository with the stand-in charts, until the test ends.
pub(super) struct Repository {
    pub(super) url: String,
}

impl Repository {
    /// Packs `tests/charts`, lets helm write the index, and serves both.
    pub(super) fn serve(helm: &Helm, folder: PathBuf) -> Self {
        let packed = Command::new(common::repo().join("scripts/testbed.sh")).arg("charts").arg(&folder).output();
        let packed = packed.unwrap();
        assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
        let indexed = Command::new(&helm.program).args(["repo", "index"]).arg(&folder).status().unwrap();
        assert!(indexed.success());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A caller that goes away is no concern of the server's.
                let _ = answer(stream, &folder);
            }
        });
        Self { url }
    }

    /// A site file that takes the upstream charts from here.
    pub(super) fn site_file(&self, folder: &Path) -> String {
        let source = |name: &str| {
            let archive = common::entries(folder).into_iter().find(|file| file.starts_with(name)).unwrap();
            let sha256 = helm_iris::fs::sha256_hex(&std::fs::read(folder.join(archive)).unwrap());
            format!("  {name}: {{repo: \"{}\", sha256: \"{sha256}\"}}\n", self.url)
        };
        format!("sources:\n{}{}", source("jupyterhub"), source("dask-gateway"))
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let file = Path::new(name).file_name().and_then(|name| std::fs::read(folder.join(name)).ok());
    let (status, body) = file.map_or(("404 Not Found", Vec::new()), |bytes| ("200 OK", bytes));
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

/// Gives the environment the stand-in charts, pulled by helm.
pub(super) fn pull_stand_ins(plugged: &Plugged) {
    let folder = plugged.env.root().join("repository");
    let repository = Repository::serve(&plugged.helm, folder.clone());
    plugged.env.write("iris.yaml", repository.site_file(&folder));
    let ran = plugged.helm(&["iris", "charts", "pull", "daskhub", "--profile", "cumulus"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("Fetching jupyterhub") && ran.stderr.contains("Fetching dask-gateway"), "{ran}");
}

#[test]
fn archives_come_through_helm() {
    with_helm("charts pull", |plugged| {
        pull_stand_ins(plugged);
        // At hand now: nothing is fetched again, and nothing is left unchecked.
        let again = plugged.helm(&["iris", "charts", "pull", "daskhub", "--profile", "cumulus"]);
        assert!(again.code == Some(0) && !again.stderr.contains("Fetching"), "{again}");
        let rendered = plugged.helm(&["iris", "render", "daskhub", "--profile", "cumulus"]);
        assert!(rendered.code == Some(0) && !rendered.stderr.contains("not checked"), "{rendered}");
    });
}

/// Somebody changed the archive at its repository.
#[test]
fn an_archive_with_another_digest_is_refused() {
    with_helm("charts pull of another archive", |plugged| {
        let folder = plugged.env.root().join("repository");
        let repository = Repository::serve(&plugged.helm, folder.clone());
        let site = repository.site_file(&folder);
        let digest = site.split("sha256: \"").nth(1).unwrap().split('"').next().unwrap();
        plugged.env.write("iris.yaml", site.replace(digest, &"0".repeat(64)));
        let ran = plugged.helm(&["iris", "charts", "pull", "daskhub", "--profile", "cumulus"]);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains("is not the archive that it should be") && ran.stderr.contains(digest), "{ran}");
        assert!(!plugged.env.cache().exists() || common::entries(&plugged.env.cache()).is_empty(), "nothing is kept");
    });
}
