//! The portal's address.

use serde::Deserialize;

/// Settings of the portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSettings {
    /// `https://host[:port]` that people type, where a proxy stands before the admin door; none
    /// where they reach it directly.
    pub origin: Option<String>,
}
