//! Plain tables: columns as wide as their widest cell, two spaces between them; on a narrow terminal
//! one line a cell.

use super::width;

/// Rows under headings, as there is room for them.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    if width::narrow().is_some() { stacked(headings, rows) } else { wide(headings, rows) }
}

/// One line a cell, behind its heading, and an empty line between two rows.
fn stacked<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let row = |row: &[String; N]| {
        let cells = headings.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let lines = cells.map(|(heading, cell)| format!("{}: {cell}", heading.to_uppercase()));
        lines.collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\n\n")
}

/// Aligned to the left. The last column is never padded.
fn wide<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let headings = headings.map(str::to_uppercase);
    std::iter::once(&headings)
        .chain(rows)
        .map(|row| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Each of `parts` that is there, joined by ` · `.
pub(crate) fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows =
            [["acme/notes".to_owned(), "2.0.0".to_owned()], ["acme/é".to_owned(), "1".to_owned()]];
        assert_eq!(
            wide(["app", "version"], &rows),
            "APP         VERSION\nacme/notes  2.0.0\nacme/é      1"
        );
        assert_eq!(
            stacked(["app", "version"], &rows),
            "APP: acme/notes\nVERSION: 2.0.0\n\nAPP: acme/é\nVERSION: 1"
        );
    }
}
