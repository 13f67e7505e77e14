//! Downloads and slots on a fake disk. Packages are read by the real reader.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use newleaf_domain::{ByteSize, Digest, Manifest, Target};
use newleaf_launcher::proto::PROTOCOL;
use newleaf_launcher::state::{CoreSlot, State};
use newleaf_package::transport::{self, Base};
use newleaf_package::{Limits, PackageReader, Written};

use super::disk::{Disk, Fault, Point};
use crate::port::{
    BrokenApp, Download, ExpandError, Heard, Inspected, Keep, Measured, Partial, RehearsalError,
    RehearsalWaits, Rehearsed, SelfTest, SlotError, SlotRef, Slots, Swept, Unpacked, Warmed, runs,
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
    async fn partial(&self, download: Download) -> Result<Box<dyn Partial>, SlotError> {
        Ok(Box::new(FakePartial { disk: self.0.clone(), download }))
    }

    async fn expand_copy(&self, signed: Measured) -> Result<(), SlotError> {
        let frame = self.take_hint(Download::Compressed { result: signed.sha256 });
        let mut package = Vec::new();
        transport::expand(frame.as_slice(), &mut package, written(signed))
            .map_err(SlotError::Transport)?;
        self.0.lock().downloads.insert(signed.sha256, package);
        Ok(())
    }

    async fn apply_delta(
        &self,
        _slot: &SlotRef,
        base: Digest,
        signed: Measured,
    ) -> Result<(), SlotError> {
        let frame = self.take_hint(Download::Delta { base, result: signed.sha256 });
        let bytes = self.0.package(base).unwrap_or_default();
        let length = ByteSize::bytes(bytes.len() as u64);
        let package = Base::read(bytes.as_slice(), Written { length, sha256: base })
            .and_then(|base| transport::apply(&base, &frame, written(signed)))
            .map_err(SlotError::Transport)?;
        self.0.lock().downloads.insert(signed.sha256, package);
        Ok(())
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
        let digest = artifact.measured().sha256;
        let package = disk.downloads.get(&digest).cloned().unwrap_or_default();
        disk.packages.insert(digest, package.clone());
        let limits = Limits::of(artifact.target());
        let mut reader =
            PackageReader::open(Cursor::new(package), limits).map_err(SlotError::Package)?;
        let member = runs(artifact.target(), artifact.manifest());
        let program = match reader.member(&member).map(|member| member.size) {
            Some(size) => Some(reader.read_member(&member, size).map_err(SlotError::Package)?),
            None => None,
        };
        disk.slots.insert(slot.clone(), artifact.manifest().clone());
        disk.damaged.remove(&slot.folder);
        Ok(Unpacked { runs: program.map(|bytes| Digest::of(&bytes)) })
    }

    async fn exists(&self, slot: &SlotRef) -> Result<bool, SlotError> {
        Ok(self.0.lock().slots.contains_key(slot))
    }

    async fn damage(&self, slot: &CoreSlot) -> Option<String> {
        let damaged = self.0.lock().damaged.contains(&slot.folder());
        damaged.then(|| "its program is damaged on disk: it has other bytes".to_owned())
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
            edition: None,
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
        let mut disk = self.0.lock();
        // First takes away what only versions before the good one need.
        disk.core_reader = disk.core_reader.max(disk.state.core.good.schema);
        disk.expanded.insert(slot.digest);
        Ok(())
    }

    async fn rehearsal_needs(&self) -> Result<ByteSize, SlotError> {
        Ok(self.0.lock().rehearsal_needs)
    }

    async fn rehearse(
        &self,
        _slot: &CoreSlot,
        _state: &State,
        _waits: RehearsalWaits,
    ) -> Result<Rehearsed, RehearsalError> {
        match self.0.fault(Point::Rehearse) {
            Some(Fault::Version) => {
                Err(RehearsalError::Unfit { detail: "answered 503: no such table".to_owned() })
            }
            Some(Fault::Machine) => {
                Err(RehearsalError::Machine { detail: "no memory is left".to_owned() })
            }
            None => {
                Ok(Rehearsed { copied: ByteSize::mib(4), copy_ms: 20, expand_ms: 30, start_ms: 40 })
            }
        }
    }

    async fn prewarm(
        &self,
        _slot: &CoreSlot,
        within: Duration,
    ) -> Result<Option<Warmed>, ExpandError> {
        let apps = self.0.lock().state.apps.keys().cloned().collect::<Vec<_>>();
        let why = "it imports acme:old/clock".to_owned();
        match self.0.fault(Point::Prewarm) {
            Some(Fault::Machine) => Err(ExpandError::TooSlow { within }),
            Some(Fault::Version) => Ok(Some(Warmed {
                apps: apps.len(),
                broken: apps
                    .into_iter()
                    .take(1)
                    .map(|app| BrokenApp { app, why: why.clone() })
                    .collect(),
            })),
            None => Ok(Some(Warmed { apps: apps.len(), broken: Vec::new() })),
        }
    }

    async fn unused(&self, keep: &Keep) -> Result<Vec<SlotRef>, SlotError> {
        Ok(unused(self.0.lock().slots.keys(), keep))
    }

    async fn sweep(&self, keep: &Keep) -> Result<Swept, SlotError> {
        let mut disk = self.0.lock();
        let before = disk.slots.len() + disk.snapshots.len() + disk.downloads.len();
        let gone = unused(disk.slots.keys(), keep);
        disk.slots.retain(|slot, _| !gone.contains(slot));
        disk.snapshots.retain(|name, _| keep.snapshots.contains(name));
        disk.downloads.retain(|digest, _| keep.downloads.contains(digest));
        let after = disk.slots.len() + disk.snapshots.len() + disk.downloads.len();
        Ok(Swept { removed: before - after })
    }
}

