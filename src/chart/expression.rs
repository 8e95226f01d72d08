//! The words of a template expression: names, dotted paths, text, filters.

/// One word of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A dotted path or a keyword, e.g. `users.image.name` or `and`.
    Path(String),
    /// A quoted text or a number.
    Literal,
    /// `|`
    Pipe,
    /// Punctuation and operators.
    Other(char),
}

/// Splits an expression into words with their byte offsets.
pub(super) fn words(text: &str) -> Vec<(usize, Word)> {
    let mut words = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        let word = match first {
            c if c.is_whitespace() => continue,
            '"' | '\'' | '`' => {
                while rest.next().is_some_and(|(_, c)| c != first) {}
                Word::Literal
            }
            c if c.is_ascii_digit() => {
                while rest.next_if(|(_, c)| c.is_ascii_digit() || *c == '.').is_some() {}
                Word::Literal
            }
            c if c.is_alphabetic() || c == '_' => {
                let mut end = start + c.len_utf8();
                while let Some((at, c)) = rest.next_if(|(_, c)| c.is_alphanumeric() || "_.".contains(*c)) {
                    end = at + c.len_utf8();
                }
                Word::Path(text[start..end].to_owned())
            }
            '|' => Word::Pipe,
            c => Word::Other(c),
        };
        words.push((start, word));
    }
    words
}

/// Byte offset just past the closing mark of a tag, ignoring marks inside quoted text.
pub(super) fn tag_end(text: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            None if text[at..].starts_with(close) => return Some(at + close.len()),
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            _ => {}
        }
    }
    None
}
