//! What a shell may offer for an argument that names a chart or a profile.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap_complete::engine::CompletionCandidate;

use super::Environment;
use crate::library::Library;

/// The names of charts that begin as typed.
pub fn charts(typed: &OsStr) -> Vec<CompletionCandidate> {
    candidates(typed, &library().chart_names().unwrap_or_default())
}

/// The names of profiles that begin as typed.
pub fn profiles(typed: &OsStr) -> Vec<CompletionCandidate> {
    candidates(typed, &library().profile_names().unwrap_or_default())
}

fn library() -> Library {
    Library::new(std::iter::once(PathBuf::from(".")).chain(Environment::read().config_folder).collect())
}

fn candidates(typed: &OsStr, names: &[String]) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    names.iter().filter(|name| name.starts_with(&*typed)).map(CompletionCandidate::new).collect()
}
