//! How a package travels: compressed whole, or as what it has over a package the receiver has.
//!
//! Nothing that comes in this form is signed. So a frame is refused by its header, before anything
//! is allocated for it, unless it promises exactly the signed length; and what comes out of it
//! counts only with the signed length and digest. Whoever is refused fetches the plain package.

mod base;
mod compressed;
mod delta;
mod error;
mod header;

pub use base::Base;
pub use compressed::{compress, expand};
pub use delta::{apply, create};
pub use error::{FrameFault, TransportError};

/// How much work a frame is worth to its maker; the receiver's work is the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effort {
    /// A second for 100 MiB: for tests and trials.
    Quick,
    /// A minute or two for 100 MiB; a third smaller. For what is made once and fetched by many.
    #[default]
    Best,
}

impl Effort {
    /// The compression level of the library.
    const fn level(self) -> i32 {
        match self {
            Self::Quick => 3,
            // Beyond 19, memory grows to gigabytes for less than a point of size.
            Self::Best => 19,
        }
    }
}
