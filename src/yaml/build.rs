//! From parser events to a [`Document`], with every problem of the file.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Value};

use super::{Document, pointer_join, scalar};
use crate::problem::{Place, Problem};

/// Deeper nesting than any values file needs; keeps hostile input from exhausting the stack.
const MAX_DEPTH: usize = 64;

/// Reads one YAML document.
///
/// # Errors
/// All problems of the file: syntax, duplicate keys, anchors, tags, a second document, and
/// scalars that Helm's YAML 1.1 parser would read differently.
pub fn parse(file: &str, text: &str) -> Result<Document, Vec<Problem>> {
    let mut builder = Builder::new(file);
    builder.problems.extend(unreadable(file, text));
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => {
                let at = Some(place_of(*error.marker()));
                builder.problems.push(Problem::error(file, at, format!("not YAML: {}", error.info())));
                break;
            }
        }
        if builder.stop {
            break;
        }
    }
    if builder.problems.is_empty() {
        Ok(Document {
            file: file.to_owned(),
            value: match builder.root {
                None | Some(Value::Null) => Value::Object(Map::new()),
                Some(value) => value,
            },
            places: builder.places,
        })
    } else {
        Err(builder.problems)
    }
}

/// Characters that YAML 1.1 takes for line breaks or refuses, and directives.
fn unreadable(file: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let at = |column: usize| Some(Place { line: number + 1, column: column + 1 });
        if line.starts_with('%') {
            problems.push(Problem::error(file, at(0), "a YAML directive is not supported").fix("remove the line"));
        }
        let bad = |c: &char| c.is_control() && *c != '\t' || matches!(c, '\u{2028}' | '\u{2029}');
        if let Some((column, c)) = line.chars().enumerate().find(|(_, c)| bad(c)) {
            let message = format!("the character U+{:04X} cannot stand in YAML", u32::from(c));
            problems.push(
                Problem::error(file, at(column), message).fix("remove it, or write it as an escape in double quotes"),
            );
        }
    }
    problems
}

fn place_of(marker: saphyr_parser::Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

enum Frame {
    List { pointer: String, items: Vec<Value> },
    Map { pointer: String, entries: Map<String, Value>, key: Option<String> },
}

struct Builder<'f> {
    file: &'f str,
    stack: Vec<Frame>,
    root: Option<Value>,
    places: HashMap<String, Place>,
    problems: Vec<Problem>,
    documents: usize,
    stop: bool,
}

impl<'f> Builder<'f> {
    fn new(file: &'f str) -> Self {
        Self {
            file,
            stack: Vec::new(),
            root: None,
            places: HashMap::new(),
            problems: Vec::new(),
            documents: 0,
            stop: false,
        }
    }

    fn refuse(&mut self, place: Place, message: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(Problem::error(self.file, Some(place), message).fix(fix));
    }

    fn event(&mut self, event: Event<'_>, span: Span) {
        let place = place_of(span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.refuse(place, "a second document starts here", "keep one document in a file");
                    self.stop = true;
                }
            }
            Event::Alias(_) => {
                self.refuse(place, "an alias (`*name`) is not supported", "write the value out");
                self.value(Value::Null, place);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.no_anchor_or_tag(anchor, tag.as_ref(), place);
                self.scalar(text, style, place);
            }
            Event::SequenceStart(anchor, tag) => {
                self.no_anchor_or_tag(anchor, tag.as_ref(), place);
                let pointer = self.open(place);
                self.stack.push(Frame::List { pointer, items: Vec::new() });
            }
            Event::MappingStart(anchor, tag) => {
                self.no_anchor_or_tag(anchor, tag.as_ref(), place);
                let pointer = self.open(place);
                self.stack.push(Frame::Map { pointer, entries: Map::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame::List { items, .. }) => self.close(Value::Array(items)),
                Some(Frame::Map { entries, .. }) => self.close(Value::Object(entries)),
                None => {}
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }

    fn no_anchor_or_tag(&mut self, anchor: usize, tag: Option<&Cow<'_, Tag>>, place: Place) {
        if anchor > 0 {
            self.refuse(place, "an anchor (`&name`) is not supported", "write the value out where it is used");
        }
        if tag.is_some() {
            self.refuse(place, "a tag (`!name`) is not supported", "remove it, and quote the value if it is a string");
        }
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, place: Place) {
        let plain = style == ScalarStyle::Plain;
        let is_key = matches!(self.stack.last(), Some(Frame::Map { key: None, .. }));
        if let Some(reading) = plain.then(|| scalar::trap(&text, is_key)).flatten() {
            self.refuse(
                place,
                format!("`{text}` is read by Helm (YAML 1.1) as {reading}, by others as something else"),
                match reading.as_str() {
                    "the boolean true" => format!("write true, or \"{text}\" for the string"),
                    "the boolean false" => format!("write false, or \"{text}\" for the string"),
                    _ => format!("quote it: \"{text}\""),
                },
            );
        }
        if is_key {
            self.key(&text, place);
        } else if plain {
            self.value(scalar::read_1_2(&text), place);
        } else {
            self.value(Value::String(text.into_owned()), place);
        }
    }

    fn key(&mut self, name: &str, place: Place) {
        let Some(Frame::Map { pointer, entries, key }) = self.stack.last_mut() else {
            return;
        };
        let at = pointer_join(pointer, name);
        let first = entries.contains_key(name).then(|| self.places.get(&at).copied()).flatten();
        *key = Some(name.to_owned());
        if let Some(first) = first {
            self.refuse(
                place,
                format!("the key `{name}` stands here a second time (first on line {})", first.line),
                "keep one of the two",
            );
        }
        self.places.insert(at, place);
    }

    fn open(&mut self, place: Place) -> String {
        if self.stack.len() >= MAX_DEPTH {
            self.refuse(place, format!("nested deeper than {MAX_DEPTH} levels"), "flatten it");
            self.stop = true;
        }
        let pointer = match self.stack.last_mut() {
            None => String::new(),
            Some(Frame::List { pointer, items }) => pointer_join(pointer, &items.len().to_string()),
            Some(Frame::Map { pointer, key, .. }) => {
                if let Some(key) = key {
                    pointer_join(pointer, key)
                } else {
                    self.refuse(place, "a map or list cannot be a key", "use a string as the key");
                    self.stop = true;
                    return String::new();
                }
            }
        };
        self.places.entry(pointer.clone()).or_insert(place);
        pointer
    }

    fn value(&mut self, value: Value, place: Place) {
        if let Some(Frame::List { pointer, items }) = self.stack.last() {
            self.places.insert(pointer_join(pointer, &items.len().to_string()), place);
        }
        self.close(value);
    }

    fn close(&mut self, value: Value) {
        match self.stack.last_mut() {
            None => self.root = Some(value),
            Some(Frame::List { items, .. }) => items.push(value),
            Some(Frame::Map { entries, key, .. }) => {
                if let Some(key) = key.take() {
                    entries.insert(key, value);
                }
            }
        }
    }
}
