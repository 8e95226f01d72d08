//! Profiles: the facts of one cloud, one extending another.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::layers::Layer;
use crate::library::{Library, Origin};
use crate::problem::Problem;
use crate::yaml::{Document, parse};

/// A profile with all that it extends.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// Its layers, the most general first.
    pub layers: Vec<Layer>,
    /// Where each of them was found, the profile itself first.
    pub origins: Vec<(String, Origin)>,
}

impl Profile {
    /// Loads a profile and what it extends.
    ///
    /// # Errors
    /// Unknown or cyclic `extends`, unknown keys, wrong types: all problems of all files at once.
    pub fn load(library: &Library, name: &str) -> Result<Self> {
        let mut profile =
            Self { name: name.to_owned(), description: String::new(), layers: Vec::new(), origins: Vec::new() };
        let mut problems = Vec::new();
        let mut next = Some((name.to_owned(), None::<Problem>));
        while let Some((current, from)) = next.take() {
            if profile.origins.iter().any(|(seen, _)| *seen == current) {
                problems.extend(from.map(|problem| cycle(problem, &profile.origins, &current)));
                break;
            }
            let file = match (library.profile(&current), from) {
                (Ok(file), _) => file,
                (Err(error), Some(problem)) => {
                    problems.push(Problem { fix: error.hints.first().cloned(), ..problem });
                    break;
                }
                (Err(error), None) => return Err(error),
            };
            profile.origins.push((current.clone(), file.origin.clone()));
            match parse(&file.file, &file.text) {
                Ok(mut document) => {
                    let description = take_text(&mut document, "description", &mut problems);
                    if current == name {
                        profile.description = description.unwrap_or_default();
                    }
                    next = take_text(&mut document, "extends", &mut problems).map(|base| {
                        let message = format!("`extends: {base}`: there is no such profile");
                        let problem = Problem::error(&document.file, document.place("/extends"), message);
                        (base, Some(problem))
                    });
                    let name = format!("profile {current}");
                    if file.origin == Origin::Shipped {
                        profile.layers.insert(0, Layer::shipped(name, &file.text, document));
                        continue;
                    }
                    match Layer::check(name, &file.text, document) {
                        Ok(layer) => profile.layers.insert(0, layer),
                        Err(more) => problems.extend(more),
                    }
                }
                Err(more) => problems.extend(more),
            }
        }
        if problems.is_empty() {
            return Ok(profile);
        }
        Err(Error::problems(format!("the profile `{name}` is not right"), problems))
    }
}

fn cycle(problem: Problem, origins: &[(String, Origin)], back_to: &str) -> Problem {
    let chain: Vec<&str> = origins.iter().map(|(name, _)| name.as_str()).chain([back_to]).collect();
    Problem {
        message: format!("`extends` goes round in a circle: {}", chain.join(" → ")),
        fix: Some("remove one of the `extends:`".to_owned()),
        ..problem
    }
}

/// Takes a string key out of a document.
pub(crate) fn take_text(document: &mut Document, key: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let place = document.place(&format!("/{key}"));
    let taken = document.value.as_object_mut()?.shift_remove(key)?;
    match taken {
        Value::String(text) => Some(text),
        Value::Null => None,
        _ => {
            problems.push(Problem::error(&document.file, place, format!("`{key}` is not a string")));
            None
        }
    }
}
