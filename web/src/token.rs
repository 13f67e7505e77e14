//! Secrets that a browser carries, and the digests under which they are stored.
//! A secret itself is never stored, logged or compared as text.

use sha2::{Digest as _, Sha256};

/// 256 random bits; written as 64 lowercase hex digits in a cookie or a sign-in address.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A new secret from the system's random numbers.
    ///
    /// # Errors
    /// The system has none to give.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|source| NoRandomness { source })?;
        Ok(Self(bytes))
    }

    /// A secret of known bytes, for tests.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses 64 lowercase hex digits; anything else is no secret of ours.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The text form, for the one who may carry it.
    pub fn reveal(&self) -> String {
        hex::encode(self.0)
    }

    /// Under which it is stored.
    pub fn key(&self) -> SecretKey {
        SecretKey(Sha256::digest(self.0).into())
    }

    /// The form token that belongs to this session's secret: it can be computed from the secret
    /// only, and tells nothing about it.
    pub(crate) fn form_token(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"newleaf form token\0");
        hasher.update(self.0);
        hex::encode(hasher.finalize())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a [`Secret`]: what a store keeps, so that a stolen store signs nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key as a store kept it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("get random bytes from the system")]
pub struct NoRandomness {
    #[source]
    source: getrandom::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_its_text_form() {
        let secret = Secret::generate().unwrap();
        assert_eq!(Secret::parse(&secret.reveal()), Some(secret));
    }

    #[test]
    fn what_is_not_64_lowercase_hex_digits_is_no_secret() {
        let upper = "AB".repeat(32);
        for bad in ["", "ab", &"zz".repeat(32), &upper, &"ab".repeat(33)] {
            assert_eq!(Secret::parse(bad), None, "{bad:?} was accepted");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        assert_eq!(format!("{:?}", Secret::from_bytes([7; 32])), "Secret(…)");
    }

    #[test]
    fn the_form_token_differs_from_secret_and_key() {
        let secret = Secret::from_bytes([7; 32]);
        let token = secret.form_token();
        assert_ne!(token, secret.reveal());
        assert_ne!(token, hex::encode(secret.key().as_bytes()));
        assert_ne!(token, Secret::from_bytes([8; 32]).form_token());
    }
}
