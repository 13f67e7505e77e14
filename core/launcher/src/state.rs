//! The words of `<dir>/state`, the one truth of what runs.

use std::collections::BTreeMap;

use newleaf_domain::{Digest, Grants, PackageName, UpdateId, Version};
use serde::{Deserialize, Serialize};

/// The schema this program writes; it also reads the one before.
pub const STATE_SCHEMA: u32 = 1;

/// What runs on this host, for core and for each app. Replaced whole: one rename moves all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The form of this file, [`STATE_SCHEMA`].
    pub schema: u32,
    /// Grows by one with each write. A plan names the `seq` it was made for.
    pub seq: u64,
    /// The product itself.
    pub core: CoreState,
    /// Each installed app.
    #[serde(default)]
    pub apps: BTreeMap<PackageName, AppState>,
    /// Releases that failed here and are not offered again by themselves.
    #[serde(default)]
    pub bad: Vec<BadRelease>,
}

/// Which slots core has, and where an update of it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreState {
    /// The slot that serves, or served before the trial.
    pub good: CoreSlot,
    /// The slot that was good before; what *Undo* goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<CoreSlot>,
    /// The slot that must prove itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
    /// Where an update stands.
    #[serde(default)]
    pub phase: CorePhase,
    /// Starts of a successor launcher that have not yet led to a ready worker.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub launcher_tries: u8,
    /// Those of them that came to life and were gone before a worker was ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher_lives: Option<Lives>,
    /// Why `good` is the version before in the place of one that is damaged on disk; until an
    /// update of core ends well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<String>,
    /// The program that was started last as `<prefix>`, by which another one is noticed that an
    /// admin put in its place; none on a host that an older version made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
}

impl CoreState {
    /// Makes `next` good and gives what was. The data stay, and with them the lowest schema whose
    /// program can read them.
    pub(crate) fn make_good(&mut self, next: CoreSlot) -> CoreSlot {
        let before = std::mem::replace(&mut self.good, next);
        self.good.oldest_reader = self.good.oldest_reader.max(before.oldest_reader);
        before
    }

    /// A launcher is good, or another version is: earlier starts of a successor count no more.
    pub(crate) fn forget_launchers(&mut self) {
        self.launcher_tries = 0;
        self.launcher_lives = None;
    }
}

/// Successor launchers that came to life. Those of another boot of the machine ended with it, and
/// that says nothing about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lives {
    /// The boot, as the kernel names it.
    pub boot: String,
    /// How many.
    pub count: u8,
}

/// The program at `<prefix>`, once it was looked at: it is not looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// What a person must know of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<ImageNote>,
}

impl Image {
    /// A program of which there is nothing to say.
    pub const fn plain(digest: Digest) -> Self {
        Self { digest, note: None }
    }
}

/// Why a program at `<prefix>` is not used, or is used though nobody signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageNote {
    /// It is told while the slot with this digest is good.
    pub about: Digest,
    /// What, in one sentence without its full stop.
    pub text: String,
    /// What to do, in one sentence.
    pub todo: String,
    /// The command that does it, ready to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
const fn is_zero(n: &u8) -> bool {
    *n == 0
}

/// A core version on trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The slot on trial.
    #[serde(flatten)]
    pub slot: CoreSlot,
    /// Starts that are left; burnt before each start.
    pub tries: u8,
    /// The update it belongs to.
    pub update: UpdateId,
    /// Whether the trial is a new version or the way back to an old one.
    #[serde(default)]
    pub way: Way,
    /// How long the extension of the data may take at the next start, in milliseconds, where its
    /// rehearsal has told; less than the settings say counts as what they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expand_within_ms: Option<u64>,
}

/// The direction of a switch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// To a release that was planned.
    #[default]
    Forward,
    /// To the previous version, asked for by an admin. Its digest never becomes `bad`.
    Back,
}

/// Where an update of core stands; all finer state is replayed from the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CorePhase {
    /// No update of core is under way.
    #[default]
    Idle,
    /// The new version extends the schema while the old one serves.
    Expand,
    /// The new version is started and asked, the old one still serves.
    Trial,
    /// The new version serves and must prove itself.
    Probation,
}

