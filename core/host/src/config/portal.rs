//! The portal's address, and how long its links and sessions live.

use serde::Deserialize;

use super::Seconds;

/// Settings of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSettings {
    /// `https://host[:port]` that people type, where a proxy stands before the admin door; none
    /// where they reach it directly.
    pub origin: Option<String>,
    /// How long a sign-in link can be used, once.
    pub link_valid: Seconds,
    /// How long a session lives.
    pub session_valid: Seconds,
}

impl Default for PortalSettings {
    fn default() -> Self {
        Self { origin: None, link_valid: Seconds::new(15 * 60), session_valid: Seconds::new(12 * 3600) }
    }
}
