//! Where everything lies below the host's folder. Names only: nothing here touches the disk.

use std::path::{Path, PathBuf};

use newleaf_domain::PackageName;

use crate::state::{AppSlot, CoreSlot};

/// Bytes that the path of a Unix socket may have: `sun_path` of `unix(7)`, less its ending zero.
const SUN_PATH: usize = 107;

/// The host's folder and the places in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// The layout of the host in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The one truth of what runs.
    pub fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// `state` as it was one write ago.
    pub fn previous_state(&self) -> PathBuf {
        self.dir.join("state.prev")
    }

    /// What was done, one record a line.
    pub fn journal(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    /// The end of the host's log.
    pub fn log(&self) -> PathBuf {
        self.dir.join("host.log")
    }

    /// What stood before it.
    pub fn log_before(&self) -> PathBuf {
        self.dir.join("host.log.1")
    }

    /// Sockets and locks; nothing in it outlives the host.
    pub fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// Held by the one host that runs on this folder.
    pub fn lock(&self) -> PathBuf {
        self.run().join("lock")
    }

    /// Held, shared, by each worker and each of their children.
    pub fn workers_lock(&self) -> PathBuf {
        self.run().join("workers")
    }

    /// What the launcher that runs stood on when it bound its sockets.
    pub fn footing(&self) -> PathBuf {
        self.run().join("footing")
    }

    /// Where the command line speaks to a running host.
    pub fn admin_socket(&self) -> PathBuf {
        self.run().join("admin.sock")
    }

    /// Where worker number `id` answers the probe.
    pub fn probe_socket(&self, id: u64) -> PathBuf {
        self.run().join(format!("probe-{id}.sock"))
    }

    /// Bytes of the longest path of a socket below the folder, and the bytes that such a path may
    /// have; none where all fit.
    pub fn socket_too_long(&self) -> Option<(usize, usize)> {
        // A million starts of workers, longer than any host runs.
        let longest = self.probe_socket(999_999).as_os_str().len();
        (longest > SUN_PATH).then_some((longest, SUN_PATH))
    }

    /// The folder of core's slots.
    pub fn core_slots(&self) -> PathBuf {
        self.dir.join("slots/core")
    }

    /// A core slot's folder.
    pub fn core_slot(&self, slot: &CoreSlot) -> PathBuf {
        self.core_slots().join(slot.folder())
    }

    /// The program of a core slot.
    pub fn program(&self, slot: &CoreSlot) -> PathBuf {
        self.core_slot(slot).join(&slot.program)
    }

    /// The folder of one app's slots.
    pub fn app_slots(&self, app: &PackageName) -> PathBuf {
        self.dir.join("slots/apps").join(app.as_str())
    }

    /// An app slot's folder.
    pub fn app_slot(&self, app: &PackageName, slot: &AppSlot) -> PathBuf {
        self.app_slots(app).join(slot.folder())
    }
}
