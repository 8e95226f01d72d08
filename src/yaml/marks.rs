//! Whether every interpolated value stands as a whole YAML value.

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::problem::Place;

/// Stands for an interpolated value, between double quotes; no template writes it by itself.
pub const MARK: &str = "\u{e000}";

/// Where a marked value is only a part of something. In a block scalar a value is text among text;
/// everywhere else it must be the whole scalar, or its content could end the scalar early.
pub fn split_marks(text: &str) -> Vec<Place> {
    let mut split = Vec::new();
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        if let Event::Scalar(content, style, ..) = event
            && content.contains(MARK)
        {
            let whole = style == ScalarStyle::DoubleQuoted && content == MARK;
            if !whole && !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                split.push(Place { line: span.start.line(), column: span.start.col() + 1 });
            }
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_inside_other_text_is_seen() {
        let marked = |text: &str| split_marks(&text.replace('@', &format!("\"{MARK}\""))).len();
        for text in ["a: @", "@: b", "a: [@, @]", "- @", "a: |\n  x = @ + 1\n", "# @\na: b", "a: {b: @}"] {
            assert_eq!(marked(text), 0, "{text}");
        }
        for text in [
            "a: x@",
            "a: b @",
            "a: ['b, @, c']",
            "a: foo\n  @",
            "# note: |\na: [x@]",
            "- a: |\n    text\n  b: [x@]",
            "a: b, @",
        ] {
            assert_eq!(marked(text), 1, "{text}");
        }
    }
}
