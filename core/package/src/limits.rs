//! Bounds of a package, in one place. They cap what is read, never what is believed.

use newleaf_domain::{ByteSize, Target};

/// The most that a reader accepts and a writer makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the whole file.
    pub total: ByteSize,
    /// Number of members.
    pub members: u16,
    /// Length of a member's name in bytes.
    pub name: u16,
}

impl Limits {
    /// An app: 64 MiB, 4096 members, names of 255 bytes (the usual bound of file systems).
    pub const fn app() -> Self {
        Self { total: ByteSize::mib(64), members: 4096, name: 255 }
    }

    /// A core: 512 MiB, otherwise as for an app.
    pub const fn core() -> Self {
        Self { total: ByteSize::mib(512), ..Self::app() }
    }

    /// The limits for packages of `target`.
    pub const fn of(target: &Target) -> Self {
        match target {
            Target::Core => Self::core(),
            Target::App(_) => Self::app(),
        }
    }
}
