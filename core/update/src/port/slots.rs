//! Downloads, staging and slots: the files an update puts on disk, and the programs in them.
//!
//! A package comes out of staging only as a [`VerifiedArtifact`]; nothing else can be unpacked.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use newleaf_domain::{ByteSize, Digest, Manifest, Platform, Target, Timestamp};
use newleaf_launcher::state::{AppSlot, CoreSlot, State};
use serde::{Deserialize, Serialize};

use crate::port::{RehearsalError, RehearsalWaits, Rehearsed, Warmed};
use crate::proof::VerifiedArtifact;

/// Counts bytes for the viewers; called often, must return at once.
pub type Heard<'a> = &'a (dyn Fn(ByteSize) + Send + Sync);

/// The files an update puts on disk.
#[async_trait]
pub trait Slots: Send + Sync + std::fmt::Debug {
    /// Opens a download, with what an earlier try left.
    ///
    /// # Errors
    /// The folder cannot be written.
    async fn partial(&self, download: Download) -> Result<Box<dyn Partial>, SlotError>;

    /// Makes the package of its compressed copy, which is downloaded and removed by this. The
    /// package stands beside the other downloads only if it has the signed length and digest.
    ///
    /// # Errors
    /// The disk fails, or what was downloaded is not the package.
    async fn expand_copy(&self, signed: Measured) -> Result<(), SlotError>;

    /// Makes the package of a delta, which is downloaded and removed by this, over the package that
    /// was unpacked into `slot`. It stands there only if it has the signed length and digest.
    ///
    /// # Errors
    /// The disk fails, the slot is not what was unpacked any more, or the delta is not the one.
    async fn apply_delta(
        &self,
        slot: &SlotRef,
        base: Digest,
        signed: Measured,
    ) -> Result<(), SlotError>;

    /// Measures what was downloaded, read back from disk; nothing where there is no such file.
    ///
    /// # Errors
    /// The file cannot be read.
    async fn measure(&self, digest: Digest) -> Result<Option<Measured>, SlotError>;

    /// Reads a downloaded package's manifest, after every byte of its framing was accounted for.
    ///
    /// # Errors
    /// It cannot be read, or is no package.
    async fn inspect(&self, digest: Digest, target: &Target) -> Result<Inspected, SlotError>;

    /// Throws a package's download away.
    ///
    /// # Errors
    /// It cannot be removed.
    async fn discard(&self, digest: Digest) -> Result<(), SlotError>;

    /// Unpacks into staging, syncs every file and folder, and renames into place. What is there
    /// already is compared with the package, member by member, and made anew where it differs.
    ///
    /// # Errors
    /// The package or the disk fails; nothing is left under `slots`.
    async fn unpack(
        &self,
        artifact: &VerifiedArtifact,
        slot: &SlotRef,
        heard: Heard<'_>,
    ) -> Result<Unpacked, SlotError>;

    /// Whether the slot is on disk.
    ///
    /// # Errors
    /// The folder cannot be read.
    async fn exists(&self, slot: &SlotRef) -> Result<bool, SlotError>;

    /// How the program of a core slot differs from the one that was staged, in words that follow the
    /// version's number; none where it is that one, or nothing is known of the one that was staged.
    async fn damage(&self, slot: &CoreSlot) -> Option<String>;

    /// The manifest in a slot.
    ///
    /// # Errors
    /// The slot or its manifest cannot be read.
    async fn manifest(&self, slot: &SlotRef) -> Result<Manifest, SlotError>;

    /// Starts the program in a core slot with `--self-test` and reads what it says of itself.
    ///
    /// # Errors
    /// It cannot be started, fails, or says something else.
    async fn self_test(&self, slot: &SlotRef, program: &str) -> Result<SelfTest, SlotError>;

