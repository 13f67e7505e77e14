//! Texts that authors write and people read before they say yes: what may stand in them, and how
//! those that could not be refused are shown. Forms no opinion on what a text says.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest name of an app, in characters.
pub const MAX_NAME: usize = 60;
/// The longest summary, in characters.
pub const MAX_SUMMARY: usize = 160;
/// The longest reason of a capability, in characters: what fits a consent page on a phone.
pub const MAX_REASON: usize = 300;
/// The longest sentence about a migration, a break or a security fault, in characters.
pub const MAX_SENTENCE: usize = 1_000;

/// Why a text is not shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitText {
    /// A character that is not seen itself but changes how what is around it looks.
    #[error("has U+{code:04X} at character {at}, which controls how the text looks")]
    Hidden {
        /// The character's number.
        code: u32,
        /// Where it stands, counted from 1.
        at: usize,
    },
    /// More characters than fit.
    #[error("has {length} characters, more than {most}")]
    TooLong {
        /// What it has.
        length: usize,
        /// What it may have.
        most: usize,
    },
}

/// Whether `c` is not seen itself but changes how what is around it looks.
///
/// That is a control (C0, C1, DEL), a separator of lines, a control of writing direction (Unicode
/// Annex 9 §2), or a character without a width.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Checks a text of one line: no hidden character, at most `most` characters.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn fits(text: &str, most: usize) -> Result<(), UnfitText> {
    if let Some((before, c)) = text.chars().enumerate().find(|(_, c)| is_hidden(*c)) {
        return Err(UnfitText::Hidden { code: u32::from(c), at: before + 1 });
    }
    let length = text.chars().count();
    if length > most { Err(UnfitText::TooLong { length, most }) } else { Ok(()) }
}

/// `text` with every hidden character but line end and tab as `\u{…}`, so that a terminal obeys none.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_with(text, |shown, c| write!(shown, "\\u{{{:x}}}", u32::from(c)))
}

/// JSON with every hidden character as JSON itself escapes it (RFC 8259 §7): it reads the same.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    escaped_with(json, |shown, c| {
        let mut units = [0; 2];
        c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(shown, "\\u{unit:04x}"))
    })
}

fn escaped_with(text: &str, form: impl Fn(&mut String, char) -> std::fmt::Result) -> Cow<'_, str> {
    let is_escaped = |c: char| !matches!(c, '\n' | '\t') && is_hidden(c);
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        // Writing to a String cannot fail.
        if !is_escaped(c) || form(&mut shown, c).is_err() {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// What a program said of itself as one line of at most `most` characters: white space is one
/// space, hidden characters are `\u{…}`, what is cut ends with `…`.
pub fn line(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = escaped(&line);
    if shown.chars().count() <= most {
        return shown.into_owned();
    }
    shown.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_changes_how_it_looks_does_not_fit() {
        for (text, code) in [
            ("x\u{1b}[2J", 0x1b),
            ("x\ny", 0xa),
            ("x\u{9b}2J", 0x9b),
            ("x\u{7f}", 0x7f),
            ("x\u{202e}evil", 0x202e),
            ("x\u{2066}evil", 0x2066),
            ("x\u{200b}", 0x200b),
            ("x\u{feff}", 0xfeff),
            ("x\u{e0041}", 0xe_0041),
        ] {
            assert_eq!(fits(text, 60), Err(UnfitText::Hidden { code, at: 2 }), "{text:?}");
        }
        for text in ["Notizbücher – für alle", "ノート", "שלום", "a 🗒️ b", ""] {
            assert_eq!(fits(text, 60), Ok(()), "{text:?}");
        }
        assert_eq!(
            fits("ü".repeat(61).as_str(), 60),
            Err(UnfitText::TooLong { length: 61, most: 60 })
        );
    }

    #[test]
    fn what_is_shown_all_the_same_is_seen_and_not_obeyed() {
        assert_eq!(escaped("a\u{1b}[31m\r\nb\u{202e}"), "a\\u{1b}[31m\\u{d}\nb\\u{202e}");
        assert!(matches!(escaped("plain\ntext"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_reads_the_same_however_it_is_escaped() {
        let text = "a\u{9b}b\u{202e}c\u{e0041}d";
        let json = serde_json::to_string(text).unwrap();
        let shown = escaped_json(&json);
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn what_a_program_says_becomes_one_short_line() {
        assert_eq!(line("no\n  room\u{1b}[0m\tleft", 60), "no room\\u{1b}[0m left");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(line(&"x\n".repeat(9_000), 300).chars().count(), 300);
    }
}
