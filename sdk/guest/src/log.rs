//! Lines for the administrator's log. The host cuts a line at 4 KiB.

use crate::bindings::newleaf::app::log::{Level, write};

/// Writes a line that helps to find a fault.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Writes a line about something that is as it should be.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Writes a line about something odd.
pub fn warning(message: &str) {
    write(Level::Warning, message);
}

/// Writes a line about something that failed.
pub fn error(message: &str) {
    write(Level::Error, message);
}
