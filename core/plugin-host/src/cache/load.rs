//! Turns cached machine code into a component. The one place that trusts bytes as code, so it
//! does nothing else.
#![expect(
    unsafe_code,
    reason = "wasmtime cannot know who wrote compiled code; the hash is checked here"
)]

use newleaf_domain::Digest;
use wasmtime::{Engine, component::Component};

/// Machine code whose hash does not belong to it.
#[derive(Debug)]
pub(super) struct HashMismatch;

/// Loads `code` into `engine` if its SHA-256 is `expected`.
///
/// # Safety of the call inside
/// `Component::deserialize` runs whatever it is given. `code` was written by our own compiling
/// child into a folder that only we may enter (0700), and is the same, byte for byte, as what was
/// written then: `expected` was computed before it reached the disk. It is read into memory first,
/// so that nobody can change it between the check and the load. wasmtime itself refuses code of
/// another version or with other settings.
pub(super) fn load(
    engine: &Engine,
    code: &[u8],
    expected: &Digest,
) -> Result<wasmtime::Result<Component>, HashMismatch> {
    if Digest::of(code) != *expected {
        return Err(HashMismatch);
    }
    // SAFETY: see above: our own compiler's output, unchanged, in a folder of our own.
    Ok(unsafe { Component::deserialize(engine, code) })
}
