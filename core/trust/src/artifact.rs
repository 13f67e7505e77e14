//! Digests of target files, and the check of a finished download. Sees lengths and digests, never
//! the bytes of a large file at once.

use newleaf_domain::{ByteSize, Digest};
use sha2::{Digest as _, Sha256, Sha512};

use crate::TrustError;
use crate::role::TargetFile;

/// SHA-512 of a file's bytes; written as 128 lowercase hex digits (TUF §4.5 `hashes`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha512Digest([u8; 64]);

impl Sha512Digest {
    /// Parses 128 lowercase hex digits.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, newleaf_domain::InvalidWord> {
        let expected = "128 lowercase hex digits";
        let invalid = || newleaf_domain::InvalidWord::new("SHA-512 digest", text, expected);
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(invalid());
        }
        let mut bytes = [0; 64];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| invalid())?;
        Ok(Self(bytes))
    }
}

impl std::fmt::Display for Sha512Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}
impl std::fmt::Debug for Sha512Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sha512Digest({})", hex::encode(&self.0[..6]))
    }
}

/// Both digests that a role gives of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// The one that names the file.
    pub sha256: Digest,
    /// The one that guards against a break of the first.
    pub sha512: Sha512Digest,
}

impl Hashes {
    /// Both digests of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish().1
    }
}

/// Grows both digests while a file streams by.
#[derive(Debug, Clone, Default)]
pub struct Hasher {
    sha256: Sha256,
    sha512: Sha512,
    length: u64,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sha512.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// The length and the digests of all bytes taken.
    pub fn finish(self) -> (ByteSize, Hashes) {
        let sha256 = Digest::from_bytes(self.sha256.finalize().into());
        let sha512 = Sha512Digest(self.sha512.finalize().into());
        (ByteSize::bytes(self.length), Hashes { sha256, sha512 })
    }
}

/// Whether what was downloaded is what was signed (TUF §5.7).
///
/// # Errors
/// [`TrustError::LengthMismatch`] or [`TrustError::DigestMismatch`].
pub fn check_target(
    target: &TargetFile,
    length: ByteSize,
    sha256: Digest,
) -> Result<(), TrustError> {
    let file = || target.path.clone();
    if length != target.length {
        let (found, signed) = (length, target.length);
        return Err(TrustError::LengthMismatch { file: file(), found, signed });
    }
    if sha256 != target.sha256 {
        let (found, signed) = (sha256, target.sha256);
        return Err(TrustError::DigestMismatch { file: file(), found, signed });
    }
    Ok(())
}
