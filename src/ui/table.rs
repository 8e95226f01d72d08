//! Tables.

use crate::text::{cell, folded};

/// Room that the last column needs beside the others; with less it goes below them.
const ROOM: usize = 24;

/// Columns of cells that are one line each, whatever is in them; as wide as their widest cell; the last one is left ragged. On a terminal it is folded to what is
/// left of the width; elsewhere lines stay whole for `grep`.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let terminal = console::Term::stdout();
    let width = terminal.is_term().then(|| usize::from(terminal.size().1).clamp(40, 120));
    lines(head, rows, width)
}

fn lines(head: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|text| cell(text)).collect()).collect();
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let line = |row: &Vec<String>| {
        let Some((last, others)) = row.split_last() else { return String::from('\n') };
        let columns = others.iter().zip(&widths);
        let lead: String = columns.map(|(cell, width)| format!("{cell:width$}  ")).collect();
        let start = lead.chars().count();
        let line = match width.filter(|width| start + last.chars().count() > *width) {
            None => format!("{lead}{last}"),
            Some(width) if start + ROOM <= width => {
                format!("{lead}{}", folded(last, width - start, "").join(&format!("\n{:start$}", "")))
            }
            Some(width) => format!("{}\n{}", lead.trim_end(), folded(&format!("    {last}"), width, "    ").join("\n")),
        };
        format!("{}\n", line.trim_end())
    };
    std::iter::once(&head).chain(&rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_makes_no_row() {
        let rows = [vec!["anna\nuser eve".to_owned(), "10Gi".to_owned()]];
        assert_eq!(lines(&["OWNER", "SIZE"], &rows, None), "OWNER           SIZE\nanna\\nuser eve  10Gi\n");
    }

    #[test]
    fn the_last_column_is_folded_where_there_is_a_width() {
        let rows = [["a", "one and two and three"], ["bcd", ""]].map(|row| row.map(str::to_owned).to_vec());
        let table = |head: &[&str], width| lines(head, &rows, width);
        assert_eq!(table(&["X", "Y"], None), "X    Y\na    one and two and three\nbcd\n");
        assert_eq!(table(&["X", "Y"], Some(26)), table(&["X", "Y"], None));
        let long = [vec!["a".to_owned(), "one and two and three and four and five".to_owned()]];
        assert_eq!(lines(&["X", "Y"], &long, Some(30)), "X  Y\na  one and two and three and\n   four and five\n");
        let wide = "x".repeat(20);
        let below = lines(&[wide.as_str(), "Y"], &long, Some(40));
        assert_eq!(below, format!("{wide}  Y\na\n    one and two and three and four and\n    five\n"));
    }
}
