//! The values of the guide that this product replaces fail, with their two known errors and no other.

use serde_json::Value;

use super::refusals;
use crate::common::{read, repo, skipped, upstream};

/// The YAML block of the guide that begins with this line, without its indentation.
fn block(guide: &str, first: &str) -> Value {
    let lines = guide.lines().skip_while(|line| line.trim_start() != first);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = lines.peekable();
    let outer = indent(lines.peek().unwrap_or_else(|| panic!("the guide has {first:?}")));
    let inside = lines.take_while(|line| line.trim().is_empty() || indent(line) >= outer);
    let text = inside.map(|line| line.get(outer..).unwrap_or_default()).collect::<Vec<_>>().join("\n");
    serde_yaml::from_str(&text).unwrap()
}

#[test]
fn the_guides_values_fail_with_exactly_their_two_known_errors() {
    let Some(upstream) = upstream("the guide's values against the upstream schemas") else { return };
    let guide = std::env::var_os("IRIS_SHARED").map_or_else(|| repo().join("../shared"), Into::into);
    let guide: std::path::PathBuf = guide.join("reference/iris-guide.txt");
    if !guide.exists() {
        return skipped("the guide's values", "the guide is not at hand");
    }
    let guide = read(&guide);
    // Each begins after a line of prose that is followed by `::`.
    let after = |marker: &str| guide.split_once(marker).unwrap().1.to_owned();
    let hub = block(&after("jupyter datascience-notebook image::"), "proxy:");
    let daskhub = block(&after("An example secrets.yaml file::"), "jupyterhub:");
    assert_eq!(hub["singleuser"]["image"]["tag"], "hub-1.1.0", "it is the guide's block: {hub}");
    assert_eq!(daskhub["dask-gateway"]["gateway"]["auth"]["jupyterhub"]["apiToken"], "<token2>", "{daskhub}");
    for values in [&hub, &daskhub["jupyterhub"]] {
        let found = refusals(&upstream, "jupyterhub-4.4.0", values);
        let places: Vec<_> = found.iter().map(|error| error.split_once(": ").unwrap().0).collect();
        assert_eq!(places, ["/hub/db/type", "/singleuser/storage/type"], "{found:#?}");
        assert!(found.iter().all(|error| error.contains("postgresql")), "{found:#?}");
    }
    assert_eq!(refusals(&upstream, "dask-gateway-2026.3.0", &daskhub["dask-gateway"]), Vec::<String>::new());
}
