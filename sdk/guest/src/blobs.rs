//! Files of the app, for what is too large for a row; they count against the storage quota.
//!
//! Inside a [`transaction`](crate::sql::transaction) they are part of it; outside, each call is done
//! whole or not at all.

use crate::{Error, bindings::newleaf::app::blobs};

/// Up to `length` bytes of the blob `name` from `offset` on: fewer where it ends before, or where
/// the host allows no more in one call. None where there is no such blob.
///
/// # Errors
/// No storage is granted, or the name is empty or longer than 512 bytes.
pub fn get(name: &str, offset: u64, length: u32) -> Result<Option<Vec<u8>>, Error> {
    Ok(blobs::get(name, offset, length)?)
}

/// The whole blob `name`, read piece by piece; none where there is no such blob.
///
/// # Errors
/// As [`get`], and the blob was replaced by a shorter one while it was read.
pub fn read(name: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(size) = blobs::size(name)? else { return Ok(None) };
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        match blobs::get(name, bytes.len() as u64, PIECE)? {
            Some(piece) if !piece.is_empty() => bytes.extend_from_slice(&piece),
            Some(_) | None => {
                return Err(Error::Failed(format!("the blob {name} changed while it was read")));
            }
        }
    }
    Ok(Some(bytes))
}

/// What [`read`] asks for at once; no more than what a host gives in one call.
const PIECE: u32 = 1024 * 1024;

/// Makes the blob `name` hold exactly `bytes`, replacing what it had.
///
/// # Errors
/// No storage is granted, the quota is used up, or name or bytes are too large. The blob is then
/// as it was.
pub fn set(name: &str, bytes: &[u8]) -> Result<(), Error> {
    Ok(blobs::set(name, bytes)?)
}

/// Adds `bytes` to the end of the blob `name`, which is made where it is not there.
///
/// # Errors
/// As [`set`].
pub fn append(name: &str, bytes: &[u8]) -> Result<(), Error> {
    Ok(blobs::append(name, bytes)?)
}

/// The length of the blob `name` in bytes; none where there is no such blob.
///
/// # Errors
/// As [`get`].
pub fn size(name: &str) -> Result<Option<u64>, Error> {
    Ok(blobs::size(name)?)
}

/// Removes the blob `name`; true where it was there.
///
/// # Errors
/// As [`get`].
pub fn delete(name: &str) -> Result<bool, Error> {
    Ok(blobs::delete(name)?)
}

/// Up to `limit` (at most 1,000) names that start with `prefix`, in byte order, each greater than
/// `after`: pass the last name to get the next page.
///
/// # Errors
/// No storage is granted, or the prefix is longer than 512 bytes.
pub fn names(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    Ok(blobs::names(prefix, after, limit)?)
}
