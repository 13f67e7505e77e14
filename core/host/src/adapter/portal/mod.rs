//! The portal's sessions and sign-in links in `newleaf.db`, by the digests of their secrets.

mod links;
mod sessions;

pub(crate) use links::DbLinks;
pub(crate) use sessions::DbSessions;

use newleaf_web::token::SecretKey;

/// A key as the database kept it; none where it is not 32 bytes long.
fn key_of(bytes: &[u8]) -> Option<SecretKey> {
    Some(SecretKey::from_bytes(bytes.try_into().ok()?))
}
