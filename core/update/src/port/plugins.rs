//! The apps that run: held, copied, migrated, swapped and watched.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use newleaf_domain::{ByteSize, PackageName, Timestamp};
use newleaf_launcher::state::AppSlot;

use crate::port::{AppRehearsed, StoreError};
use crate::settings::Budget;

/// What an update does to running apps. Each call can be made twice: what is done stays done.
#[async_trait]
pub trait Plugins: Send + Sync + std::fmt::Debug {
    /// Compiles the version and links it with the host, without running it.
    ///
    /// # Errors
    /// It does not compile, or wants what this host does not offer.
    async fn prepare(&self, app: &PackageName, slot: &AppSlot) -> Result<String, PluginError>;

    /// Waits for a moment in which the app works on no slow request, while new ones go on: those who
    /// come during the hold that follows then wait briefly, and nobody is cut short. Gives up after
    /// as long as a request may take.
    async fn calm(&self, app: &PackageName);

    /// Parks new requests from now on; running ones go on.
    ///
    /// # Errors
    /// The app is not known.
    async fn hold(&self, app: &PackageName) -> Result<(), PluginError>;

    /// Answers new requests with 503 and the seconds after which to come again, of which `left` are
    /// left; running ones go on. Ended by [`Plugins::release`], like a hold.
    ///
    /// # Errors
    /// The app is not known.
    async fn pause(&self, app: &PackageName, left: Duration) -> Result<(), PluginError>;

    /// How many visitors there are, and how many can wait; nobody where the app is not loaded.
    fn traffic(&self, app: &PackageName) -> Traffic;

    /// Room that a rehearsal of the app needs for its time.
    ///
    /// # Errors
    /// The data cannot be measured.
    async fn rehearsal_needs(&self, app: &PackageName) -> Result<ByteSize, PluginError>;

    /// Tries a version on a copy of the app's data in a folder of its own, while the one before
    /// serves: without network and jobs, and reached by nobody. Migrates from schema `from`, asks
    /// for its health, and for pages that visitors read lately. The copy is gone when it returns.
    ///
    /// # Errors
    /// What the version failed in, or the machine; the data is untouched.
    async fn rehearse(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        from: u32,
        within: Duration,
    ) -> Result<AppRehearsed, PluginError>;

    /// Waits until no request of the app runs, nor of a version of it that was stopped. A request that
    /// waits for a client which sends or reads too slowly is cut before `within` is over, one that
    /// the app itself still works on when it is over, so that nobody can stop an update.
    ///
    /// # Errors
    /// Some cannot be ended.
    async fn drained(&self, app: &PackageName, within: Duration) -> Result<Drained, PluginError>;

    /// Copies the quiet data into `snapshots/<folder>`, complete and synced when it returns. An
    /// app without data gives an empty snapshot.
    ///
    /// # Errors
    /// The copy could not be made; what there is of it counts for nothing.
    async fn snapshot(&self, app: &PackageName, folder: &str) -> Result<ByteSize, PluginError>;

    /// Puts the data of `snapshots/<folder>` in place of what is there. The app must not run.
    ///
    /// # Errors
    /// The copy could not be made; calling again starts over.
    async fn restore(&self, app: &PackageName, folder: &str) -> Result<(), PluginError>;

    /// Bytes of the app's data.
    ///
    /// # Errors
    /// The folder cannot be read.
    async fn data_size(&self, app: &PackageName) -> Result<ByteSize, PluginError>;

    /// Notes durably, beside the data, what it is, since nothing else will know once its app is
    /// removed. Where there is no data there is nothing to note.
    ///
    /// # Errors
    /// The note could not be written.
    async fn keep(&self, app: &PackageName, kept: Kept) -> Result<(), StoreError>;

    /// What an app that is not installed left behind; none where it left no data. While an app is
    /// installed the answer means nothing: `state` knows.
    ///
    /// # Errors
    /// The note cannot be read, or says nothing that is understood.
    async fn kept(&self, app: &PackageName) -> Result<Option<Kept>, StoreError>;

