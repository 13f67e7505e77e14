//! HTML as plain words.

use super::clean;

/// How much of a text that is too long is kept, in characters.
const KEPT: usize = 20_000;

/// Elements that begin a new line or cell, and so part words.
const PARTING: [&str; 29] = [
    "blockquote",
    "br",
    "caption",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "summary",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

/// The tag that begins a picture's description, without its brackets.
pub(super) const PICTURE: &str = "span class=\"picture\"";

/// What ends it; there is no other tag within.
pub(super) const PICTURE_END: &str = "</span>";

/// The text of HTML that [`clean`] gave, in one line.
pub(crate) fn words(safe: &str) -> String {
    let mut text = String::with_capacity(safe.len());
    let mut rest = safe;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('>') else { break };
        let tag = rest[at + 1..at + end].trim_start_matches('/');
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if PARTING.contains(&name) {
            text.push(' ');
        }
        rest = &rest[at + end + 1..];
        if tag == PICTURE {
            // Its description is no part of the words on either side.
            let Some(end) = rest.find(PICTURE_END) else { break };
            text.push(' ');
            text.push_str(&rest[..end]);
            text.push(' ');
            rest = &rest[end + PICTURE_END.len()..];
        }
    }
    if !rest.starts_with('<') {
        text.push_str(rest);
    }
    // Exactly what the serialiser of HTML escapes; `&amp;` last.
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let text = text.replace("&nbsp;", " ").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line of plain text, at most `longest` characters, from HTML of a stranger.
pub(crate) fn line(html: &str, longest: usize) -> String {
    cut(&words(&clean(html, None)), longest)
}

/// `text` without control characters, at most `longest` characters.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    let text: String = text.chars().filter(|c| !c.is_control() && !is_direction(*c)).collect();
    if text.chars().count() <= longest {
        return text;
    }
    let cut: String = text.chars().take(longest.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// Marks that turn the direction of what follows: in a heading they could disguise the page's own
/// words (Unicode TR 36 §2.5).
const fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Where the tag that `html` begins with ends: at the first `>` outside quotes.
pub(super) fn tag_end(html: &str) -> Option<usize> {
    let mut quoted = false;
    html.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'>' && !quoted
    })
}

/// Everything between `<` and `>` left out: for what is too large to be read as HTML.
pub(super) fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in html.chars().take(KEPT * 20) {
        match letter {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            _ if inside => {}
            other => text.push(other),
        }
    }
    text
}

/// The beginning of plain text, as HTML.
pub(super) fn beginning(text: &str) -> String {
    let kept: String = text.chars().take(KEPT).collect();
    let mut html = String::from("<p>");
    crate::parse::push_escaped(&mut html, kept.trim());
    html.push_str("…</p>");
    html
}
