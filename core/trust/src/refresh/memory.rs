//! A repository held in memory, and a refresh driven over it: for a registry that checks what it is
//! about to publish, for a bundle, for tests. Fetches nothing from anywhere.

use std::collections::BTreeMap;

use newleaf_domain::Timestamp;

use crate::TrustError;
use crate::limits::Limits;
use crate::pin::Pin;
use crate::refresh::{Fetch, Next, Place, Refresh, RefreshOutcome, Supplied, Wanted};
use crate::store::TrustStore;

/// The files of a repository by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryRepository {
    /// Role files below `tuf/`, such as `timestamp.json`.
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// Target files below `targets/`, by stored path.
    pub targets: BTreeMap<String, Vec<u8>>,
}

impl MemoryRepository {
    /// What a server that holds these files would answer.
    pub fn answer(&self, fetch: &Fetch) -> Supplied {
        let files = match fetch.place {
            Place::Metadata => &self.metadata,
            Place::Target => &self.targets,
        };
        match files.get(&fetch.path) {
            Some(bytes) if bytes.len() as u64 > fetch.max.as_u64() => Supplied::TooLarge,
            Some(bytes) => Supplied::Bytes(bytes.clone()),
            None => Supplied::NotFound,
        }
    }
}

/// Runs a whole refresh of `store` over `repository`; returns the store with what was accepted.
///
/// # Errors
/// As [`Refresh::next`] and [`Refresh::supply`].
pub fn refresh_from_memory(
    store: TrustStore,
    pins: Vec<Pin>,
    wanted: Wanted,
    limits: Limits,
    now: Timestamp,
    repository: &MemoryRepository,
) -> Result<(TrustStore, RefreshOutcome), TrustError> {
    let mut refresh = Refresh::start(store, pins, wanted, limits, now)?;
    loop {
        match refresh.next()? {
            Next::Fetch(fetch) => refresh.supply(repository.answer(&fetch))?,
            Next::Persist(_) => {}
            Next::Done(outcome) => return Ok((refresh.into_store(), *outcome)),
        }
    }
}