    /// Runs the new core's `worker --expand` as a child until it ends, or `within` has passed
    /// without it ending; `heard` gets each line it prints.
    ///
    /// # Errors
    /// [`ExpandError`]; the child has ended when this returns.
    async fn expand(
        &self,
        slot: &CoreSlot,
        within: Duration,
        heard: &(dyn for<'line> Fn(&'line str) + Send + Sync),
    ) -> Result<(), ExpandError>;

    /// Room that a rehearsal of core needs for its time.
    ///
    /// # Errors
    /// The data cannot be measured.
    async fn rehearsal_needs(&self) -> Result<ByteSize, SlotError>;

    /// Copies core's data into a folder of its own, extends the copy by the new slot's program, and
    /// starts its worker there as for a trial: it is probed on a private socket and is never told
    /// to go, so it accepts nothing and runs nothing by itself. Nothing is left of it afterwards.
    ///
    /// # Errors
    /// [`RehearsalError`]; the data that serves is untouched.
    async fn rehearse(
        &self,
        slot: &CoreSlot,
        state: &State,
        waits: RehearsalWaits,
    ) -> Result<Rehearsed, RehearsalError>;

    /// Lets the new core's `worker --prewarm` compile every app that serves and link it with the
    /// new version's interfaces; none where that version does not know how to.
    ///
    /// # Errors
    /// The child could not be run, or not to its end within `within`.
    async fn prewarm(
        &self,
        slot: &CoreSlot,
        within: Duration,
    ) -> Result<Option<Warmed>, ExpandError>;

    /// The slots that [`Slots::sweep`] would remove.
    ///
    /// # Errors
    /// A folder cannot be read.
    async fn unused(&self, keep: &Keep) -> Result<Vec<SlotRef>, SlotError>;

    /// Removes slots, downloads, staging folders and snapshots that `keep` does not name.
    ///
    /// # Errors
    /// Something cannot be removed; the rest was.
    async fn sweep(&self, keep: &Keep) -> Result<Swept, SlotError>;
}

/// Path, below a slot's folder, of what is run: an app's component, a core's program.
pub fn runs(target: &Target, manifest: &Manifest) -> String {
    match target {
        Target::App(_) => "app.wasm".to_owned(),
        Target::Core => {
            let name = manifest.binary.as_ref().map_or("newleaf", |binary| binary.name.as_str());
            format!("bin/{name}")
        }
    }
}

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpacked {
    /// SHA-256 of what is run, see [`runs`]; none where the package does not hold it.
    pub runs: Option<Digest>,
}

/// A download under way.
#[async_trait]
pub trait Partial: Send + std::fmt::Debug {
    /// Bytes on disk.
    fn length(&self) -> ByteSize;

    /// The digest of those bytes.
    fn sha256(&self) -> Digest;

    /// The entity tag they came with.
    fn etag(&self) -> Option<String>;

    /// Starts again from the first byte; `etag` belongs to what will come.
    ///
    /// # Errors
    /// The file cannot be written.
    async fn restart(&mut self, etag: Option<String>) -> Result<(), SlotError>;

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// The file cannot be written; what was added before stays.
    async fn append(&mut self, bytes: Bytes) -> Result<(), SlotError>;

    /// Puts all bytes on disk and gives the file its final name.
    ///
    /// # Errors
    /// The file cannot be synced or renamed.
    async fn finish(self: Box<Self>) -> Result<(), SlotError>;
}

/// A file to download, by the package that comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Download {
    /// The package itself.
    Package {
        /// Its digest.
        result: Digest,
    },
    /// Its compressed copy.
    Compressed {
        /// The package's digest.
        result: Digest,
    },
    /// What it has over another package.
    Delta {
        /// The other package's digest.
        base: Digest,
        /// The package's digest.
        result: Digest,
    },
}

/// A slot by its place on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotRef {
    /// Core or the app.
    pub target: Target,
    /// The slot's folder name, `<digest12>-<version>`.
    pub folder: String,
}

impl SlotRef {
    /// The slot of a core version.
    pub fn core(slot: &CoreSlot) -> Self {
        Self { target: Target::Core, folder: slot.folder() }
    }

    /// The slot of an app version.
    pub fn app(name: &newleaf_domain::PackageName, slot: &AppSlot) -> Self {
        Self { target: Target::App(name.clone()), folder: slot.folder() }
    }
}

/// A file as it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Its length.
    pub length: ByteSize,
    /// Its digest.
    pub sha256: Digest,
}

