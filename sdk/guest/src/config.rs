//! Settings that the administrator gave this app.

use crate::bindings::newleaf::app::config;

/// The setting `key`, or none.
pub fn get(key: &str) -> Option<String> {
    config::get(key)
}

/// The path under which the app is served, without a slash at the end; empty where it has a host
/// name of its own.
pub fn base_path() -> String {
    config::base_path()
}
