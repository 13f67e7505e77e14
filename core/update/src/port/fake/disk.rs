//! What survives a crash of a fake machine, and the faults it was told to have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use newleaf_domain::{
    ByteSize, Channel, Digest, Manifest, PackageName, PlanId, Platform, Target, Version,
};
use newleaf_launcher::journal::Record;
use newleaf_launcher::proto::PROTOCOL;
use newleaf_launcher::state::{CoreSlot, Origin, State};
use newleaf_trust::Pin;

use super::version;
use crate::port::{
    AppRehearsed, Contact, Download, Faults, Kept, PlanMemo, Removed, SelfTest, SlotRef, Traffic,
};

/// The data of one app: what it is worth to its owner, and its schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    /// The schema.
    pub schema: u32,
    /// What people wrote.
    pub notes: Vec<String>,
}

/// Where a fake can be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// Reading a download back to measure it.
    Measure,
    /// Reading the package in a download.
    Inspect,
    /// Unpacking a package.
    Unpack,
    /// A core program's self-test.
    SelfTest,
    /// Running the new core, or an app's new version, on a copy of the data.
    Rehearse,
    /// Compiling the apps with the new core's engine: one of them breaks.
    Prewarm,
    /// Extending the database.
    Expand,
    /// Compiling an app.
    Prepare,
    /// Waiting for running requests.
    Drain,
    /// Copying data.
    Snapshot,
    /// Noting what data a removed app leaves.
    Keep,
    /// Migrating data; half of it is done by then.
    Migrate,
    /// An app's health.
    Health,
    /// Pages that were rehearsed.
    Pages,
    /// Loading an app.
    Swap,
    /// Probation: the new version misbehaves at once.
    Probation,
    /// The end of a probation: requests hang by then.
    Verdict,
    /// Putting data back.
    Restore,
}

/// What a core program says of itself, though its manifest says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// Another version.
    Version(Version),
    /// Another schema.
    Schema(u32),
    /// Another platform.
    Platform(Platform),
}

impl Lie {
    /// The truth, with this in place of it.
    pub(super) fn of(&self, truth: SelfTest) -> SelfTest {
        match self.clone() {
            Self::Version(version) => SelfTest { version, ..truth },
            Self::Schema(schema) => SelfTest { schema, ..truth },
            Self::Platform(platform) => SelfTest { platform: Some(platform), ..truth },
        }
    }
}

/// Who is to blame for a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The version.
    Version,
    /// The machine.
    Machine,
}

/// What survives a crash.
#[derive(Debug)]
pub struct Disk {
    inner: Mutex<Inner>,
}

/// Everything on the disk.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) state: State,
    pub(super) journal: Vec<Record>,
    pub(super) trust: BTreeMap<String, Vec<u8>>,
    pub(super) pins: Vec<Pin>,
    pub(super) plans: BTreeMap<PlanId, PlanMemo>,
    pub(super) contact: Contact,
    pub(super) channels: BTreeMap<Target, Channel>,
    pub(super) skipped: BTreeMap<Target, BTreeSet<Version>>,
    pub(super) downloads: BTreeMap<Digest, Vec<u8>>,
    /// Deltas and compressed copies under way.
    pub(super) hints: BTreeMap<Download, Vec<u8>>,
    /// What each package was that was unpacked.
    pub(super) packages: BTreeMap<Digest, Vec<u8>>,
    pub(super) slots: BTreeMap<SlotRef, Manifest>,
    pub(super) data: BTreeMap<PackageName, Data>,
    pub(super) kept: BTreeMap<PackageName, Kept>,
    pub(super) removed: Vec<(Removed, Data)>,
    pub(super) snapshots: BTreeMap<String, Option<Data>>,
    pub(super) faults: BTreeMap<Point, Fault>,
    pub(super) expanded: BTreeSet<Digest>,
    /// Folders of core slots whose program has other bytes than were staged.
    pub(super) damaged: BTreeSet<String>,
    /// The lowest schema whose core can still run on the database.
    pub(super) core_reader: u32,
    pub(super) lie: Option<Lie>,
    /// Room that a rehearsal of core needs.
    pub(super) rehearsal_needs: ByteSize,
    pub(super) rehearsals: BTreeMap<Target, crate::view::RehearsalNote>,
    /// How an app's rehearsal comes out where it does not fail.
    pub(super) app_rehearsed: AppRehearsed,
    /// What is counted of a version in its probation where it passes.
    pub(super) counted: Faults,
    /// Room that a rehearsal of an app needs.
    pub(super) app_rehearsal_needs: ByteSize,
    /// How long the migration of the data itself takes.
    pub(super) migration: Duration,
    pub(super) traffic: Traffic,
}

