//! What the registry's tests share: a registry in a temporary folder, an author who signs, and a
//! host that reads the repository.
#![expect(clippy::unwrap_used, reason = "a fault here fails the test")]

pub(crate) mod author;
pub(crate) mod host;
pub(crate) mod world;
