//! Container images that are known to be gone.

use std::collections::BTreeSet;

use serde_json::Value;

use super::finding::{Finding, Verdict};
use super::wanted::Wanted;

pub(super) fn check(wanted: &Wanted) -> Verdict {
    let mut images: BTreeSet<String> = wanted.objects().flat_map(|(_, object)| object.images.iter().cloned()).collect();
    for release in &wanted.releases {
        of_values(&release.values, &mut images);
    }
    let mut verdict = Verdict::of(format!("none of {} images is known to be gone", images.len()));
    verdict.findings.extend(images.iter().filter_map(|image| finding(image)));
    verdict
}

/// Images that values name as name (or repository) and tag: of pods that are made later, too.
fn of_values(value: &Value, images: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let text = |key: &str| map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            if let (Some(name), Some(tag)) = (text("repository").or_else(|| text("name")), text("tag")) {
                let registry = text("registry").map(|registry| format!("{registry}/")).unwrap_or_default();
                images.insert(format!("{registry}{name}:{tag}"));
            }
            map.values().for_each(|inner| of_values(inner, images));
        }
        Value::Array(items) => items.iter().for_each(|item| of_values(item, images)),
        _ => {}
    }
}

/// The part after Docker Hub's names; none where it is another registry.
fn on_docker_hub(image: &str) -> Option<&str> {
    let prefixes = ["docker.io/", "registry-1.docker.io/", "index.docker.io/"];
    if let Some(rest) = prefixes.iter().find_map(|prefix| image.strip_prefix(prefix)) {
        return Some(rest);
    }
    let first = image.split('/').next()?;
    (!first.contains('.') && !first.contains(':') && first != "localhost").then_some(image)
}

fn finding(image: &str) -> Option<Finding> {
    let inside = on_docker_hub(image)?;
    if let Some(name) = inside.strip_prefix("bitnami/") {
        // `latest` of some is still there; a digest or a version is not.
        let (name, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        return (tag != "latest").then(|| {
            Finding::fatal("image-gone", format!("the image {image} is gone"))
                .because("Bitnami took its versioned images from Docker Hub in 2025: the pod never starts")
                .fix("take the database engine postgresql (database.engine in the site file), or another chart")
                .fix(format!("for a while, without updates: docker.io/bitnamilegacy/{name}:{tag}"))
        });
    }
    inside.starts_with("bitnamilegacy/").then(|| {
        Finding::warning("image-unmaintained", format!("the image {image} gets no updates"))
            .because("Bitnami moved it there in 2025 to stay as it was, security holes included")
            .fix("take the database engine postgresql (database.engine in the site file), or another chart")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_gone_is_found() {
        let of = |image: &str| finding(image).map(|finding| finding.id);
        for gone in ["bitnami/postgresql:11.11.0", "docker.io/bitnami/postgresql:17.5.0-debian-12-r3"] {
            assert_eq!(of(gone), Some("image-gone"), "{gone}");
        }
        assert_eq!(of("docker.io/bitnamilegacy/postgresql:17"), Some("image-unmaintained"));
        for there in [
            "docker.io/library/postgres:17.11",
            "postgres:17",
            "quay.io/bitnami/postgresql:11",
            "localhost:5000/bitnami/x:1",
            "bitnami/postgresql:latest",
        ] {
            assert_eq!(of(there), None, "{there}");
        }
    }

    #[test]
    fn images_of_values_are_seen() {
        let mut images = BTreeSet::new();
        let values = serde_json::json!({
            "singleuser": {"image": {"name": "quay.io/a/b", "tag": "1"}},
            "image": {"registry": "docker.io", "repository": "bitnami/postgresql", "tag": "17"},
            "db": {"name": "jhub"},
        });
        of_values(&values, &mut images);
        assert_eq!(images.into_iter().collect::<Vec<_>>(), ["docker.io/bitnami/postgresql:17", "quay.io/a/b:1"]);
    }
}