    /// Lets the version bring the data from schema `from` to its own; `from` is none where there
    /// is no data yet.
    ///
    /// # Errors
    /// The app refused, trapped, or was too slow.
    async fn migrate(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        from: Option<u32>,
        within: Duration,
    ) -> Result<(), PluginError>;

    /// Asks the version for its health, still without requests.
    ///
    /// # Errors
    /// It answers that it is not well, or does not answer.
    async fn health(&self, app: &PackageName, slot: &AppSlot) -> Result<(), PluginError>;

    /// Asks the version for these pages, still without requests of anyone else.
    ///
    /// # Errors
    /// It broke down, answered with 5xx, or did not answer.
    async fn probe(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        pages: &[String],
    ) -> Result<(), PluginError>;

    /// Makes this version the one that requests reach, freshly loaded, still held; its writes are
    /// counted as `counting` says.
    ///
    /// # Errors
    /// It cannot be loaded.
    async fn swap(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        counting: Counting,
    ) -> Result<(), PluginError>;

    /// Lets parked and new requests go on.
    ///
    /// # Errors
    /// The app is not known.
    async fn release(&self, app: &PackageName) -> Result<(), PluginError>;

    /// Stops serving the app; its pages give `reason`.
    async fn stop(&self, app: &PackageName, reason: &str);

    /// Forgets the app; its parked requests are answered as if it had never been there.
    async fn forget(&self, app: &PackageName);

    /// Resolves when the version that serves now has overspent its budget, or leaves most of its
    /// visitors without an answer that the version before gave; else never.
    async fn trouble(&self, app: &PackageName, probation: Probation) -> Trouble;

    /// What was counted of the version that serves now, at the end of its probation; nothing where
    /// nothing serves.
    ///
    /// # Errors
    /// What speaks against it: requests that hang by then, or were turned away, count beside answers
    /// of class 5xx where that is not how the version before served, too.
    fn verdict(&self, app: &PackageName, probation: Probation) -> Result<Faults, Trouble>;

    /// What is known of the app as it runs; none where it is not loaded.
    fn serving(&self, app: &PackageName) -> Option<Serving>;

    /// Moves the app's data out of its place, into a copy that [`Plugins::set_aside_list`] names.
    /// Where there is no data there is nothing to move.
    ///
    /// # Errors
    /// The folder cannot be moved.
    async fn set_aside(&self, app: &PackageName, at: Timestamp) -> Result<(), PluginError>;

    /// What was set aside and is still on disk.
    ///
    /// # Errors
    /// The folder cannot be read.
    async fn set_aside_list(&self) -> Result<Vec<Removed>, PluginError>;

    /// Moves data that was set aside back to its place, where there must be none.
    ///
    /// # Errors
    /// The folder cannot be moved.
    async fn put_back(&self, removed: &Removed) -> Result<(), PluginError>;

    /// Whether data of the app is in its place.
    ///
    /// # Errors
    /// The folder cannot be read.
    async fn has_data(&self, app: &PackageName) -> Result<bool, PluginError>;

    /// The apps that have data in its place, installed or not.
    async fn with_data(&self) -> Vec<PackageName>;
}

/// From when the writes of a version that takes over are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// From here: this is the update's switch, and nobody has written through the version yet.
    Begins,
    /// From the switch to it, which was earlier: what was counted since then goes on, also of
    /// requests that have not ended. Where another process counted, or nobody did, nobody knows.
    GoesOn,
}

/// Data of a removed app that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The app.
    pub app: PackageName,
    /// When.
    pub at: Timestamp,
}

impl Removed {
    /// The name of its folder below `snapshots/`: `removed.<unix seconds>.<namespace>.<app>`.
    pub fn folder(&self) -> String {
        format!("removed.{}.{}.{}", self.at.unix(), self.app.namespace(), self.app.app())
    }

    /// What a folder of that name holds; none where it is another's.
    pub fn of_folder(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("removed.")?.splitn(3, '.');
        let at = Timestamp::from_unix(parts.next()?.parse().ok()?);
        let app = PackageName::parse(&format!("{}/{}", parts.next()?, parts.next()?)).ok()?;
        Some(Self { app, at })
    }
}

