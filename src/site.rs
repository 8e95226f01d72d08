//! The site file: one operator's choices for one hub.

mod address;

use std::path::{Path, PathBuf};

pub use address::{hub_address, with_address};

use crate::error::{Error, Result};
use crate::fs;
use crate::layers::Layer;
use crate::problem::Problem;
use crate::profile::take_text;
use crate::yaml::{Document, parse};

/// The site file in the current folder, when `-f` is not given.
pub const DEFAULT_FILE: &str = "iris.yaml";

/// Keys at the top of the values of the upstream charts, none of which is one of ours.
const HELM_VALUES_KEYS: [&str; 12] = [
    "jupyterhub",
    "dask-gateway",
    "hub",
    "proxy",
    "singleuser",
    "cull",
    "prePuller",
    "gateway",
    "traefik",
    "auth",
    "primary",
    "global",
];

/// A site file that was read and checked.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder in which charts, profiles, the lock and the local secrets are looked for.
    pub folder: PathBuf,
    /// The file itself, if there is one.
    pub file: Option<PathBuf>,
    /// The profile that it names.
    pub profile: Option<String>,
    /// Its settings.
    pub layer: Option<Layer>,
}

impl Site {
    /// Reads the site file that was named, else `iris.yaml` of the current folder, else none.
    ///
    /// # Errors
    /// A named file that is missing; anything wrong in it, all problems at once.
    pub fn load(named: Option<&Path>) -> Result<Self> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        if named.is_none() && !fs::exists(path)? {
            return Ok(Self { folder: PathBuf::from("."), file: None, profile: None, layer: None });
        }
        let text = fs::read_text(path)?;
        let shown = path.display().to_string();
        let wrong = |problems| Error::problems(format!("the site file {shown} is not right"), problems);
        let mut document = parse(&shown, &text).map_err(wrong)?;
        if let Some(problem) = not_a_map(&document) {
            return Err(wrong(vec![problem]));
        }
        let mut problems = Vec::new();
        if let Some(error) = plain_helm_values(&document) {
            return Err(error);
        }
        let profile = take_text(&mut document, "profile", &mut problems);
        let layer = match Layer::check(format!("site file {}", file_name(path)), &text, document) {
            Ok(layer) if problems.is_empty() => layer,
            Ok(_) => return Err(wrong(problems)),
            Err(more) => return Err(wrong(problems.into_iter().chain(more).collect())),
        };
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        Ok(Self {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            file: Some(path.to_owned()),
            profile,
            layer: Some(layer),
        })
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn not_a_map(document: &Document) -> Option<Problem> {
    (!document.value.is_object()).then(|| {
        Problem::error(&document.file, document.place(""), "not a map of settings").fix("write `key: value` lines")
    })
}

fn plain_helm_values(document: &Document) -> Option<Error> {
    let keys = document.value.as_object()?;
    let helm: Vec<&str> = HELM_VALUES_KEYS.into_iter().filter(|key| keys.contains_key(*key)).collect();
    let first = helm.first()?;
    let place = document.place(&format!("/{first}"));
    let problem = Problem::error(&document.file, place, format!("`{}` are keys of Helm values", helm.join("`, `")))
        .fix("put the file's content under `values:` and the chart's name, e.g. `values: {daskhub: …}`");
    Some(
        Error::problems(format!("{} is a Helm values file, not a site file", document.file), vec![problem])
            .hint("a site file says what the hub shall be; helm iris makes the Helm values from it")
            .hint("helm iris charts new-site writes a commented one"),
    )
}