impl Disk {
    pub(super) fn new(root: Vec<u8>) -> Self {
        let state = State::first(core_slot("1.0.0", Digest::of(b"core 1.0.0")));
        let inner = Inner {
            state,
            journal: Vec::new(),
            trust: BTreeMap::from([("root.json".to_owned(), root)]),
            pins: Vec::new(),
            plans: BTreeMap::new(),
            contact: Contact::default(),
            channels: BTreeMap::new(),
            skipped: BTreeMap::new(),
            downloads: BTreeMap::new(),
            hints: BTreeMap::new(),
            packages: BTreeMap::new(),
            slots: BTreeMap::new(),
            data: BTreeMap::new(),
            kept: BTreeMap::new(),
            removed: Vec::new(),
            snapshots: BTreeMap::new(),
            faults: BTreeMap::new(),
            expanded: BTreeSet::new(),
            damaged: BTreeSet::new(),
            core_reader: 0,
            lie: None,
            rehearsal_needs: ByteSize::mib(12),
            rehearsals: BTreeMap::new(),
            counted: Faults::default(),
            app_rehearsed: AppRehearsed {
                copied: ByteSize::kib(4),
                copy_ms: 20,
                snapshot_ms: 5,
                migrate_ms: 30,
                health_ms: 10,
                pages: vec!["/".to_owned()],
            },
            app_rehearsal_needs: ByteSize::mib(1),
            migration: Duration::ZERO,
            traffic: Traffic { peak: 0, room: 4096 },
        };
        Self { inner: Mutex::new(inner) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channels that an admin set.
    pub fn channels(&self) -> BTreeMap<Target, Channel> {
        self.lock().channels.clone()
    }

    /// The versions that an admin refused.
    pub fn skipped(&self) -> BTreeMap<Target, BTreeSet<Version>> {
        self.lock().skipped.clone()
    }

    /// Lets the program of the core that serves rot.
    pub fn damage_core(&self) {
        let mut inner = self.lock();
        let folder = inner.state.core.good.folder();
        inner.damaged.insert(folder);
    }

    /// What runs.
    pub fn state(&self) -> State {
        self.lock().state.clone()
    }

    /// Changes what runs, as if it had always been so.
    pub fn edit_state(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock().state);
    }

    /// The journal.
    pub fn journal(&self) -> Vec<Record> {
        self.lock().journal.clone()
    }

    /// Takes the last `count` records away, as if the machine had stopped before them.
    pub fn forget_records(&self, count: usize) {
        let mut disk = self.lock();
        let left = disk.journal.len().saturating_sub(count);
        disk.journal.truncate(left);
    }

    /// An app's data.
    pub fn data(&self, app: &PackageName) -> Option<Data> {
        self.lock().data.get(app).cloned()
    }

    /// Puts an app's data in place.
    pub fn put_data(&self, app: &PackageName, data: Data) {
        self.lock().data.insert(app.clone(), data);
    }

    /// The pinned signers.
    pub fn pins(&self) -> Vec<Pin> {
        self.lock().pins.clone()
    }

    /// Takes the pinned signers away, as damage of the disk would.
    pub fn lose_pins(&self) {
        self.lock().pins.clear();
    }

    /// Takes away what is kept of the repository, the root too, as a deleted folder would.
    pub fn lose_trust(&self) {
        self.lock().trust.clear();
    }

    /// The slots on disk.
    pub fn slots(&self) -> Vec<SlotRef> {
        self.lock().slots.keys().cloned().collect()
    }

    /// The copies of data.
    pub fn snapshots(&self) -> Vec<String> {
        self.lock().snapshots.keys().cloned().collect()
    }

    /// Puts bytes where the download of a package is kept.
    pub fn put_download(&self, digest: Digest, bytes: Vec<u8>) {
        self.lock().downloads.insert(digest, bytes);
    }

    /// The package with this digest as it was unpacked; what is rebuilt from its slot.
    pub fn package(&self, digest: Digest) -> Option<Vec<u8>> {
        self.lock().packages.get(&digest).cloned()
    }

    /// Changes a byte in what was unpacked.
    pub fn damage_slot(&self, digest: Digest) {
        if let Some(byte) = self.lock().packages.get_mut(&digest).and_then(|it| it.last_mut()) {
            *byte ^= 1;
        }
    }

    /// From now on `point` fails.
    pub fn fail(&self, point: Point, fault: Fault) {
        self.lock().faults.insert(point, fault);
    }

    /// From now on a rehearsal of core needs so much room.
    pub fn set_rehearsal_needs(&self, room: ByteSize) {
        self.lock().rehearsal_needs = room;
    }

    /// From now on a rehearsal of an app needs so much room.
    pub fn set_app_rehearsal_needs(&self, room: ByteSize) {
        self.lock().app_rehearsal_needs = room;
    }

    /// From now on a rehearsed migration takes so long, and that of the data itself as well.
    pub fn set_migration(&self, rehearsed: Duration, itself: Duration) {
        let mut disk = self.lock();
        disk.app_rehearsed.migrate_ms = u64::try_from(rehearsed.as_millis()).unwrap_or(u64::MAX);
        disk.migration = itself;
    }

    /// From now on this is counted of a version that passes its probation.
    pub fn set_counted(&self, faults: Faults) {
        self.lock().counted = faults;
    }

    /// From now on so many visitors come.
    pub fn set_traffic(&self, traffic: Traffic) {
        self.lock().traffic = traffic;
    }

    /// From now on every core program says this of itself, which its manifest does not say.
    pub fn lie(&self, lie: Lie) {
        self.lock().lie = Some(lie);
    }

    /// From now on nothing fails.
    pub fn mend(&self) {
        self.lock().faults.clear();
    }

    pub(super) fn fault(&self, point: Point) -> Option<Fault> {
        self.lock().faults.get(&point).copied()
    }
}

/// A core slot.
pub(super) fn core_slot(number: &str, digest: Digest) -> CoreSlot {
    CoreSlot {
        digest,
        version: version(number),
        origin: Origin::Release,
        protocol: PROTOCOL,
        program: "bin/newleaf".to_owned(),
        schema: 1,
        oldest_reader: 1,
        binary: None,
    }
}
