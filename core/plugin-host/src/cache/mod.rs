//! Compiled code on disk: disposable, found by the component's digest and the engine's, and
//! checked with our own hash before it is loaded.

mod entry;
mod load;

pub(crate) use entry::{Cache, CacheError, Loaded};

use newleaf_domain::Digest;

/// A component that has been compiled and can be loaded by the host that prepared it.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) digest: Digest,
}

impl Prepared {
    /// SHA-256 of the component it was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
