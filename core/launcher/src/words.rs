//! What a program said of its own end, made fit to stand in a record: one line, short, only text.
//!
//! A version may say anything; what is shown of it can neither hide what stands around it nor
//! fill the journal.

/// The most that is kept, in bytes: several causes in one line, and still a line.
pub const MOST: usize = 500;

/// What stands where something was cut.
const CUT: &str = "…";

/// `text` on one line, without what is not seen or turns the reading around, and cut at [`MOST`].
pub fn plain(text: &str) -> String {
    let seen =
        text.chars().filter(|it| !is_hidden(*it)).map(|it| if it.is_control() { ' ' } else { it });
    let line = seen.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= MOST {
        return line;
    }
    let end = line.floor_char_boundary(MOST - CUT.len());
    format!("{}{CUT}", line[..end].trim_end())
}

/// Characters without a shape, and those that change the direction of others (Unicode's
/// `Default_Ignorable_Code_Point` and `Bidi_Control`, as far as text has them).
const fn is_hidden(it: char) -> bool {
    matches!(it, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_one_short_line_of_what_can_be_seen() {
        assert_eq!(
            plain("newleaf.db\n\tis\u{1b}[31m damaged\u{202e}\0"),
            "newleaf.db is [31m damaged"
        );
        assert_eq!(plain(""), "");
        let long = plain(&"ä".repeat(MOST));
        assert!(long.len() <= MOST && long.ends_with("ä…"), "{long}");
    }
}
