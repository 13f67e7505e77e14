//! Plain tables: columns as wide as their widest cell, two spaces between them.

/// Rows under headings, aligned to the left. The last column is never padded.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
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
            table(["app", "version"], &rows),
            "APP         VERSION\nacme/notes  2.0.0\nacme/é      1"
        );
    }
}
