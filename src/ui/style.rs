//! Labels and their colours.

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
