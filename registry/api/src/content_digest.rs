//! `Content-Digest` of an upload (RFC 9530 §2): what the sender says the bytes are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use newleaf_domain::{Digest, InvalidWord};

/// The header's name.
pub const CONTENT_DIGEST: &str = "content-digest";

/// A `Content-Digest` by SHA-256: `sha-256=:<base64>:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentDigest(pub Digest);

impl ContentDigest {
    /// Parses the header; algorithms other than `sha-256` are passed over (RFC 9530 §2).
    ///
    /// # Errors
    /// No `sha-256` member, or one that is not 32 bytes of base64 between colons.
    pub fn parse(header: &str) -> Result<Self, InvalidWord> {
        let invalid = || InvalidWord::new("Content-Digest", header, "sha-256=:<base64>:");
        let mut members = header.split(',').filter_map(|member| member.trim().split_once('='));
        let (_, value) = members.find(|(name, _)| *name == "sha-256").ok_or_else(invalid)?;
        let text = value.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
        let bytes = STANDARD.decode(text.ok_or_else(invalid)?).map_err(|_| invalid())?;
        Ok(Self(Digest::from_bytes(bytes.try_into().map_err(|_| invalid())?)))
    }
}

impl std::fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha-256=:{}:", STANDARD.encode(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9530 §2: `{"hello": "world"}` and a line feed.
    const HELLO: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";

    #[test]
    fn the_example_of_the_rfc_is_read_and_written() {
        let digest = ContentDigest(Digest::of(b"{\"hello\": \"world\"}\n"));
        assert_eq!(digest.to_string(), HELLO);
        assert_eq!(ContentDigest::parse(HELLO).unwrap(), digest);
        assert_eq!(ContentDigest::parse(&format!("sha-512=:AA==:, {HELLO}")).unwrap(), digest);
    }

    #[test]
    fn a_header_without_a_whole_sha_256_is_refused() {
        for bad in ["", "sha-256", "sha-256=RK/0", "sha-256=:AAAA:", "md5=:AAAA:", "sha-256=:*:"] {
            assert!(ContentDigest::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
