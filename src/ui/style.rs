//! Labels, their colours, and wrapping.

use console::Style;

/// A word at the start of a line that tells what the line is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Label {
    Error,
    Warning,
    Hint,
    Fix,
}

impl Label {
    pub(super) fn show(self, color: bool) -> String {
        let (text, style) = match self {
            Self::Error => ("error:", Style::new().red().bold()),
            Self::Warning => ("warning:", Style::new().yellow().bold()),
            Self::Hint => ("hint:", Style::new().cyan()),
            Self::Fix => ("fix:", Style::new().cyan()),
        };
        style.force_styling(color).apply_to(text).to_string()
    }
}

/// Wraps a line to the terminal's width; where there is no terminal, lines stay whole for `grep`.
pub(super) fn wrap(text: &str, width: Option<usize>, indent: &str) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let lead: String = text.chars().take_while(|c| *c == ' ').collect();
    let options = textwrap::Options::new(width)
        .subsequent_indent(indent)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .initial_indent(&lead);
    textwrap::fill(text.trim_start_matches(' '), options)
}
