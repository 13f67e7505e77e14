//! The launcher protocol that this program speaks.

use std::sync::OnceLock;

use newleaf_launcher::proto::PROTOCOL;

/// Set where a test makes a program that speaks a later one.
static SPOKEN: OnceLock<u32> = OnceLock::new();

/// The protocol, [`PROTOCOL`] in every product.
pub(crate) fn spoken() -> u32 {
    SPOKEN.get().copied().unwrap_or(PROTOCOL)
}

/// From now on this program says that it speaks `protocol`.
pub(crate) fn speak(protocol: u32) {
    SPOKEN.get_or_init(|| protocol);
}
