//! Shell completion, asked for by Helm through `plugin.complete`.

use std::ffi::OsString;

use clap::CommandFactory;
use clap_complete::engine::{self, CompletionCandidate};

use super::Cli;

/// Helm's directive to keep the shell from adding file names (`ShellCompDirectiveNoFileComp`).
const NO_FILES: &str = ":4";
/// Helm's directive for the shell's own behaviour (`ShellCompDirectiveDefault`).
const DEFAULT: &str = ":0";

/// The answer to Helm: candidates with descriptions, then the directive.
pub fn answer(words: &[OsString]) -> String {
    let mut args = vec![OsString::from("helm-iris")];
    args.extend(words.iter().cloned());
    if words.is_empty() {
        args.push(OsString::new());
    }
    let index = args.len() - 1;
    let folder = std::env::current_dir().ok();
    let found = engine::complete(&mut Cli::command(), args, index, folder.as_deref()).unwrap_or_default();
    let mut lines: Vec<String> = found.iter().filter(|candidate| !candidate.is_hide_set()).map(line).collect();
    lines.push(if found.is_empty() { DEFAULT } else { NO_FILES }.to_owned());
    lines.join("\n")
}

fn line(candidate: &CompletionCandidate) -> String {
    let value = candidate.get_value().to_string_lossy();
    match candidate.get_help() {
        Some(help) => format!("{value}\t{}", help.to_string().lines().next().unwrap_or_default()),
        None => value.into_owned(),
    }
}
