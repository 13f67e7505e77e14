//! Text made safe to stand in HTML.

/// Text that shows itself with `&`, `<`, `>`, `"` and `'` escaped, so that it may stand in an
/// element or in a quoted attribute. Everything that came from a person goes through here.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(&'a str);

/// Makes `text` safe to stand in HTML.
pub fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            f.write_str(&rest[..at])?;
            f.write_str(match rest.as_bytes()[at] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[at + 1..];
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn nothing_gets_out_of_an_element_or_attribute() {
        let hostile = r#"é<script>"x" & 'y'</script>"#;
        let safe = "é&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/script&gt;";
        assert_eq!(escape(hostile).to_string(), safe);
    }
}
