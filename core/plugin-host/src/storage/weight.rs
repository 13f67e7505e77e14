//! What the result of a call on the database weighs while the host keeps it for an instance. Only
//! large ones are counted.

use std::sync::Arc;

use super::{
    database::StorageError,
    statement::{Rows, Value},
};
use crate::together::{Lent, Share};

/// A result that goes with every instance without being counted, in bytes.
const SMALL: usize = 64 * 1024;

/// What the host keeps of a result until its instance has it, in bytes.
pub(super) trait Weighs {
    fn weight(&self) -> usize;
}

impl Weighs for Rows {
    fn weight(&self) -> usize {
        let content = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
            Value::Null | Value::Integer(_) | Value::Real(_) => 0,
        };
        let row = |row: &Vec<Value>| {
            size_of::<Vec<Value>>()
                + size_of_val(row.as_slice())
                + row.iter().map(content).sum::<usize>()
        };
        self.rows.iter().map(row).sum()
    }
}

impl Weighs for Option<Vec<u8>> {
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, Vec::len)
    }
}

impl Weighs for Vec<String> {
    fn weight(&self) -> usize {
        self.iter().map(|name| size_of::<String>() + name.len()).sum()
    }
}

impl Weighs for Option<u64> {
    fn weight(&self) -> usize {
        0
    }
}

impl Weighs for u64 {
    fn weight(&self) -> usize {
        0
    }
}

impl Weighs for bool {
    fn weight(&self) -> usize {
        0
    }
}

impl Weighs for () {
    fn weight(&self) -> usize {
        0
    }
}

/// Counts a result that is large.
///
/// # Errors
/// The app may not have so much more.
pub(super) fn lend(
    share: Option<&Arc<Share>>,
    result: &impl Weighs,
) -> Result<Option<Lent>, StorageError> {
    let weight = result.weight();
    match share {
        Some(share) if weight > SMALL => {
            let lent = share.lend(u64::try_from(weight).unwrap_or(u64::MAX));
            lent.map(Some).map_err(|_| StorageError::TooLarge)
        }
        Some(_) | None => Ok(None),
    }
}
