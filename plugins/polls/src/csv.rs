//! Tables as comma-separated values (RFC 4180) that no spreadsheet takes for formulas.

/// One line.
pub(crate) fn push_line(out: &mut String, cells: &[&str]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_cell(out, cell);
    }
    out.push_str("\r\n");
}

fn push_cell(out: &mut String, cell: &str) {
    out.push('"');
    // What begins so would be computed by a spreadsheet, with whatever it can reach (OWASP, CSV
    // Injection).
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        out.push('\'');
    }
    out.push_str(&cell.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let mut out = String::new();
        push_line(&mut out, &["a", "b \"c\", d", "=1+1", "@x", "", "ä\nö"]);
        assert_eq!(out, "\"a\",\"b \"\"c\"\", d\",\"'=1+1\",\"'@x\",\"\",\"ä\nö\"\r\n");
    }
}
