//! The package that a delta is made over, checked to be the one it is taken for.

use std::io::Read;
use std::path::Path;

use newleaf_domain::{ByteSize, Digest};

use super::TransportError;
use crate::{Limits, PackageWriter, Written};

/// A whole package in memory, with the digest that was expected of it.
#[derive(Debug, Clone)]
pub struct Base {
    bytes: Vec<u8>,
}

impl Base {
    /// Puts a package together again from the folder it was unpacked into.
    ///
    /// # Errors
    /// The folder cannot be read, or what comes together has not `sha256`: a file in it was changed,
    /// or the package came from another writer.
    pub fn rebuild(folder: &Path, limits: Limits, sha256: Digest) -> Result<Self, TransportError> {
        let writer = PackageWriter::from_folder(folder, limits).map_err(TransportError::Rebuild)?;
        let bytes = writer.write_to_memory().map_err(TransportError::Rebuild)?;
        Self::checked(bytes, sha256)
    }

    /// Reads a package of a known length.
    ///
    /// # Errors
    /// It cannot be read, or is another one than `expected`.
    pub fn read(from: impl Read, expected: Written) -> Result<Self, TransportError> {
        let mut bytes = memory(expected.length)?;
        let mut from = from.take(expected.length.as_u64().saturating_add(1));
        from.read_to_end(&mut bytes).map_err(TransportError::io("reading the base"))?;
        Self::checked(bytes, expected.sha256)
    }

    fn checked(bytes: Vec<u8>, expected: Digest) -> Result<Self, TransportError> {
        let found = Digest::of(&bytes);
        if found == expected {
            Ok(Self { bytes })
        } else {
            Err(TransportError::OtherBase { found, expected })
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// An empty buffer that holds `length` bytes without growing; an error where there is no memory.
pub(super) fn memory(length: ByteSize) -> Result<Vec<u8>, TransportError> {
    let refused = || TransportError::Memory { length };
    let count = usize::try_from(length.as_u64()).map_err(|_| refused())?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(count).map_err(|_| refused())?;
    Ok(bytes)
}
