//! An admin's decisions on a fake disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use newleaf_domain::{Channel, Target, Version};

use super::disk::Disk;
use crate::port::{Policies, PolicyError};

/// Keeps everything on the disk.
#[derive(Debug)]
pub struct FakePolicies(pub Arc<Disk>);

#[async_trait]
impl Policies for FakePolicies {
    async fn put_channel(&self, target: &Target, channel: Channel) -> Result<(), PolicyError> {
        self.0.lock().channels.insert(target.clone(), channel);
        Ok(())
    }

    async fn put_skipped(
        &self,
        target: &Target,
        versions: &BTreeSet<Version>,
    ) -> Result<(), PolicyError> {
        self.0.lock().skipped.insert(target.clone(), versions.clone());
        Ok(())
    }
}
