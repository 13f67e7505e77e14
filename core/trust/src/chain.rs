//! Freshness: what a new timestamp and snapshot must be, given those seen before (TUF §5.4, §5.5).
//! Pure steps; the order of the steps is [`crate::refresh`]'s.

use newleaf_domain::Timestamp;

use crate::TrustError;
use crate::limits::Limits;
use crate::role::root::TopRole;
use crate::role::{MetaFile, MetadataVersion, RoleBody, RootRole, SnapshotRole, TimestampRole};
use crate::store::{SNAPSHOT, TIMESTAMP, TrustStore};
use crate::verified::{Verified, verify_role};

/// The time that expiry is judged by: the caller's, or the newest time that a verified file was
/// signed at, whichever is later. A clock set back thus gains nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EffectiveTime {
    clock: Timestamp,
    newest_signed: Option<Timestamp>,
}

impl EffectiveTime {
    pub(crate) const fn new(clock: Timestamp) -> Self {
        Self { clock, newest_signed: None }
    }

    /// Takes note of a verified file's `x-signed-at`.
    pub(crate) fn note(&mut self, signed_at: Option<Timestamp>) {
        self.newest_signed = self.newest_signed.max(signed_at);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.newest_signed.map_or(self.clock, |signed| signed.max(self.clock))
    }

    pub(crate) const fn clock(&self) -> Timestamp {
        self.clock
    }

    pub(crate) const fn newest_signed(&self) -> Option<Timestamp> {
        self.newest_signed
    }
}

/// The stored timestamp and snapshot, below which no new one may fall. Expiry does not matter: an
/// expired file is still a floor.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    pub(crate) timestamp: Option<Verified<TimestampRole>>,
    pub(crate) snapshot: Option<Verified<SnapshotRole>>,
}

impl Floor {
    /// The floor that `store` holds under `root`. Where the keys of either role were rotated, both
    /// files are no floor any more (TUF §5.3.11): that is how a registry recovers from a version
    /// driven to the top by a thief of the old keys.
    ///
    /// # Errors
    /// There was a floor, and neither file holds any more: how new a repository must be is not
    /// known, and an old one may not be taken for new.
    pub(crate) fn of(
        store: &TrustStore,
        root: &RootRole,
        limits: &Limits,
    ) -> Result<Self, TrustError> {
        let timestamp = stored::<TimestampRole>(store, TIMESTAMP, root, TopRole::Timestamp, limits);
        let snapshot = stored::<SnapshotRole>(store, SNAPSHOT, root, TopRole::Snapshot, limits);
        if is_signed_by_others(timestamp.as_ref()) || is_signed_by_others(snapshot.as_ref()) {
            return Ok(Self::default());
        }
        // A file damaged on disk is no floor by itself; the other one still is.
        match (timestamp, snapshot) {
            (Some(Ok(timestamp)), snapshot) => {
                Ok(Self { timestamp: Some(timestamp), snapshot: snapshot.and_then(Result::ok) })
            }
            (_, Some(Ok(snapshot))) => Ok(Self { timestamp: None, snapshot: Some(snapshot) }),
            (Some(Err(error)), _) => Err(TrustError::damaged(TIMESTAMP, error)),
            (None, Some(Err(error))) => Err(TrustError::damaged(SNAPSHOT, error)),
            (None, None) if store.had_a_floor() => {
                Err(TrustError::damaged(TIMESTAMP, "it is not there"))
            }
            (None, None) => Ok(Self::default()),
        }
    }

    /// Judges the timestamp that the repository offers (TUF §5.4.3 and §5.4.4).
    pub(crate) fn judge_timestamp(
        &self,
        offered: Verified<TimestampRole>,
    ) -> Result<Newest, TrustError> {
        if let Some(trusted) = &self.timestamp {
            // §5.4.3.1: an equal version is no news, whatever it holds; the trusted one stays.
            if offered.version() == trusted.version() {
                return Ok(Newest::Trusted(trusted.clone()));
            }
            not_older(TIMESTAMP, offered.version(), trusted.version())?;
            not_older(SNAPSHOT, offered.snapshot()?.version, trusted.snapshot()?.version)?;
        }
        if let Some(trusted) = &self.snapshot {
            not_older(SNAPSHOT, offered.snapshot()?.version, trusted.version())?;
        }
        Ok(Newest::Offered(offered))
    }

    /// Refuses a snapshot that lists a role no more, or at a lower version (TUF §5.5.5).
    pub(crate) fn judge_snapshot(&self, offered: &SnapshotRole) -> Result<(), TrustError> {
        let Some(trusted) = &self.snapshot else { return Ok(()) };
        for (file, old) in &trusted.meta {
            let Some(new) = offered.meta.get(file) else {
                let (role, file) = (file.clone(), SNAPSHOT.to_owned());
                return Err(TrustError::RoleRemoved { file, role });
            };
            not_older(file, new.version, old.version)?;
        }
        Ok(())
    }
}

/// Which timestamp counts.
#[derive(Debug)]
pub(crate) enum Newest {
    /// The stored one.
    Trusted(Verified<TimestampRole>),
    /// The one that was fetched.
    Offered(Verified<TimestampRole>),
}

impl Newest {
    /// Whichever it is.
    pub(crate) fn into_role(self) -> Verified<TimestampRole> {
        match self {
            Self::Trusted(role) | Self::Offered(role) => role,
        }
    }
}

fn stored<T: RoleBody>(
    store: &TrustStore,
    file: &str,
    root: &RootRole,
    role: TopRole,
    limits: &Limits,
) -> Option<Result<Verified<T>, TrustError>> {
    let bytes = store.get(file)?;
    Some(root.authority(role).and_then(|keys| verify_role(file, bytes, &keys, limits)))
}

/// Whether the keys were rotated. A signature by a key that still signs, and that does not hold, is
/// damage instead.
fn is_signed_by_others<T>(judged: Option<&Result<T, TrustError>>) -> bool {
    match judged {
        Some(Err(TrustError::WrongKey { .. })) => true,
        Some(Err(TrustError::ThresholdNotMet { broken, .. })) => broken.is_empty(),
        Some(Ok(_) | Err(_)) | None => false,
    }
}

fn not_older(
    file: &str,
    offered: MetadataVersion,
    trusted: MetadataVersion,
) -> Result<(), TrustError> {
    if offered >= trusted {
        return Ok(());
    }
    Err(TrustError::Replayed { file: file.to_owned(), offered, trusted })
}

/// Whether `bytes` are the snapshot that the timestamp pins (TUF §5.5.2 to §5.5.4).
pub(crate) fn pinned_snapshot(
    bytes: &[u8],
    pin: &MetaFile,
    root: &RootRole,
    limits: &Limits,
) -> Result<Verified<SnapshotRole>, TrustError> {
    pin.check(SNAPSHOT, bytes)?;
    let authority = root.authority(TopRole::Snapshot)?;
    let snapshot = verify_role::<SnapshotRole>(SNAPSHOT, bytes, &authority, limits)?;
    snapshot.check_version(SNAPSHOT, pin.version)?;
    Ok(snapshot)
}
