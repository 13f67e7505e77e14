//! Names of namespaces and apps.

use crate::{InvalidWord, text_word};

/// Longest part of a name in bytes; two parts, a version and a file stay under the path limit.
pub const MAX_PART: usize = 39;

/// An author's namespace: 1 to 39 of `a-z`, `0-9`, `-`; starts with a letter, no `-` at the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(String);

impl Namespace {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        if is_part(text) && !RESERVED.contains(&text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWord::new("namespace", text, PART_FORM))
        }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_word!(Namespace);

/// An app's name, `<namespace>/<app>`, such as `acme/notes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    text: String,
    slash: usize,
}

impl PackageName {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let expected = "<namespace>/<app>, each 1 to 39 of a-z, 0-9, '-', starting with a letter";
        let invalid = || InvalidWord::new("app name", text, expected);
        let (namespace, app) = text.split_once('/').ok_or_else(invalid)?;
        if !is_part(namespace) || !is_part(app) || RESERVED.contains(&namespace) {
            return Err(invalid());
        }
        Ok(Self { text: text.to_owned(), slash: namespace.len() })
    }

    /// The name made of its two parts.
    pub fn new(namespace: &Namespace, app: &str) -> Result<Self, InvalidWord> {
        Self::parse(&format!("{namespace}/{app}"))
    }

    /// The text form, `<namespace>/<app>`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The author's part.
    pub fn namespace(&self) -> Namespace {
        Namespace(self.text[..self.slash].to_owned())
    }

    /// The app's own part.
    pub fn app(&self) -> &str {
        &self.text[self.slash + 1..]
    }
}
text_word!(PackageName);

/// Words that mean something else in a path, a command or a device name.
const RESERVED: &[&str] =
    &["core", "meta", "apps", "tuf", "targets", "con", "nul", "prn", "aux", "newleaf"];
const PART_FORM: &str = "1 to 39 of a-z, 0-9, '-', starting with a letter, and not reserved";

fn is_part(text: &str) -> bool {
    (1..=MAX_PART).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_name_keeps_both_parts() {
        let name = PackageName::parse("acme/notes").unwrap();
        assert_eq!((name.namespace().as_str(), name.app()), ("acme", "notes"));
    }

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for bad in [
            "", "acme", "acme/", "/notes", "../x", "a/b/c", "A/b", "a/B", "core/x", "a/x-", "a/..",
            "a/é",
        ] {
            assert!(PackageName::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