/// An unpacked core version under `slots/core/<digest12>-<version>/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CoreSlot {
    /// SHA-256 of the signed zip; of the bare binary where `origin` is local and no signed release
    /// has that binary.
    pub digest: Digest,
    /// Its version.
    pub version: Version,
    /// How it came here.
    pub origin: Origin,
    /// The launcher protocol its binary speaks.
    pub protocol: u32,
    /// Path of the program below the slot's folder, such as `bin/newleaf`.
    pub program: String,
    /// The schema its program writes.
    #[serde(default)]
    pub schema: u32,
    /// The lowest schema whose program still runs correctly on data it wrote; of the good slot, on
    /// the data there are.
    #[serde(default)]
    pub oldest_reader: u32,
    /// SHA-256 of the program as it was when the slot was made, by which damage is noticed before
    /// it is run; none in a slot that an older version made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Digest>,
}

impl CoreSlot {
    /// The slot's folder name.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.digest.short(), self.version)
    }
}

/// How a core slot came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Unpacked from a signed release.
    Release,
    /// Copied from a program on this machine: the slot holds that program alone, and is no base for
    /// a delta.
    Local,
}

/// Which slots an app has. A switch is `trial` becoming `good` in one write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppState {
    /// The version that serves; none only while a first install is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<AppSlot>,
    /// The version before; what *Undo* goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<AppSlot>,
    /// The version being brought in: until it is `good`, the data may be half migrated, and the
    /// snapshot named here is what the old version's data is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<AppTrial>,
    /// Whether an admin switched the app off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

/// An app version that is being brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppTrial {
    /// The version.
    #[serde(flatten)]
    pub slot: AppSlot,
    /// The update it belongs to.
    pub update: UpdateId,
    /// Folder name under `snapshots/` of the data before; none until the snapshot is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

/// An unpacked app version under `slots/apps/<ns>/<app>/<digest12>-<version>/`, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSlot {
    /// SHA-256 of the signed zip.
    pub digest: Digest,
    /// Its version.
    pub version: Version,
    /// What it may do; beside the version, so that a roll back takes the grants back too.
    pub grants: Grants,
    /// The schema of the data it serves: what its program writes, or a newer one that it reads.
    #[serde(default)]
    pub schema: u32,
    /// The lowest schema whose program still runs correctly on that data.
    #[serde(default)]
    pub oldest_reader: u32,
    /// The schema its program writes, where the data has a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<u32>,
    /// Folder name under `snapshots/` of the data from before this version, while it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// SHA-256 of `app.wasm` as it was when the slot was made, by which damage is noticed before
    /// it is run; none in a slot that an older version made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Digest>,
}

impl AppSlot {
    /// The slot's folder name.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.digest.short(), self.version)
    }

    /// The schema its program writes: by it is told what data the program can read.
    pub fn program_schema(&self) -> u32 {
        self.writes.unwrap_or(self.schema)
    }

    /// Whether its program still runs correctly on the data that `serving` leaves.
    pub fn reads_data_of(&self, serving: &Self) -> bool {
        self.program_schema() >= serving.oldest_reader
    }

    /// The same version on the data that `serving` leaves as it is: its schema, and the lowest one
    /// whose program can read it, never fall by going back.
    #[must_use]
    pub fn on_data_of(self, serving: &Self) -> Self {
        let program = self.program_schema();
        let schema = self.schema.max(serving.schema);
        Self {
            schema,
            oldest_reader: self.oldest_reader.max(serving.oldest_reader),
            writes: (program != schema).then_some(program),
            ..self
        }
    }
}

/// A release that failed on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadRelease {
    /// SHA-256 of its signed zip.
    pub digest: Digest,
    /// Why, in one line.
    pub reason: String,
}

impl State {
    /// The first state of a folder: `good` serves, nothing is under way, and there are no apps.
    pub const fn first(good: CoreSlot) -> Self {
        let core = CoreState {
            good,
            previous: None,
            trial: None,
            phase: CorePhase::Idle,
            launcher_tries: 0,
            launcher_lives: None,
            stand_in: None,
            image: None,
        };
        Self { schema: STATE_SCHEMA, seq: 1, core, apps: BTreeMap::new(), bad: Vec::new() }
    }

    /// Why `digest` is not offered here, where it failed before.
    pub fn bad_reason(&self, digest: &Digest) -> Option<&str> {
        self.bad.iter().find(|bad| bad.digest == *digest).map(|bad| bad.reason.as_str())
    }
}