/// How the running requests of an app came to their end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// Those that were cut because their clients were too slow, by method and the beginning of the
    /// path; they count as failed.
    pub cut: Vec<String>,
    /// Those that the app itself was still working on, by the same; they count as failed.
    pub late: Vec<String>,
}

/// What visitors ask of an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The most requests that came within one second of the last hour.
    pub peak: u64,
    /// Requests that can wait at a time.
    pub room: usize,
}

/// An app as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The version requests reach.
    pub version: newleaf_domain::Version,
    /// Why it is stopped, where it is.
    pub stopped: Option<String>,
    /// Whether it is stopped since this core cannot run the version: another one brings it back.
    pub left_behind: bool,
    /// Writes to its data since the switch to this version, however often it was stopped and served
    /// again since; none where nobody counted all of them, as after a restart.
    pub writes: Option<u64>,
    /// Its jobs, and what it uses.
    pub work: crate::view::Work,
}

/// What data a removed app left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kept {
    /// Its schema.
    pub schema: u32,
    /// The lowest schema whose program still runs correctly on it.
    pub oldest_reader: u32,
}

/// How a new version is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probation {
    /// For how long.
    pub lasts: Duration,
    /// What it may do wrong meanwhile.
    pub budget: Budget,
}

/// What a version did wrong in its probation, and may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Breakdowns, those of jobs among them.
    pub traps: u64,
    /// Answers of class 5xx.
    pub server_errors: u64,
    /// Requests that had no answer when it ended, for long.
    pub hanging: u64,
    /// Requests that were turned away, since the app had too much to do.
    pub refused: u64,
}

/// A new version that does not behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What it did, with numbers: `4 traps in 12 s, 3 allowed`.
    pub what: String,
}

/// Why something could not be done to an app.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// No app of that name is loaded.
    #[error("{app} is not loaded")]
    Unknown {
        /// The app.
        app: PackageName,
    },
    /// It does not compile or cannot be linked.
    #[error("{app} cannot be loaded: {detail}")]
    Load {
        /// The app.
        app: PackageName,
        /// Why.
        detail: String,
    },
    /// The machine did not let it be compiled or loaded: disk, memory, time.
    #[error("{app} cannot be loaded on this machine now: {detail}")]
    Machine {
        /// The app.
        app: PackageName,
        /// Why.
        detail: String,
    },
    /// Requests were still running.
    #[error("{app} still had {running} running requests after {} s", within.as_secs())]
    StillRunning {
        /// The app.
        app: PackageName,
        /// How many.
        running: u64,
        /// The time they had.
        within: Duration,
    },
    /// The app failed in what it was asked to do.
    #[error("{app} failed to {doing}: {detail}")]
    Failed {
        /// The app.
        app: PackageName,
        /// `migrate from schema 1 to 2`, `answer for its health`.
        doing: String,
        /// Its reason, a trap, or that it was too slow.
        detail: String,
    },
    /// The disk failed.
    #[error("{} could not be {doing}", path.display())]
    Io {
        /// `copied`, `synced`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
}

impl PluginError {
    /// Whether the machine failed and not the app: never evidence against a version.
    pub const fn is_machine_fault(&self) -> bool {
        match self {
            Self::Io { .. }
            | Self::Machine { .. }
            | Self::Unknown { .. }
            | Self::StillRunning { .. } => true,
            Self::Load { .. } | Self::Failed { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_what_was_set_aside_and_when() {
        let app = PackageName::parse("acme/my-notes").unwrap();
        let removed = Removed { app, at: Timestamp::from_unix(1_800_000_000) };
        assert_eq!(removed.folder(), "removed.1800000000.acme.my-notes");
        assert_eq!(Removed::of_folder(&removed.folder()), Some(removed));
        for other in
            ["core-20261121T023000Z-1.0.0", "acme.notes.1763692200-0123abcd-17", "removed.x.a.b"]
        {
            assert_eq!(Removed::of_folder(other), None, "{other}");
        }
    }
}