/// A package whose framing is right.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// The bytes of `manifest.json`.
    pub manifest: Vec<u8>,
    /// Bytes of all members.
    pub unpacked: ByteSize,
    /// Number of members.
    pub members: usize,
}

/// What a core program says of itself when asked with `--self-test`: one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Its version.
    pub version: newleaf_domain::Version,
    /// The launcher protocol it speaks.
    pub protocol: u32,
    /// The schema it writes.
    #[serde(default)]
    pub schema: u32,
    /// The lowest schema whose program still runs on data it wrote.
    #[serde(default)]
    pub oldest_reader: u32,
    /// The platform it was built for; none where an older program does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Its edition; none where an older program does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<newleaf_domain::Edition>,
}

/// What must stay on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keep {
    /// Slots.
    pub slots: Vec<SlotRef>,
    /// Folder names under `snapshots/`.
    pub snapshots: Vec<String>,
    /// Downloads.
    pub downloads: Vec<Digest>,
    /// For each target that `slots` names: how many slots stay in all, filled up with the newest
    /// ones on disk.
    pub versions: usize,
    /// Slots of these packages do not fill up: they failed here.
    pub bad: Vec<Digest>,
    /// How many snapshots of core's data stay, the newest ones; never none of them.
    pub core_snapshots: usize,
    /// Snapshots of core's data that were taken before go, but the newest one.
    pub core_snapshots_since: Option<Timestamp>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files and folders, each counted once with all it held.
    pub removed: usize,
}

/// Why files could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// The system refused.
    #[error("{} could not be {doing}", path.display())]
    Io {
        /// `created`, `written`, `synced`, …
        doing: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The file is no package, or holds what no package may hold.
    #[error("the package breaks the format")]
    Package(#[source] newleaf_package::PackageError),
    /// It could not be unpacked.
    #[error("the package could not be unpacked")]
    Unpack(#[source] newleaf_package::UnpackError),
    /// No package came of what was downloaded in its place.
    #[error("no package came of the download")]
    Transport(#[source] newleaf_package::transport::TransportError),
    /// The manifest in a slot is not one.
    #[error("{} does not hold a manifest: {detail}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The program in a slot does not do what it must.
    #[error("{} failed its self-test: {detail}", path.display())]
    SelfTest {
        /// The program.
        path: PathBuf,
        /// How.
        detail: String,
    },
    /// A file on disk is not the one that was verified.
    #[error("{} changed on disk: it has SHA-256 {found}, {expected} was verified", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it has now.
        found: Digest,
        /// What was verified.
        expected: Digest,
    },
}

impl SlotError {
    /// Whether the machine failed and not the release: never evidence against a version.
    pub const fn is_machine_fault(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Changed { .. } => true,
            Self::Package(error) => error.is_machine_fault(),
            Self::Unpack(error) => error.is_machine_fault(),
            Self::Transport(error) => error.is_machine_fault(),
            Self::Manifest { .. } | Self::SelfTest { .. } => false,
        }
    }
}

impl ExpandError {
    /// Whether the machine failed and not the release. Time is the machine's: how long a database
    /// takes says how large it is and how busy the disk, and the next try goes on where this one
    /// was ended.
    pub const fn is_machine_fault(&self) -> bool {
        match self {
            Self::Start { .. } | Self::Machine { .. } | Self::TooSlow { .. } => true,
            Self::Failed { .. } => false,
        }
    }
}

/// Why the database was not extended.
#[derive(Debug, thiserror::Error)]
pub enum ExpandError {
    /// The child could not be started.
    #[error("{} could not be started", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// It ended and said that it failed by its own fault: what it wanted to do to the database
    /// cannot be done, or it broke down over it.
    #[error("the new version could not extend the database: {detail}")]
    Failed {
        /// Its last line.
        detail: String,
    },
    /// It ended because of the machine: disk, memory, another process's lock.
    #[error("this machine did not let the database be extended: {detail}")]
    Machine {
        /// Its last line.
        detail: String,
    },
    /// It did not end in time.
    #[error("the extension of the database was not over after {} s", within.as_secs())]
    TooSlow {
        /// The time it had.
        within: Duration,
    },
}
