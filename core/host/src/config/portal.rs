//! The portal's address.

use newleaf_web::origin::Origin;
use serde::{Deserialize, Deserializer};

/// Settings of the portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSettings {
    /// `https://host[:port]` that people type, where a proxy stands before the admin door; none
    /// where they reach it directly.
    #[serde(deserialize_with = "origin")]
    pub origin: Option<String>,
}

/// An address that no portal can have must not reach one: the settings before would serve.
fn origin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let given = Option::<String>::deserialize(deserializer)?;
    if let Some(given) = &given {
        Origin::parse(given).map_err(serde::de::Error::custom)?;
    }
    Ok(given)
}
