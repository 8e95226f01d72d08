//! As much of Markdown as the documentation uses.

use std::collections::BTreeSet;

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) line: usize,
    pub(super) info: String,
    pub(super) text: String,
}

pub(super) fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (index, line) in markdown.lines().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        match &mut open {
            Some(_) if trimmed.trim_end() == "```" => blocks.extend(open.take().map(|(_, block)| block)),
            Some((indent, block)) => {
                block.text.push_str(line.get(*indent..).unwrap_or_default());
                block.text.push('\n');
            }
            None => {
                if let Some(info) = trimmed.strip_prefix("```") {
                    open = Some((indent, Block { line: index + 1, info: info.trim().to_owned(), text: String::new() }));
                }
            }
        }
    }
    assert!(open.is_none(), "a block is never closed: {open:?}");
    blocks
}

/// The text outside fenced blocks.
pub(super) fn prose(markdown: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// Code in the prose: what stands between single backticks, with its line.
pub(super) fn inline_code(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(markdown).lines().enumerate() {
        let parts: Vec<&str> = line.split('`').collect();
        found.extend(parts.iter().skip(1).step_by(2).map(|code| (index + 1, (*code).to_owned())));
    }
    found
}

/// The commands of a block with what each prints.
pub(super) fn steps(block: &Block) -> Vec<(usize, String, String)> {
    let mut steps: Vec<(usize, String, String)> = Vec::new();
    for (index, line) in block.text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push((block.line + 1 + index, command.to_owned(), String::new()));
        } else if let Some((_, command, output)) = steps.last_mut() {
            // A long command goes on in the next line.
            if output.is_empty() && command.ends_with('\\') {
                command.pop();
                command.push_str(line.trim_start());
            } else {
                output.push_str(line);
                output.push('\n');
            }
        } else {
            panic!("line {}: a console block begins with `$ `: {line}", block.line + 1 + index);
        }
    }
    steps
}

/// The words of a command as a shell would pass them on; nothing else that a shell does is allowed.
pub(super) fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut quoted = false;
    for c in command.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => words.last_mut().unwrap().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                quoted = true;
            }
            None if c.is_whitespace() => {
                if quoted || !words.last().unwrap().is_empty() {
                    words.push(String::new());
                }
                quoted = false;
            }
            None => {
                assert!(!"|&;<>()*`".contains(c), "more than a command: {command}");
                words.last_mut().unwrap().push(c);
            }
        }
    }
    if !quoted && words.last().unwrap().is_empty() {
        words.pop();
    }
    words
}

/// The parts of a document that each want a new folder.
pub(super) fn parts(markdown: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for (number, line) in markdown.lines().enumerate() {
        if line == "<!-- a new folder -->" {
            // Lines keep their numbers.
            parts.push("\n".repeat(number));
        }
        let part = parts.last_mut().unwrap();
        part.push_str(line);
        part.push('\n');
    }
    parts
}

/// One section of a document, from its heading to the next one of its level.
pub(super) fn section<'m>(markdown: &'m str, heading: &str) -> &'m str {
    let start = markdown.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")) + 1;
    let level = heading.split(' ').next().unwrap();
    let rest = &markdown[start + heading.len()..];
    &rest[..rest.find(&format!("\n{level} ")).unwrap_or(rest.len())]
}

/// The targets of `[text](target)`, with their lines.
pub(super) fn links(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(markdown).lines().enumerate() {
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            found.extend(rest.find(')').map(|end| (index + 1, rest[..end].to_owned())));
        }
    }
    found
}

/// The anchors of a document's headings, as GitHub makes them.
pub(super) fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = prose(markdown);
    let headings = headings
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_owned());
    headings
        .map(|heading| {
            let kept = heading.to_lowercase();
            kept.chars()
                .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_')
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}
