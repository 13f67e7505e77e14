//! Names of hosts, as a browser's address line and a request's `Host` have them. Resolves none.

use crate::{InvalidWord, text_word};

/// Longest name in bytes, without a dot at its end (RFC 1035 §2.3.4).
const MAX_NAME: usize = 253;

/// Longest label in bytes (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// A host name in lower case: labels of `a-z`, `0-9`, `-`, parted by dots, none at the end
/// (RFC 1123 §2.1). Never an IP address. An international name is in its `xn--` form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// Parses a name; upper case and a dot at the end are no difference (RFC 4343, RFC 1034 §3.1).
    ///
    /// # Errors
    /// It is none, or an IP address, or has a port.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
        let is_address = name.rsplit('.').next().is_some_and(is_number);
        if name.len() > MAX_NAME || is_address || !name.split('.').all(is_label) {
            return Err(InvalidWord::new("host name", text, FORM));
        }
        Ok(Self(name))
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_word!(HostName);

const FORM: &str = "a name such as apps.example.com, without scheme, port and wildcard";

fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_the_last_dot_make_no_difference() {
        let name = HostName::parse("Apps.Example.COM.").unwrap();
        assert_eq!(name, HostName::parse("apps.example.com").unwrap());
        assert_eq!(name.as_str(), "apps.example.com");
        assert_eq!(HostName::parse("localhost").unwrap().as_str(), "localhost");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("{}.example.com", "a".repeat(64));
        for bad in [
            "",
            ".",
            "a..b",
            ".a",
            "-a.example.com",
            "a-.example.com",
            "a_b.example.com",
            "127.0.0.1",
            "[::1]",
            "::1",
            "example.com:80",
            "https://example.com",
            "*.example.com",
            "a/b",
            "é.example.com",
            "u@example.com",
            &long,
        ] {
            assert!(HostName::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
