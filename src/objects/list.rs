//! Lists whose order means nothing, because Kubernetes merges them by a key.

use serde_json::{Map, Value};

use super::difference::Step;

/// The lists of Kubernetes' own kinds that are merged by a key. All others are one value.
const BY_KEY: [(&str, &str); 13] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
    ("env", "name"),
    ("volumes", "name"),
    ("imagePullSecrets", "name"),
    ("secrets", "name"),
    ("webhooks", "name"),
    ("resourceClaims", "name"),
    ("hostAliases", "ip"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("topologySpreadConstraints", "topologyKey"),
];

/// The key by which the list at a path is merged, if it is.
pub fn key_of(path: &[Step]) -> Option<&'static str> {
    let [above @ .., Step::Key(name)] = path else { return None };
    if name == "ports" {
        let in_container = matches!(above, [.., Step::Key(list), Step::Item { .. }] if list.ends_with("ontainers"));
        let in_service = matches!(above, [Step::Key(spec)] if spec == "spec");
        return if in_container { Some("containerPort") } else { in_service.then_some("port") };
    }
    // In a map of texts, these are names that somebody chose.
    BY_KEY.iter().find(|(list, _)| list == name).map(|(_, key)| *key)
}

/// An element of two lists, as far as each has it.
pub(super) type Pair<'v> = (Step, Option<&'v Value>, Option<&'v Value>);

/// Two lists element by element; none where an element has no key or one has it twice.
pub(super) fn by_key<'v>(from: &'v [Value], to: &'v [Value], key: &'static str) -> Option<Vec<Pair<'v>>> {
    let (from, to) = (keyed(from, key)?, keyed(to, key)?);
    let find =
        |list: &[(String, &'v Value)], id: &str| list.iter().find(|(other, _)| other == id).map(|(_, item)| *item);
    let step = |id: &str, item: &Value| Step::Item { id: id.to_owned(), key, element: keys_only(item) };
    let mut pairs: Vec<_> = from.iter().map(|(id, item)| (step(id, item), Some(*item), find(&to, id))).collect();
    pairs.extend(
        to.iter().filter(|(id, _)| find(&from, id).is_none()).map(|(id, item)| (step(id, item), None, Some(*item))),
    );
    Some(pairs)
}

/// Elements by what tells them apart: ports of one number differ by protocol.
fn keyed<'v>(list: &'v [Value], key: &str) -> Option<Vec<(String, &'v Value)>> {
    let mut found: Vec<(String, &Value)> = Vec::new();
    for item in list {
        let id = match item.get(key)? {
            Value::String(text) => text.clone(),
            number @ Value::Number(_) => number.to_string(),
            _ => return None,
        };
        let id = match item.get("protocol").and_then(Value::as_str) {
            Some(protocol) if key.ends_with("ort") && protocol != "TCP" => format!("{id}/{protocol}"),
            _ => id,
        };
        if found.iter().any(|(other, _)| *other == id) {
            return None;
        }
        found.push((id, item));
    }
    Some(found)
}

/// What tells an element from others, by whichever keys Kubernetes uses.
fn keys_only(item: &Value) -> Map<String, Value> {
    const KEYS: [&str; 9] = [
        "name",
        "containerPort",
        "port",
        "protocol",
        "ip",
        "mountPath",
        "devicePath",
        "topologyKey",
        "whenUnsatisfiable",
    ];
    KEYS.into_iter().filter_map(|key| Some((key.to_owned(), item.get(key)?.clone()))).collect()
}
