//! What a hub leaves in the cluster and in its folder, to compare with that of an undisturbed run.
//!
//! Left out is what another run may have otherwise: the numbers of revisions, random names, times, and the
//! values of secrets, of which the names stand here; that they are kept is tested by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::thread::sleep;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cluster::Hub;
use crate::common::forms;

/// Made by controllers, by names of chance or by the clock; volumes are looked at through their claims.
const NOT_OURS: [&str; 8] = [
    "controllerrevisions",
    "endpoints",
    "endpointslices",
    "events",
    "persistentvolumes",
    "pods",
    "replicasets",
    "componentstatuses",
];
/// How often an API server is asked that is busy with something else, e.g. with a new kind of object.
const TRIES: usize = 40;
/// Helm keeps releases in Secrets of this type.
const RELEASE: &str = "helm.sh/release.v1";

/// What stands where, by a word for each thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footprint(BTreeMap<String, String>);

impl Footprint {
    /// What is otherwise in another one, a line for each thing.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let all: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let line = |what: &String| match (self.0.get(what), other.0.get(what)) {
            (Some(one), Some(two)) if one == two => None,
            (Some(one), Some(two)) => {
                let mut lines = one.lines().zip(two.lines().chain(std::iter::repeat("(ends)")));
                let (one, two) = lines.find(|(one, two)| one != two).unwrap_or(("(ends)", "(goes on)"));
                Some(format!("{what}: undisturbed `{}`, now `{}`", one.trim(), two.trim()))
            }
            (Some(_), None) => Some(format!("{what}: is missing")),
            (None, _) => Some(format!("{what}: is left over")),
        };
        all.into_iter().filter_map(line).collect()
    }
}

