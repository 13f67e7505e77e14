//! The online half of signing: which keys the registry holds, what it signs with them, and when.
//! Nothing here can make a host install anything that its author did not sign.

mod content;
mod keys;
mod schedule;
mod sign;

pub(crate) use content::app_list;
pub use keys::{OnlineKeys, OnlineKeysError};
pub(crate) use schedule::next_due;
pub use sign::SigningError;
pub(crate) use sign::{sign_online, store_role};
