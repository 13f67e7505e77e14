//! Key-value pairs. They lie in the same database as [`sql`](crate::sql), and inside one of its
//! transactions they are part of it.

use crate::{Error, bindings::newleaf::app::store};

/// The value of `key`, or none.
///
/// # Errors
/// No storage is granted, or the key is longer than 512 bytes.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(store::get(key)?)
}

/// Gives `key` a value, replacing what it had.
///
/// # Errors
/// No storage is granted, the quota is used up, or key or value is too large.
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    Ok(store::set(key, value)?)
}

/// Removes `key`; true where it was there.
///
/// # Errors
/// No storage is granted, or the key is longer than 512 bytes.
pub fn delete(key: &str) -> Result<bool, Error> {
    Ok(store::delete(key)?)
}

/// Up to `limit` (at most 1,000) keys that start with `prefix`, in byte order, each greater than
/// `after`: pass the last key to get the next page.
///
/// # Errors
/// No storage is granted, or the prefix is longer than 512 bytes.
pub fn keys(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    Ok(store::keys(prefix, after, limit)?)
}
