//! Shell completion, asked for by Helm through `plugin.complete`.

use std::ffi::OsString;

use clap::CommandFactory;
use clap_complete::engine::{self, CompletionCandidate};

use super::Cli;

/// Helm's directive to keep the shell from adding file names (`ShellCompDirectiveNoFileComp`).
const NO_FILES: &str = ":4";
/// The same, and no space after the word (`ShellCompDirectiveNoSpace`): a folder's name goes on.
const NO_FILES_NO_SPACE: &str = ":6";
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
    // Flags are offered to who began one; among the words they would drown what is looked for.
    let flags = words.last().is_some_and(|word| word.to_string_lossy().starts_with('-'));
    let is_flag = |candidate: &CompletionCandidate| candidate.get_value().to_string_lossy().starts_with('-');
    let wanted = |candidate: &&CompletionCandidate| !candidate.is_hide_set() && (flags || !is_flag(candidate));
    let mut lines: Vec<String> = found.iter().filter(wanted).map(line).collect();
    let folders = found.iter().any(|candidate| candidate.get_value().to_string_lossy().ends_with('/'));
    let directive = match (found.is_empty(), folders) {
        (true, _) => DEFAULT,
        (false, true) => NO_FILES_NO_SPACE,
        (false, false) => NO_FILES,
    };
    lines.push(directive.to_owned());
    lines.join("\n")
}

fn line(candidate: &CompletionCandidate) -> String {
    let value = candidate.get_value().to_string_lossy();
    match candidate.get_help() {
        Some(help) => format!("{value}\t{}", help.to_string().lines().next().unwrap_or_default()),
        None => value.into_owned(),
    }
}
