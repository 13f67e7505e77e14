//! Delegated roles by name: those of the store, those just fetched, and what came of verifying
//! them. A role is verified anew for each set of keys that delegates to it; a result is never
//! carried from one delegation to another (TOB-SIGSTORE-14).

use std::collections::BTreeMap;
use std::sync::Arc;

use newleaf_domain::{Digest, Timestamp};

use crate::TrustError;
use crate::authority::Authority;
use crate::error::Missing;
use crate::limits::Limits;
use crate::role::{MetaFile, SnapshotRole, TargetsRole};
use crate::store::TrustStore;
use crate::verified::{Verified, verify_role};

/// What a search goes by beside the roles themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub(crate) store: &'a TrustStore,
    pub(crate) snapshot: &'a SnapshotRole,
    pub(crate) limits: &'a Limits,
    pub(crate) now: Timestamp,
}

/// Why a search could not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// A file has to be fetched first.
    Needs(Box<RoleRequest>),
    /// The search is over, without an answer.
    Failed(TrustError),
}

impl From<TrustError> for Halt {
    fn from(error: TrustError) -> Self {
        Self::Failed(error)
    }
}

/// A role file to fetch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoleRequest {
    pub(crate) role: String,
    pub(crate) pin: MetaFile,
}

type Judged = Result<Arc<Verified<TargetsRole>>, TrustError>;

/// The delegated roles of one refresh.
#[derive(Debug, Default)]
pub(crate) struct Library {
    fetched: BTreeMap<String, Result<Vec<u8>, TrustError>>,
    judged: BTreeMap<(String, Digest), Judged>,
    accepted: BTreeMap<String, Vec<u8>>,
}

impl Library {
    /// Takes what fetching `role` brought: its bytes, or why there are none.
    pub(crate) fn supply(&mut self, role: String, brought: Result<Vec<u8>, TrustError>) {
        self.fetched.insert(role, brought);
    }

    /// The fetched files that were verified since the last call, by the names they are stored under.
    pub(crate) fn take_accepted(&mut self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut self.accepted).into_iter().collect()
    }

    /// The role `name`, as verified with `authority`.
    pub(crate) fn role(
        &mut self,
        name: &str,
        authority: &Authority,
        shelf: &Shelf<'_>,
    ) -> Result<Arc<Verified<TargetsRole>>, Halt> {
        let key = (name.to_owned(), authority.fingerprint());
        if let Some(judged) = self.judged.get(&key) {
            return Ok(judged.clone()?);
        }
        let Some(pin) = shelf.snapshot.role(name) else {
            let (role, why) = (name.to_owned(), Missing::NotInSnapshot);
            return Err(Halt::Failed(TrustError::MissingRole { role, why }));
        };
        let file = format!("{name}.json");
        let judged = match (self.fetched.get(name), shelf.store.get(&file)) {
            (Some(Err(error)), _) => Err(error.clone()),
            (Some(Ok(bytes)), _) => {
                let judged = judge(&file, bytes, pin, authority, shelf);
                if judged.is_ok() {
                    self.accepted.insert(file, bytes.clone());
                }
                judged
            }
            // A stored file that does not hold is no evidence of anything: fetch it again.
            (None, Some(bytes)) => match judge(&file, bytes, pin, authority, shelf) {
                Ok(role) => Ok(role),
                Err(_) => return Err(needs(name, pin)),
            },
            (None, None) => return Err(needs(name, pin)),
        };
        self.judged.insert(key, judged.clone());
        Ok(judged?)
    }
}

fn needs(role: &str, pin: &MetaFile) -> Halt {
    Halt::Needs(Box::new(RoleRequest { role: role.to_owned(), pin: pin.clone() }))
}

fn judge(
    file: &str,
    bytes: &[u8],
    pin: &MetaFile,
    authority: &Authority,
    shelf: &Shelf<'_>,
) -> Judged {
    judge_targets(file, bytes, pin, authority, shelf.limits, shelf.now).map(Arc::new)
}

/// The four checks of a targets role (TUF §5.6.2 to §5.6.5, and §5.6.7 for delegated ones): the
/// snapshot's digest, signatures, the snapshot's version, expiry.
pub(crate) fn judge_targets(
    file: &str,
    bytes: &[u8],
    pin: &MetaFile,
    authority: &Authority,
    limits: &Limits,
    now: Timestamp,
) -> Result<Verified<TargetsRole>, TrustError> {
    pin.check(file, bytes)?;
    let role = verify_role::<TargetsRole>(file, bytes, authority, limits)?;
    role.check_version(file, pin.version)?;
    role.check_expiry(file, now)?;
    Ok(role)
}
