//! Words of a command line that a person is told to type. Only quotes: nothing is run here.

use std::ffi::OsStr;

/// `word` as a POSIX shell reads it back, quoted where it has to be (POSIX.1-2024, Shell Command
/// Language §2.2.2). The one way by which a path gets into a command that is shown.
pub fn word(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref().to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(word("/srv/newleaf"), "/srv/newleaf");
        assert_eq!(word("acme/notes"), "acme/notes");
        assert_eq!(word("/srv/new leaf"), "'/srv/new leaf'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word("$(id)"), "'$(id)'");
        assert_eq!(word(""), "''");
    }
}
