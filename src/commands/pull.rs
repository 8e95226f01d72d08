//! Fetching upstream chart archives through Helm, verified before they enter the cache.

use crate::archive::{Archive, MAX_ARCHIVE, Wanted};
use crate::cli::Environment;
use crate::error::{Error, Result};
use crate::fs;
use crate::helm::{Helm, HelmEnv, guard};
use crate::interrupt::Interrupt;
use crate::load::Loaded;
use crate::ui::Ui;

/// Fetches the archives that are not in the cache; tells how many there were.
///
/// # Errors
/// No helm, a repository that does not answer, an archive that is not the expected one.
pub(super) async fn missing(
    loaded: &mut Loaded,
    environment: &Environment,
    ui: &Ui,
    interrupt: &mut Interrupt,
) -> Result<usize> {
    let mut fetched = 0;
    let mut helm = None;
    for wanted in loaded.wanted() {
        if let Some(archive) = loaded.cache.find(&wanted.name, &wanted.version, wanted.sha256.as_deref())? {
            if wanted.locked {
                loaded.lock.remember(&archive);
            }
            continue;
        }
        let helm = match &helm {
            Some(helm) => helm,
            None => helm.insert(find_helm(environment).await?),
        };
        ui.status(&format!("Fetching {} {} from {}", wanted.name, wanted.version, wanted.repo));
        let archive = fetch(helm, &wanted, interrupt).await?;
        loaded.cache.store(&archive)?;
        if wanted.locked {
            loaded.lock.remember(&archive);
        }
        fetched += 1;
    }
    Ok(fetched)
}

/// The helm to use: the one that called us, else that of `PATH`.
pub(super) async fn find_helm(environment: &Environment) -> Result<Helm> {
    Helm::find(&helm_env(environment)).await
}

/// What of the environment decides which helm is used.
pub(super) fn helm_env(environment: &Environment) -> HelmEnv {
    let Environment { helm_bin, path, .. } = environment.clone();
    HelmEnv { helm_bin, path, guard: guard::program() }
}

async fn fetch(helm: &Helm, wanted: &Wanted, interrupt: &mut Interrupt) -> Result<Archive> {
    let Wanted { name, version, repo, .. } = wanted;
    let folder = tempfile::tempdir().map_err(|error| Error::user("cannot make a temporary folder").because(error))?;
    helm.pull(repo, name, version, folder.path(), interrupt).await?;
    let path = folder.path().join(format!("{name}-{version}.tgz"));
    let archive = Archive::new(name, version, fs::read_limited(&path, MAX_ARCHIVE)?);
    match &wanted.sha256 {
        Some(expected) if *expected != archive.sha256 => {
            let known = if wanted.locked { "iris.lock" } else { "what is known of this version" };
            Err(Error::user(format!("{name} {version} from {repo} is not the archive that it should be"))
                .because(format!("its SHA-256 is {}, {known} says {expected}", archive.sha256))
                .hint("somebody may have changed it: do not install it before you know why")
                .hint(format!("if the new archive is right, set sources.{name}.sha256 in the site file")))
        }
        _ => Ok(archive),
    }
}
