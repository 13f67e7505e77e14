//! The entity tag of a role (RFC 9110 §8.8.3): its version between quotes.

use newleaf_domain::InvalidWord;

/// A role's version as the strong entity tag of `ETag` and `If-Match`: `"7"`. A namespace without a
/// role has `"0"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleTag(pub u64);

impl RoleTag {
    /// Parses exactly one strong tag; `*`, weak tags and lists are refused, because none of them
    /// says which version the sender has seen.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(header: &str) -> Result<Self, InvalidWord> {
        let invalid =
            || InvalidWord::new("role's entity tag", header, "a version in quotes: \"7\"");
        let text = header.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let version = text.and_then(|text| text.parse().ok()).ok_or_else(invalid)?;
        let tag = Self(version);
        if tag.to_string() == header.trim() { Ok(tag) } else { Err(invalid()) }
    }
}

impl std::fmt::Display for RoleTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RoleTag;

    #[test]
    fn only_one_strong_tag_is_read() {
        assert_eq!(RoleTag::parse("\"12\"").unwrap(), RoleTag(12));
        for bad in ["12", "*", "W/\"12\"", "\"1\", \"2\"", "\"\"", "\"012\"", "\"-1\"", "\"+1\""] {
            assert!(RoleTag::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
