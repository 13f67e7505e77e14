//! Editions of a product.

use crate::{InvalidWord, text_word};

/// An edition of a product, such as `community`: 1 to 32 of `a-z`, `0-9`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edition(String);

impl Edition {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let fits = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWord::new("edition", text, "1 to 32 of a-z, 0-9, '-'"))
        }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_word!(Edition);

impl Default for Edition {
    /// `community`, the edition of a product that has only one.
    fn default() -> Self {
        Self("community".to_owned())
    }
}
