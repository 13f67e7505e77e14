//! Downloads and slots on a fake disk. Packages are read by the real reader.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use newleaf_domain::{ByteSize, Digest, Manifest, Target};
use newleaf_launcher::proto::PROTOCOL;
use newleaf_launcher::state::CoreSlot;
use newleaf_package::{Limits, PackageReader};

use super::disk::{Disk, Fault, Point};
use crate::port::{
    ExpandError, Heard, Inspected, Keep, Measured, Partial, SelfTest, SlotError, SlotRef, Slots,
    Swept, Unpacked, runs,
};
use crate::proof::VerifiedArtifact;

/// Files of a fake disk.
#[derive(Debug)]
pub struct FakeSlots(pub Arc<Disk>);

fn broken(doing: &'static str) -> SlotError {
    SlotError::Io {
        doing,
        path: "/srv/newleaf/slots".into(),
        source: std::io::ErrorKind::StorageFull.into(),
    }
}

fn bad_program(detail: &str) -> SlotError {
    SlotError::SelfTest { path: "bin/newleaf".into(), detail: detail.to_owned() }
}

impl FakeSlots {
    fn stop_at(&self, point: Point, doing: &'static str) -> Result<(), SlotError> {
        match self.0.fault(point) {
            None => Ok(()),
            Some(Fault::Machine) => Err(broken(doing)),
            Some(Fault::Version) => Err(bad_program("it ends with status 1")),
        }
    }
}

#[async_trait]
impl Slots for FakeSlots {
    async fn partial(&self, digest: Digest) -> Result<Box<dyn Partial>, SlotError> {
        Ok(Box::new(FakePartial { disk: self.0.clone(), digest }))
    }

    async fn measure(&self, digest: Digest) -> Result<Option<Measured>, SlotError> {
        self.stop_at(Point::Measure, "read")?;
        let disk = self.0.lock();
        let measured = |bytes: &Vec<u8>| Measured {
            length: ByteSize::bytes(bytes.len() as u64),
            sha256: Digest::of(bytes),
        };
        Ok(disk.downloads.get(&digest).map(measured))
    }

    async fn inspect(&self, digest: Digest, target: &Target) -> Result<Inspected, SlotError> {
        self.stop_at(Point::Inspect, "read")?;
        let bytes = self.0.lock().downloads.get(&digest).cloned().unwrap_or_default();
        let mut reader = PackageReader::open(Cursor::new(bytes), Limits::of(target))
            .map_err(SlotError::Package)?;
        let manifest = reader.manifest().map_err(SlotError::Package)?.bytes;
        Ok(Inspected {
            manifest,
            unpacked: reader.unpacked_size(),
            members: reader.members().len(),
        })
    }

    async fn discard(&self, digest: Digest) -> Result<(), SlotError> {
        self.0.lock().downloads.remove(&digest);
        Ok(())
    }

    async fn unpack(
        &self,
        artifact: &VerifiedArtifact,
        slot: &SlotRef,
        heard: Heard<'_>,
    ) -> Result<Unpacked, SlotError> {
        self.stop_at(Point::Unpack, "written")?;
        heard(artifact.inspected().unpacked);
        let mut disk = self.0.lock();
        let package = disk.downloads.get(&artifact.measured().sha256).cloned().unwrap_or_default();
        let limits = Limits::of(artifact.target());
        let mut reader =
            PackageReader::open(Cursor::new(package), limits).map_err(SlotError::Package)?;
        let member = runs(artifact.target(), artifact.manifest());
        let program = match reader.member(&member).map(|member| member.size) {
            Some(size) => Some(reader.read_member(&member, size).map_err(SlotError::Package)?),
            None => None,
        };
        disk.slots.insert(slot.clone(), artifact.manifest().clone());
        Ok(Unpacked { runs: program.map(|bytes| Digest::of(&bytes)) })
    }

    async fn exists(&self, slot: &SlotRef) -> Result<bool, SlotError> {
        Ok(self.0.lock().slots.contains_key(slot))
    }

    async fn manifest(&self, slot: &SlotRef) -> Result<Manifest, SlotError> {
        self.0.lock().slots.get(slot).cloned().ok_or_else(|| broken("read"))
    }

    async fn self_test(&self, slot: &SlotRef, _program: &str) -> Result<SelfTest, SlotError> {
        self.stop_at(Point::SelfTest, "started")?;
        let manifest = self.manifest(slot).await?;
        let said = SelfTest {
            version: manifest.version,
            protocol: PROTOCOL,
            schema: manifest.schema,
            oldest_reader: manifest.oldest_reader,
            platform: Some(super::platform()),
        };
        Ok(self.0.lock().lie.as_ref().map_or(said.clone(), |lie| lie.of(said)))
    }

    async fn expand(
        &self,
        slot: &CoreSlot,
        _within: Duration,
        heard: &(dyn for<'line> Fn(&'line str) + Send + Sync),
    ) -> Result<(), ExpandError> {
        heard("schema");
        match self.0.fault(Point::Expand) {
            Some(Fault::Version) => {
                return Err(ExpandError::Failed { detail: "no such table: notice".to_owned() });
            }
            Some(Fault::Machine) => {
                return Err(ExpandError::Machine { detail: "database or disk is full".to_owned() });
            }
            None => {}
        }
        self.0.lock().expanded.insert(slot.digest);
        Ok(())
    }

    async fn sweep(&self, keep: &Keep) -> Result<Swept, SlotError> {
        let mut disk = self.0.lock();
        let before = disk.slots.len() + disk.snapshots.len() + disk.downloads.len();
        disk.slots.retain(|slot, _| keep.slots.contains(slot));
        disk.snapshots.retain(|name, _| keep.snapshots.contains(name));
        disk.downloads.retain(|digest, _| keep.downloads.contains(digest));
        let after = disk.slots.len() + disk.snapshots.len() + disk.downloads.len();
        Ok(Swept { removed: before - after })
    }
}

#[derive(Debug)]
struct FakePartial {
    disk: Arc<Disk>,
    digest: Digest,
}

#[async_trait]
impl Partial for FakePartial {
    fn length(&self) -> ByteSize {
        let length = self.disk.lock().downloads.get(&self.digest).map_or(0, Vec::len);
        ByteSize::bytes(length as u64)
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.digest))
    }

    async fn restart(&mut self, _etag: Option<String>) -> Result<(), SlotError> {
        self.disk.lock().downloads.remove(&self.digest);
        Ok(())
    }

    async fn append(&mut self, bytes: Bytes) -> Result<(), SlotError> {
        self.disk.lock().downloads.entry(self.digest).or_default().extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), SlotError> {
        Ok(())
    }
}
