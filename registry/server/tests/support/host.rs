//! A host that reads the public tree as plain files, with nothing running.

use std::fs;
use std::path::Path;

use newleaf_domain::Timestamp;
use newleaf_trust::refresh::{Next, Place, Supplied, Wanted};
use newleaf_trust::{Limits, Refresh, RefreshOutcome, TrustError, TrustStore};

/// Refreshes from nothing but `root` over the folder `public`.
pub(crate) fn refresh(
    public: &Path,
    root: &[u8],
    now: Timestamp,
) -> Result<RefreshOutcome, TrustError> {
    let limits = Limits::default();
    let store = TrustStore::from_root(root, &limits)?;
    let mut refresh = Refresh::start(store, Vec::new(), Wanted::everything(), limits, now)?;
    loop {
        match refresh.next()? {
            Next::Fetch(fetch) => {
                let folder = match fetch.place {
                    Place::Metadata => "tuf",
                    Place::Target => "targets",
                };
                refresh.supply(match fs::read(public.join(folder).join(&fetch.path)) {
                    Ok(bytes) => Supplied::Bytes(bytes),
                    Err(_) => Supplied::NotFound,
                })?;
            }
            Next::Persist(_) => {}
            Next::Done(outcome) => return Ok(*outcome),
        }
    }
}

/// The paths of all packages that a host sees.
pub(crate) fn packages(outcome: &RefreshOutcome) -> Vec<String> {
    let releases = outcome.targets.files().filter(|file| file.release_path().is_some());
    releases.map(|file| file.path.clone()).collect()
}
