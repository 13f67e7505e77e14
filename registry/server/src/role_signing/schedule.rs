//! When an online role is signed again although nothing changed in it.

use newleaf_domain::Timestamp;
use newleaf_trust::layout::{ADVISORIES, CATALOGUE, FRESH, Lifetime};

use crate::db::{self, Db, DbError};

/// The timestamp is signed anew each hour, so that its 24 h leave a day to notice a registry that
/// has stopped.
const TIMESTAMP_EVERY: i64 = 3600;

/// How long an online role is trusted, and after how much of that it is signed again: all but the
/// timestamp at half their life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    /// Seconds of trust.
    pub(super) lifetime: i64,
    /// Seconds to the next signing.
    pub(super) every: i64,
}

/// The roles that are signed online, with their terms.
pub(super) const ONLINE: [(&str, Term); 5] = [
    (ADVISORIES, half_of(Lifetime::ONLINE)),
    (CATALOGUE, half_of(Lifetime::ONLINE)),
    (FRESH, half_of(Lifetime::FRESH)),
    (SNAPSHOT, half_of(Lifetime::SNAPSHOT)),
    (TIMESTAMP, Term { lifetime: Lifetime::TIMESTAMP, every: TIMESTAMP_EVERY }),
];

pub(super) const SNAPSHOT: &str = "snapshot";
pub(super) const TIMESTAMP: &str = "timestamp";

const fn half_of(lifetime: i64) -> Term {
    Term { lifetime, every: lifetime / 2 }
}

/// The term of an online role; nothing for a role signed by others.
pub(super) fn term(role: &str) -> Option<Term> {
    ONLINE.into_iter().find(|(name, _)| *name == role).map(|(_, term)| term)
}

/// When the first of the online roles is to be signed again; at once where one does not exist.
pub(crate) async fn next_due(db: &Db) -> Result<Timestamp, DbError> {
    let mut connection = db.read().await?;
    let mut earliest = Timestamp::from_unix(i64::MAX);
    for (name, term) in ONLINE {
        let signed = db::signed_at(&mut connection, name).await?;
        let due = signed.map_or(Timestamp::from_unix(0), |signed| signed.plus_seconds(term.every));
        earliest = earliest.min(due);
    }
    Ok(earliest)
}
