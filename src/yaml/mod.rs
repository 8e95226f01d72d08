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
    let mut joined = Pointer(pointer.to_owned());
    joined.push(step);
    joined.0
}

/// A JSON pointer that grows and shrinks on the way through a document.
#[derive(Debug, Default)]
pub struct Pointer(String);

impl Pointer {
    /// As text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Does something one step further down.
    pub fn within<R>(&mut self, step: &str, what: impl FnOnce(&mut Self) -> R) -> R {
        let above = self.0.len();
        self.push(step);
        let result = what(self);
        self.0.truncate(above);
        result
    }

    fn push(&mut self, step: &str) {
        self.0.push('/');
        for character in step.chars() {
            match character {
                '~' => self.0.push_str("~0"),
                '/' => self.0.push_str("~1"),
                _ => self.0.push(character),
            }
        }
    }
}

/// A text in which control characters, which could rewrite the terminal, stand as escapes.
pub fn printable(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

/// A JSON pointer as people read it: `hub.db.type`, `containers[0].name`.
pub fn pointer_to_path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = printable(&step.replace("~1", "/").replace("~0", "~"));
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
