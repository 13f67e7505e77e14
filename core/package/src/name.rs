//! Names of members: the only paths a package can create.

use crate::error::NameFault;

/// The first member of every package.
pub const MANIFEST: &str = "manifest.json";

/// The path of a member, such as `assets/logo.svg`: parts of `A-Za-z0-9._-+@`, joined by `/`;
/// no part is empty, `.`, `..`, a Windows device, or ends with a dot.
///
/// Such a name means the same file on every file system, once letter case is folded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberName(String);

impl MemberName {
    /// Parses a name of at most `limit` bytes.
    ///
    /// # Errors
    /// The first rule that `bytes` break.
    pub fn parse(bytes: &[u8], limit: u16) -> Result<Self, NameFault> {
        if bytes.is_empty() {
            return Err(NameFault::Empty);
        }
        if bytes.len() > usize::from(limit) {
            return Err(NameFault::TooLong { length: bytes.len(), limit });
        }
        if let Some(&byte) = bytes.iter().find(|&&byte| !is_allowed(byte)) {
            return Err(NameFault::Character { byte });
        }
        if bytes[0] == b'/' {
            return Err(NameFault::Absolute);
        }
        let text = bytes.iter().map(|&byte| char::from(byte)).collect::<String>();
        text.split('/').try_for_each(check_part)?;
        Ok(Self(text))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with letter case folded: equal for two names that one file system could confuse.
    pub(crate) fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Every folder the name needs, outermost first: `a` and `a/b` for `a/b/c`.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }

    /// Whether the file is made executable when it is unpacked.
    pub(crate) fn is_executable(&self) -> bool {
        self.0.starts_with("bin/")
    }
}

impl std::fmt::Display for MemberName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'@' | b'/')
}

fn check_part(part: &str) -> Result<(), NameFault> {
    match part {
        "" => Err(NameFault::EmptyPart),
        "." => Err(NameFault::CurrentFolder),
        ".." => Err(NameFault::Parent),
        _ if part.ends_with('.') => Err(NameFault::TrailingDot),
        _ if is_device(part) => Err(NameFault::Device),
        _ => Ok(()),
    }
}

/// Whether Windows opens a device under this name, whatever follows its first dot.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_kept_as_they_are() {
        for name in
            ["manifest.json", "bin/newleaf", "assets/a+b@2x.png", "LICENSE", ".well-known/x"]
        {
            assert_eq!(MemberName::parse(name.as_bytes(), 255).unwrap().as_str(), name);
        }
    }

    #[test]
    fn the_folders_of_a_name_are_listed_from_the_outside_in() {
        let name = MemberName::parse(b"a/b/c", 255).unwrap();
        assert_eq!(name.folders().collect::<Vec<_>>(), ["a", "a/b"]);
    }

    #[test]
    fn a_device_is_recognised_whatever_its_ending() {
        for bad in ["nul", "NUL.txt", "a/Com1.svg", "lpt9"] {
            assert_eq!(MemberName::parse(bad.as_bytes(), 255), Err(NameFault::Device), "{bad}");
        }
        assert!(MemberName::parse(b"console/com10.txt", 255).is_ok());
    }
}
