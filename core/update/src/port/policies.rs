//! Where an admin's decisions about releases are kept.

use std::collections::BTreeSet;

use async_trait::async_trait;
use newleaf_domain::{Channel, Target, Version};

/// Durable decisions: the settings that an admin may also edit by hand. There is no second place.
#[async_trait]
pub trait Policies: Send + Sync + std::fmt::Debug {
    /// Keeps the channel that `target` follows. It is on disk when this returns.
    ///
    /// # Errors
    /// [`PolicyError`]; nothing was changed.
    async fn put_channel(&self, target: &Target, channel: Channel) -> Result<(), PolicyError>;

    /// Keeps the versions of `target` that are not offered, all of them. On disk when this returns.
    ///
    /// # Errors
    /// [`PolicyError`]; nothing was changed.
    async fn put_skipped(
        &self,
        target: &Target,
        versions: &BTreeSet<Version>,
    ) -> Result<(), PolicyError>;
}

/// Why a decision was not kept. Completes "failed to keep the decision: …".
#[derive(Debug, thiserror::Error)]
#[error("{file} was not changed: {reason}")]
pub struct PolicyError {
    /// Where it would be kept.
    pub file: String,
    /// Why.
    pub reason: String,
    /// What a person can do by hand.
    pub todo: String,
}