impl Hub<'_> {
    /// What there is of this hub now.
    pub(super) fn footprint(&self) -> Footprint {
        let mut all = BTreeMap::new();
        self.put_objects(&mut all);
        self.put_secrets(&mut all);
        self.put_claims(&mut all);
        self.put_files(&mut all);
        Footprint(all)
    }

    /// The volume of each claim.
    pub(super) fn volumes(&self) -> BTreeMap<String, String> {
        let claims = self.api().list(&self.core("persistentvolumeclaims"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        claims.iter().map(|claim| (text(&claim["metadata"]["name"]), text(&claim["spec"]["volumeName"]))).collect()
    }

    /// A list, of names alone.
    fn names(&self, path: &str) -> Vec<String> {
        let kind = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
        for _ in 0..TRIES {
            let (status, _, body) = self.api().forward("GET", path, [None, Some(kind)], Vec::new());
            match status {
                200 => {
                    let list: Value = serde_json::from_slice(&body).unwrap();
                    let items = list["items"].as_array().into_iter().flatten();
                    return items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect();
                }
                404 | 405 => return Vec::new(),
                429 => sleep(Duration::from_millis(250)),
                other => panic!("{path}: {other}"),
            }
        }
        panic!("{path}: the API server is busy");
    }

    /// Every object in the hub's namespace, and those of the whole cluster that carry its name.
    fn put_objects(&self, all: &mut BTreeMap<String, String>) {
        let groups = self.api().list_of("/apis", "groups");
        let preferred = groups.iter().map(|group| group["preferredVersion"]["groupVersion"].as_str().unwrap());
        let bases = preferred.map(|version| format!("/apis/{version}")).chain(["/api/v1".to_owned()]);
        for base in bases.filter(|base| !base.contains("/events.k8s.io/")) {
            for resource in self.api().list_of(&base, "resources") {
                let plural = resource["name"].as_str().unwrap();
                let is_listed = resource["verbs"].as_array().unwrap().contains(&json!("list"));
                if !is_listed || plural.contains('/') || NOT_OURS.contains(&plural) {
                    continue;
                }
                let (path, is_inside) = if resource["namespaced"] == json!(true) {
                    (format!("{base}/namespaces/{}/{plural}", self.namespace), true)
                } else {
                    (format!("{base}/{plural}"), plural == "storageclasses")
                };
                let names = self.names(&path).into_iter().filter(|name| is_inside || name.contains(&self.namespace));
                let ours = names.filter(|name| !name.starts_with("sh.helm.release.v1."));
                all.extend(ours.map(|name| {
                    let name =
                        if name.starts_with("helm-iris-bundle-v") { "helm-iris-bundle".to_owned() } else { name };
                    (format!("object {plural}/{name}"), String::new())
                }));
            }
        }
    }

    /// Releases with what Helm made of them, the applied bundles, and all other Secrets.
    fn put_secrets(&self, all: &mut BTreeMap<String, String>) {
        let mut newest: BTreeMap<String, (u64, Value)> = BTreeMap::new();
        let mut applied: Option<(u64, Value)> = None;
        let shared = self.api().list("/api/v1/namespaces/helm-iris-system/secrets");
        for secret in self.api().list(&self.core("secrets")).into_iter().chain(shared) {
            let meta = &secret["metadata"];
            let (name, labels) = (meta["name"].as_str().unwrap().to_owned(), &meta["labels"]);
            let number = |label: &str| labels[label].as_str().and_then(|number| number.parse::<u64>().ok());
            if secret["type"] == RELEASE {
                let status = labels["status"].as_str().unwrap();
                assert!(!status.starts_with("pending-"), "{name} is {status}");
                let (release, revision) = (labels["name"].as_str().unwrap().to_owned(), number("version").unwrap());
                if newest.get(&release).is_none_or(|(there, _)| revision > *there) {
                    newest.insert(release, (revision, secret));
                }
            } else if let Some(number) = number("helm-iris/bundle") {
                applied = applied.filter(|(there, _)| *there > number).or(Some((number, secret)));
            } else if name == "helm-iris-ledger" {
                all.insert("ledger".into(), secret_names(&secret).join("\n"));
            } else {
                all.insert(format!("Secret {name}"), self.masked(&decoded(&secret["data"])));
            }
        }
        for (name, (_, secret)) in newest {
            // What all hubs share may have been made by another one, with another Helm.
            let is_ours = secret["metadata"]["namespace"] == *self.namespace;
            let text = if is_ours {
                self.masked(&release(&secret))
            } else {
                secret["metadata"]["labels"]["status"].to_string()
            };
            all.insert(format!("release {name}"), text);
        }
        if let Some((_, secret)) = applied {
            let notes = &secret["metadata"]["annotations"];
            let here = std::fs::read(self.env.path(&self.namespace).join("bundle.yaml")).unwrap_or_default();
            let is_here = notes["helm-iris/digest"] == helm_iris::fs::sha256_hex(&here);
            let text = format!("that of the folder: {is_here}; to the end: {}", notes["helm-iris/applied"]);
            all.insert("applied bundle".into(), text);
        }
        let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/helm-iris", self.namespace);
        if let Some(lease) = self.api().get(&lease) {
            all.insert("Lease".into(), format!("holder: {}", lease["spec"]["holderIdentity"]));
        }
    }

    /// Claims, and what becomes of their volumes.
    fn put_claims(&self, all: &mut BTreeMap<String, String>) {
        for (claim, volume) in self.volumes() {
            let policy = if volume.is_empty() { "none yet".to_owned() } else { self.policy(&volume) };
            all.insert(format!("claim {claim}"), policy);
        }
    }

    /// The files of the bundle that helm reads, byte for byte but for secrets; of all others that they are there.
    fn put_files(&self, all: &mut BTreeMap<String, String>) {
        for (path, file) in self.env.tree().files().filter(|(path, _)| !path.ends_with(".tmp")) {
            let is_read = ["/values.yaml", "/overrides.yaml", "/secrets.yaml"].iter().any(|end| path.ends_with(end));
            let text = if is_read { self.masked(&String::from_utf8_lossy(&file.bytes)) } else { String::new() };
            all.insert(format!("file {path}"), format!("{:04o}\n{text}", file.mode));
        }
    }

    /// The text with names in the place of secrets.
    fn masked(&self, text: &str) -> String {
        let secrets = self.env.secrets();
        let hidden = secrets.iter().fold(text.to_owned(), |text, (name, value)| {
            forms(value).iter().fold(text, |text, form| text.replace(form, &format!("[SECRET:{name}]")))
        });
        self.env.filter(&hidden)
    }
}

/// The names in a ledger.
fn secret_names(ledger: &Value) -> Vec<String> {
    let text = decoded(&json!({"": ledger["data"]["ledger.yaml"]}));
    let ledger: Value = serde_yaml::from_str(text.trim_start_matches(": ")).unwrap();
    ledger["secrets"].as_object().unwrap().keys().cloned().collect()
}

/// The data of a Secret as text.
fn decoded(data: &Value) -> String {
    let text = |value: &Value| String::from_utf8_lossy(&STANDARD.decode(value.as_str().unwrap()).unwrap()).into_owned();
    let entries = data.as_object().into_iter().flatten();
    entries.map(|(key, value)| format!("{key}: {}\n", text(value))).collect()
}

/// Status, values and manifest of a revision.
fn release(secret: &Value) -> String {
    let text = decoded(&json!({"": secret["data"]["release"]}));
    let packed = STANDARD.decode(text.trim_start_matches(": ").trim_end()).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    let release: Value = serde_json::from_slice(&bytes).unwrap();
    let (info, config) = (&release["info"], serde_yaml::to_string(&release["config"]).unwrap());
    let manifest = in_clear(release["manifest"].as_str().unwrap());
    format!("{}\n{}\n{config}\n{manifest}", info["status"], info["description"])
}

/// A manifest with the data of its Secrets as text, in which secrets can be found; without checksums of them.
fn in_clear(manifest: &str) -> String {
    let decoded = |text: &str| String::from_utf8(STANDARD.decode(text.trim().trim_matches('"')).ok()?).ok();
    let line = |line: &str| match line.split_once(": ") {
        Some((key, _)) if key.trim_start().starts_with("checksum/") => format!("{key}:\n"),
        Some((key, text)) if text.len() > 16 => {
            format!("{key}: {}\n", decoded(text).unwrap_or_else(|| text.to_owned()))
        }
        _ => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}
