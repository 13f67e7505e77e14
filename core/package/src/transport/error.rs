//! Why a package could not be made of what travelled.

use std::io;

use newleaf_domain::{ByteSize, Digest};

use crate::WriteError;

/// Why a frame was not made, or no package came out of one. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// A file could not be read or written. Says nothing about the frame.
    #[error("{doing} failed")]
    Io {
        /// `reading the frame`, `writing the package`, …
        doing: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// There is not enough memory. Says nothing about the frame.
    #[error("{length} of memory cannot be had")]
    Memory {
        /// How much was asked for.
        length: ByteSize,
    },
    /// The base could not be put together from its folder.
    #[error("the base could not be rebuilt")]
    Rebuild(#[source] WriteError),
    /// The base is not the package it should be: changed on disk, or written by another writer.
    #[error("the base has SHA-256 {found}, not {expected}")]
    OtherBase {
        /// What it has.
        found: Digest,
        /// What it should have.
        expected: Digest,
    },
    /// The frame's header is refused.
    #[error("the frame {0}")]
    Frame(FrameFault),
    /// The frame breaks the format, or was made over another base.
    #[error("the frame is damaged: {words}")]
    Damaged {
        /// The library's words.
        words: String,
    },
    /// Something stands after the frame's end, or it has no end.
    #[error("the frame is {found}, but ends at {end}")]
    Leftover {
        /// Bytes there are.
        found: ByteSize,
        /// Where the frame ends.
        end: ByteSize,
    },
    /// Another package came out than the signed one.
    #[error("what came out has SHA-256 {found}, but {signed} was signed")]
    Digest {
        /// What came out.
        found: Digest,
        /// What was signed.
        signed: Digest,
    },
    /// The library could not make a frame.
    #[error("no frame could be made: {words}")]
    Encoder {
        /// The library's words.
        words: String,
    },
}

impl TransportError {
    /// Whether the machine failed and not the frame.
    pub const fn is_machine_fault(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Memory { .. })
    }

    pub(super) const fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    pub(super) fn damaged(code: zstd::zstd_safe::ErrorCode) -> Self {
        Self::Damaged { words: zstd::zstd_safe::get_error_name(code).to_owned() }
    }

    pub(super) fn encoder(code: zstd::zstd_safe::ErrorCode) -> Self {
        Self::Encoder { words: zstd::zstd_safe::get_error_name(code).to_owned() }
    }
}

/// What is wrong with a frame's header. Completes "the frame …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// It is shorter than a header, or begins with something else.
    #[error("does not begin with a header")]
    NoHeader,
    /// It needs a dictionary that nobody has.
    #[error("asks for a dictionary")]
    Dictionary,
    /// Bits are set that have no meaning yet.
    #[error("uses a later version of the format")]
    Reserved,
    /// It does not say what comes out of it.
    #[error("does not say how long its content is")]
    NoLength,
    /// What comes out of it is not the signed length.
    #[error("promises {found}, but {signed} was signed")]
    Length {
        /// What it says.
        found: ByteSize,
        /// What was signed.
        signed: ByteSize,
    },
    /// It asks for more memory than the packages can need.
    #[error("asks for a window of {found}, more than {allowed}")]
    Window {
        /// What it asks for.
        found: ByteSize,
        /// What is given.
        allowed: ByteSize,
    },
}
