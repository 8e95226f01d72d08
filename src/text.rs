//! Texts for people: folded to a width, cut to a length. Pure.

use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter};

/// The width of lines that go to whatever reads them: that of a terminal of old.
pub const WIDTH: usize = 80;
/// More names than this are counted, not listed.
const MAX_NAMES: usize = 8;

/// As many lines as a text takes; all but the first begin with the indent. The first keeps the spaces
/// that it begins with. Longer words stay whole, and so does what is quoted for a shell: a line end in it
/// would be a part of it.
pub fn folded(text: &str, width: usize, indent: &str) -> Vec<String> {
    let start = text.trim_start_matches(' ');
    let options = Options::new(width)
        .initial_indent(&text[..text.len() - start.len()])
        .subsequent_indent(indent)
        .break_words(false)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(start, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

/// A line of an answer for people, in as many lines of the usual width as it takes.
pub fn fold(text: &str, indent: &str) -> String {
    folded(text, WIDTH, indent).join("\n")
}

/// A text that begins at a column: its lines after the first begin there too.
pub fn hanging(text: &str, column: usize) -> String {
    folded(text, WIDTH.saturating_sub(column), "").join(&format!("\n{:column$}", ""))
}

/// Names in a row; of many, how many more there are.
pub fn named<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let rest = names.len().saturating_sub(MAX_NAMES);
    let mut shown: Vec<String> = names.take(MAX_NAMES).map(str::to_owned).collect();
    if rest > 0 {
        shown.push(format!("… and {rest} more"));
    }
    shown.join(", ")
}

/// A word as a shell takes it for one word.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The words of a line, each with the spaces after it.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut rest = line;
    Box::new(std::iter::from_fn(move || {
        let (word, after) = rest.split_at(word_end(rest));
        rest = after;
        (!word.is_empty()).then(|| Word::from(word))
    }))
}

/// Where the first word of a text ends, with the spaces after it.
fn word_end(text: &str) -> usize {
    let space = |from: usize| text[from..].find(' ').map_or(text.len(), |at| from + at);
    let mut end = space(0);
    if text.starts_with('\'') && !text[1..end].contains('\'') {
        end = text[1..].find('\'').map_or(end, |quote| space(quote + 2));
    }
    end + text[end..].len() - text[end..].trim_start_matches(' ').len()
}

/// A text of at most so many characters, with an ellipsis where more are left out.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text of somebody else on one line, of at most so many characters.
pub fn one_line(text: &str, most: usize) -> String {
    shortened(&harmless(&text.split_whitespace().collect::<Vec<_>>().join(" ")), most)
}

/// A text for a terminal, with escapes in place of what could rewrite it, hide a part of it or turn the direction of
/// its letters. Line ends and tabs stay; colours are ours to add, afterwards.
pub fn harmless(text: &str) -> String {
    escaped(text, &['\n', '\t'])
}

/// A text for a cell of a table: as [`harmless`], and no line end can make a row of it.
pub fn cell(text: &str) -> String {
    escaped(text, &[])
}

fn escaped(text: &str, stays: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if can_rewrite(c) && !stays.contains(&c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, and those of Unicode that embed, override or isolate a direction.
fn can_rewrite(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_rewrites_the_terminal() {
        for (text, shown) in [
            ("plain\tü\nnext", "plain\tü\nnext"),
            ("\x1b[8mhidden\x1b[0m", "\\u{1b}[8mhidden\\u{1b}[0m"),
            ("5.0\x1b[2J\x1b]0;t\x07", "5.0\\u{1b}[2J\\u{1b}]0;t\\u{7}"),
            ("over\rwritten \x1b[", "over\\rwritten \\u{1b}["),
            ("a\u{202e}b\u{9b}2J", "a\\u{202e}b\\u{9b}2J"),
        ] {
            assert_eq!(harmless(text), shown);
        }
        assert_eq!(one_line("a\x1b[2J\nb", 99), "a\\u{1b}[2J b");
        assert_eq!(cell("anna\nuser\teve\x1b[2J"), "anna\\nuser\\teve\\u{1b}[2J");
    }

    #[test]
    fn many_names_are_counted() {
        assert_eq!(named(["anna", "ben"].into_iter()), "anna, ben");
        assert_eq!(named(["u"; 8].into_iter()), ["u"; 8].join(", "));
        assert_eq!(named(["u"; 10].into_iter()), format!("{}, … and 2 more", ["u"; 8].join(", ")));
    }

    #[test]
    fn what_is_quoted_for_a_shell_stays_whole() {
        let text = "  run kubectl patch pvc x -p '{\"spec\": {\"a\": \"b c\"}}' and it's done, isn't it";
        let lines = folded(text, 30, "    ");
        assert!(lines.iter().any(|line| line.contains("'{\"spec\": {\"a\": \"b c\"}}'")), "{lines:#?}");
        assert_eq!((&lines[0][..5], &lines[1][..4]), ("  run", "    "));
        assert_eq!(lines.last().unwrap().trim(), "and it's done, isn't it");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!((shortened("äöü", 2).as_str(), shortened("äö", 2).as_str()), ("äö…", "äö"));
        assert_eq!(one_line(" a\n\n b\tc ", 9), "a b c");
    }

    proptest! {
        #[test]
        fn folding_loses_no_word(text in "[a-z' ]{0,60}|\\PC{0,40}", width in 1_usize..50) {
            let all = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let lines = folded(&text, width, "  ");
            prop_assert_eq!(all(&lines.join(" ")).concat(), all(&text).concat());
        }
    }
}
