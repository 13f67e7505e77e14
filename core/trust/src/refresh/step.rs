//! What a refresh asks of its caller and what it returns.

use std::collections::BTreeSet;

use newleaf_domain::{ByteSize, Namespace, Timestamp};

use crate::verified::Verified;
use crate::view::Targets;

/// What the caller wants to know about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Releases of core.
    pub core: bool,
    /// Apps of these namespaces.
    pub namespaces: BTreeSet<Namespace>,
    /// The catalogue, and apps of every namespace the repository delegates to.
    pub everything: bool,
}

impl Wanted {
    /// Core and every app there is.
    pub fn everything() -> Self {
        Self { core: true, namespaces: BTreeSet::new(), everything: true }
    }

    /// Core and the apps of `namespaces`.
    pub fn core_and(namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        Self { core: true, namespaces: namespaces.into_iter().collect(), everything: false }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Fetch a file, then [`crate::Refresh::supply`] what came of it. Asked again until then.
    Fetch(Fetch),
    /// Write these files durably (name, bytes), in this order, then go on.
    Persist(Vec<(String, Vec<u8>)>),
    /// The refresh is over.
    Done(Box<RefreshOutcome>),
}

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Below which address the path lies.
    pub place: Place,
    /// The path, such as `timestamp.json`, `3.snapshot.json`, `2.pub.acme.json`.
    pub path: String,
    /// The most bytes to read before giving up with [`Supplied::TooLarge`]; of the decoded body.
    pub max: ByteSize,
    /// What it means if the file is not there.
    pub absence: Absence,
}

/// The two addresses of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Roles: `URL/tuf/`.
    Metadata,
    /// Target files: `URL/targets/`.
    Target,
}

/// What the absence of a file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The expected end of the chain of roots: nothing to report.
    EndsChain,
    /// A fault of the repository.
    IsError,
}

/// What came of fetching a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Supplied {
    /// Its bytes, whole.
    Bytes(Vec<u8>),
    /// The repository says that there is no such file (HTTP 404 or 410, nothing else).
    NotFound,
    /// It is longer than [`Fetch::max`].
    TooLarge,
    /// It could not be fetched; a reason such as `503 Service Unavailable`.
    Unavailable(String),
}

/// What a refresh found.
#[derive(Debug, Clone, PartialEq)]
pub struct RefreshOutcome {
    /// The files on offer and who vouches for them.
    pub targets: Verified<Targets>,
    /// How new all of this is.
    pub freshness: Freshness,
}

/// How new what a refresh found is, and until when it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The time that expiry was judged by.
    pub judged_at: Timestamp,
    /// The newest time at which a verified file was signed, by the registry's clock.
    pub signed_at: Option<Timestamp>,
    /// Until when the root holds.
    pub root_expires: Timestamp,
    /// Until when the timestamp holds.
    pub timestamp_expires: Timestamp,
    /// Until when the snapshot holds.
    pub snapshot_expires: Timestamp,
    /// Until when the top targets role holds.
    pub targets_expires: Timestamp,
    /// Set where this machine's clock is behind the registry's; a warning, never a refusal.
    pub clock: Option<ClockBehind>,
}

impl Freshness {
    /// The first of the four expiries. What was found may be used before it and not after, also by
    /// a process that keeps it for long.
    pub fn usable_until(&self) -> Timestamp {
        self.root_expires
            .min(self.timestamp_expires)
            .min(self.snapshot_expires)
            .min(self.targets_expires)
    }
}

/// A clock that shows an earlier time than a file was signed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this machine's clock says {clock}, but the registry signed at {signed_at}")]
pub struct ClockBehind {
    /// What this machine's clock shows.
    pub clock: Timestamp,
    /// When the file was signed.
    pub signed_at: Timestamp,
}
