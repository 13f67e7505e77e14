//! The host's slots on disk, but for the programs in them: what a core says of itself is read from
//! its manifest, and nothing is started.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use newleaf_domain::{ByteSize, Digest, Manifest, Platform, Target};
use newleaf_launcher::proto::PROTOCOL;
use newleaf_launcher::state::{CoreSlot, State};
use newleaf_update::port::{
    Download, ExpandError, Heard, Inspected, Keep, Measured, Partial, RehearsalError,
    RehearsalWaits, Rehearsed, SelfTest, SlotError, SlotRef, Slots, Swept, Unpacked, Warmed,
};
use newleaf_update::proof::VerifiedArtifact;

/// Slots whose programs are not run.
#[derive(Debug)]
pub(super) struct Tame(pub(super) Arc<dyn Slots>);

#[async_trait]
impl Slots for Tame {
    async fn partial(&self, download: Download) -> Result<Box<dyn Partial>, SlotError> {
        self.0.partial(download).await
    }

    async fn expand_copy(&self, signed: Measured) -> Result<(), SlotError> {
        self.0.expand_copy(signed).await
    }

    async fn apply_delta(
        &self,
        slot: &SlotRef,
        base: Digest,
        signed: Measured,
    ) -> Result<(), SlotError> {
        self.0.apply_delta(slot, base, signed).await
    }

    async fn measure(&self, digest: Digest) -> Result<Option<Measured>, SlotError> {
        self.0.measure(digest).await
    }

    async fn inspect(&self, digest: Digest, target: &Target) -> Result<Inspected, SlotError> {
        self.0.inspect(digest, target).await
    }

    async fn discard(&self, digest: Digest) -> Result<(), SlotError> {
        self.0.discard(digest).await
    }

    async fn unpack(
        &self,
        artifact: &VerifiedArtifact,
        slot: &SlotRef,
        heard: Heard<'_>,
    ) -> Result<Unpacked, SlotError> {
        self.0.unpack(artifact, slot, heard).await
    }

    async fn exists(&self, slot: &SlotRef) -> Result<bool, SlotError> {
        self.0.exists(slot).await
    }

    async fn damage(&self, slot: &CoreSlot) -> Option<String> {
        self.0.damage(slot).await
    }

    async fn manifest(&self, slot: &SlotRef) -> Result<Manifest, SlotError> {
        self.0.manifest(slot).await
    }

    async fn self_test(&self, slot: &SlotRef, _program: &str) -> Result<SelfTest, SlotError> {
        let manifest = self.0.manifest(slot).await?;
        Ok(SelfTest {
            version: manifest.version,
            protocol: PROTOCOL,
            schema: manifest.schema,
            oldest_reader: manifest.oldest_reader,
            platform: Some(Platform::current()),
            edition: None,
        })
    }

    async fn expand(
        &self,
        _slot: &CoreSlot,
        _within: Duration,
        _heard: &(dyn for<'line> Fn(&'line str) + Send + Sync),
    ) -> Result<(), ExpandError> {
        Ok(())
    }

    async fn rehearsal_needs(&self) -> Result<ByteSize, SlotError> {
        self.0.rehearsal_needs().await
    }

    async fn rehearse(
        &self,
        _slot: &CoreSlot,
        _state: &State,
        _waits: RehearsalWaits,
    ) -> Result<Rehearsed, RehearsalError> {
        Ok(Rehearsed { copied: ByteSize::kib(4), copy_ms: 1, expand_ms: 1, start_ms: 1 })
    }

    async fn prewarm(
        &self,
        _slot: &CoreSlot,
        _within: Duration,
    ) -> Result<Option<Warmed>, ExpandError> {
        Ok(None)
    }

    async fn unused(&self, keep: &Keep) -> Result<Vec<SlotRef>, SlotError> {
        self.0.unused(keep).await
    }

    async fn sweep(&self, keep: &Keep) -> Result<Swept, SlotError> {
        self.0.sweep(keep).await
    }
}
