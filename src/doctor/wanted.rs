//! What would be installed, as far as the checks go.

use serde_json::Value;

use super::facts::{Class, Look};
use super::objects::{Object, objects};
use crate::archive::{KubernetesNeed, kubernetes_needs};
use crate::bundle::manifest::{Manifest, ReleaseEntry, SecretEntry};
use crate::bundle::{STAND_IN_FINGERPRINT, fill, stand_in};
use crate::chart::release::Condition;
use crate::error::{Error, Result};
use crate::overlay;
use crate::redact::Secret;

/// What would be installed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The chart that was asked for.
    pub chart: String,
    /// The hub's namespace.
    pub namespace: String,
    /// Its releases, in order.
    pub releases: Vec<WantedRelease>,
    /// The upstream archives that it needs.
    pub archives: Vec<WantedArchive>,
    /// Whether volumes are of the default class.
    pub needs_default_class: bool,
    /// The class that is made where there is no default, as its release's values say; none where they say none.
    pub new_class: Option<Value>,
}

/// A release that would be made.
#[derive(Debug, Clone)]
pub struct WantedRelease {
    /// The entry of `bundle.yaml`.
    pub entry: ReleaseEntry,
    /// Its values, with stand-ins for secrets.
    pub values: Value,
    /// The archive that Helm would get, if it is at hand.
    pub archive: Option<Vec<u8>>,
    /// What its charts ask of Kubernetes.
    pub needs: Vec<KubernetesNeed>,
    /// Its objects, or why they are not known.
    pub objects: Result<Vec<Object>, Unknown>,
}

/// Why the objects of a release are not known.
#[derive(Debug, Clone)]
pub enum Unknown {
    /// Its archive is not at hand.
    NoArchive,
    /// There is no helm that renders it.
    NoHelm,
    /// Its chart is not for this Kubernetes.
    WrongKubernetes,
    /// Helm does not render it.
    Refused(Error),
}

/// An upstream archive.
#[derive(Debug, Clone)]
pub struct WantedArchive {
    /// Name and version of the Helm chart.
    pub name: String,
    /// Whether it is at hand, or what is wrong with it.
    pub there: Result<bool, Error>,
}

/// The values of a release as they are rendered here: stand-ins take the place of secrets.
pub fn with_stand_ins(manifest: &Manifest, release: &ReleaseEntry, mut visible: Value) -> Value {
    let value_of = |secret: &SecretEntry| Some(stand_in(&secret.name, secret.kind));
    overlay::merge(&mut visible, &fill(manifest, release, value_of, STAND_IN_FINGERPRINT));
    visible
}

impl WantedRelease {
    /// A release by its entry, its values with stand-ins, and its archive.
    pub fn new(entry: &ReleaseEntry, values: Value, archive: Option<Vec<u8>>) -> Self {
        let needs = archive.as_ref().and_then(|bytes| kubernetes_needs(bytes).ok()).unwrap_or_default();
        Self { entry: entry.clone(), values, archive, needs, objects: Err(Unknown::NoArchive) }
    }

    /// The namespace in which an object of it would be.
    pub fn namespace_of<'o>(&'o self, object: &'o Object) -> &'o str {
        object.namespace.as_deref().unwrap_or(&self.entry.namespace)
    }

    /// Whether it is made only in a cluster without a default StorageClass.
    pub fn is_default_class(&self) -> bool {
        self.entry.condition == Some(Condition::NoDefaultClass)
    }
}

impl Wanted {
    /// Takes what `helm template` printed for each release.
    pub fn rendered(&mut self, rendered: Vec<Result<Secret, Unknown>>) {
        for (release, rendered) in self.releases.iter_mut().zip(rendered) {
            let read = |text: Secret| objects(&text, &release.entry.name).map_err(Unknown::Refused);
            release.objects = rendered.and_then(read);
        }
    }

    /// Every object that is known, with its release.
    pub fn objects(&self) -> impl Iterator<Item = (&WantedRelease, &Object)> {
        self.releases.iter().flat_map(|release| release.objects.iter().flatten().map(move |object| (release, object)))
    }

    /// The releases whose objects are not known.
    pub fn unknown(&self) -> impl Iterator<Item = (&WantedRelease, &Unknown)> {
        self.releases.iter().filter_map(|release| Some((release, release.objects.as_ref().err()?)))
    }

    /// A value of the jupyterhub or dask-gateway chart, which may stand at the top or in an umbrella.
    pub(super) fn value(&self, chart: &str, path: &str) -> Option<&Value> {
        let roots = [String::new(), format!("/{chart}")];
        let look = |release: &'_ WantedRelease| release.entry.helm_chart.clone();
        self.releases.iter().find_map(|release| {
            let own = look(release) == chart;
            roots
                .iter()
                .filter(|root| own || !root.is_empty())
                .find_map(|root| release.values.pointer(&format!("{root}{path}")).filter(|value| !value.is_null()))
        })
    }

    /// What is to be installed, by its releases.
    pub fn new(manifest: &Manifest, releases: Vec<WantedRelease>, archives: Vec<WantedArchive>) -> Self {
        let class = releases.iter().find(|release| release.is_default_class());
        let named = |class: &&Value| class.get("name").is_some_and(|name| !name.is_null());
        Self {
            chart: manifest.chart.clone(),
            namespace: manifest.namespace.clone(),
            needs_default_class: class.is_some(),
            new_class: class.and_then(|release| release.values.get("storageClass").filter(named)).cloned(),
            releases,
            archives,
        }
    }

    /// Leaves out the release that would make a default class, where there is one that it did not make;
    /// also where we may not look, as an installation does, or were told not to.
    pub fn settle(&mut self, classes: &Look<Vec<Class>>) {
        let own = |release: &WantedRelease| Some((release.entry.namespace.clone(), release.entry.name.clone()));
        self.releases.retain(|release| {
            let foreign = |class: &Class| class.is_default && class.made_by != own(release);
            !release.is_default_class() || classes.seen().is_some_and(|classes| !classes.iter().any(foreign))
        });
    }
}
