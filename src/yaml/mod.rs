//! YAML as people write it, with the place of everything; and YAML as Helm reads it.
//!
//! Helm reads values by a YAML 1.1 parser, we and most editors by YAML 1.2. A document in which
//! the two would differ is refused, so what we validate is what Helm reads.

mod build;
mod emit;
mod marks;
mod scalar;

use std::collections::HashMap;

use serde_json::Value;

pub use build::parse;
pub use emit::{inline, literal_document};
pub use marks::{MARK, split_marks};

use crate::problem::Place;

/// One YAML document and where each of its parts stands.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file as the reader knows it.
    pub file: String,
    /// The content; an empty file is an empty map.
    pub value: Value,
    places: HashMap<String, Place>,
}

impl Document {
    /// A document of ours that no file holds.
    pub fn synthetic(file: impl Into<String>, value: Value) -> Self {
        Self { file: file.into(), value, places: HashMap::new() }
    }

    /// Where the part at a JSON pointer stands: its key if it has one, else the nearest parent's.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                return Some(*place);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }
}

impl Document {
    /// The part at a pointer as a document of its own, with its places.
    pub fn nested(&self, pointer: &str, value: Value) -> Self {
        let strip = |(at, place): (&String, &Place)| Some((at.strip_prefix(pointer)?.to_owned(), *place));
        Self { file: self.file.clone(), value, places: self.places.iter().filter_map(strip).collect() }
    }
}

/// Appends one step to a JSON pointer (RFC 6901).
pub fn pointer_join(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// A JSON pointer as people read it: `hub.db.type`, `containers[0].name`.
pub fn pointer_to_path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if step.chars().all(|c| c.is_ascii_digit()) && !step.is_empty() && !path.is_empty() {
            path.push_str(&format!("[{step}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&step);
        }
    }
    path
}