impl FakeSlots {
    fn take_hint(&self, hint: Download) -> Vec<u8> {
        self.0.lock().hints.remove(&hint).unwrap_or_default()
    }
}

/// What is not named. This disk knows no times, so nothing fills up.
fn unused<'a>(slots: impl Iterator<Item = &'a SlotRef>, keep: &Keep) -> Vec<SlotRef> {
    slots.filter(|slot| !keep.slots.contains(slot)).cloned().collect()
}

const fn written(measured: Measured) -> Written {
    Written { length: measured.length, sha256: measured.sha256 }
}

#[derive(Debug)]
struct FakePartial {
    disk: Arc<Disk>,
    download: Download,
}

impl FakePartial {
    fn bytes(&self) -> Vec<u8> {
        let disk = self.disk.lock();
        let found = match &self.download {
            Download::Package { result } => disk.downloads.get(result),
            hint @ (Download::Compressed { .. } | Download::Delta { .. }) => disk.hints.get(hint),
        };
        found.cloned().unwrap_or_default()
    }

    fn edit(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut disk = self.disk.lock();
        change(match self.download {
            Download::Package { result } => disk.downloads.entry(result).or_default(),
            hint @ (Download::Compressed { .. } | Download::Delta { .. }) => {
                disk.hints.entry(hint).or_default()
            }
        });
    }
}

#[async_trait]
impl Partial for FakePartial {
    fn length(&self) -> ByteSize {
        ByteSize::bytes(self.bytes().len() as u64)
    }

    fn sha256(&self) -> Digest {
        Digest::of(&self.bytes())
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{:?}\"", self.download))
    }

    async fn restart(&mut self, _etag: Option<String>) -> Result<(), SlotError> {
        self.edit(Vec::clear);
        Ok(())
    }

    async fn append(&mut self, bytes: Bytes) -> Result<(), SlotError> {
        self.edit(|it| it.extend_from_slice(&bytes));
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), SlotError> {
        Ok(())
    }
}
