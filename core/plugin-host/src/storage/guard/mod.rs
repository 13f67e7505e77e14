//! The guard around an app's SQL: everything a hostile statement must not do is refused here, and
//! nowhere else. Uses only SQLite's own hooks, as <https://sqlite.org/security.html> advises.
//!
//! - An authorizer allows a list of actions and functions; what is not on it is denied: `judge`.
//! - `DEFENSIVE` on, `TRUSTED_SCHEMA` off, no double-quoted strings, no attached database;
//!   `max_page_count` is the quota; the limits of SQLite bound statements and values: `connection`.
//! - A progress handler charges the request's processor time and ends it when that is spent, when
//!   temporary files outgrow their room, and when the data is taken away: `charge`.

mod charge;
mod connection;
mod judge;
#[cfg(test)]
mod tests;

pub(super) use connection::{BUSY_TIMEOUT, Bounds, Guarded, PAGE, signed, unsigned};
