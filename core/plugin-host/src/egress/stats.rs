//! Counts what an app asked of the outside.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What an app asked of the outside since it was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboundStats {
    /// Requests it made, refused ones included.
    pub requests: u64,
    /// Requests the host refused: not granted, a forbidden address, a limit.
    pub denied: u64,
    /// Requests that were let out and failed: no such name, no answer, a bad certificate.
    pub failed: u64,
    /// Bytes of bodies it sent.
    pub sent: u64,
    /// Bytes of bodies it received.
    pub received: u64,
}

/// The counters behind [`OutboundStats`].
#[derive(Debug, Default)]
pub(crate) struct OutboundCounters {
    pub(crate) requests: AtomicU64,
    pub(crate) denied: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
}

impl OutboundCounters {
    pub(crate) fn read(&self) -> OutboundStats {
        OutboundStats {
            requests: self.requests.load(Relaxed),
            denied: self.denied.load(Relaxed),
            failed: self.failed.load(Relaxed),
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
        }
    }
}
