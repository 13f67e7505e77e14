//! The machine under the host: what can be written, how much room there is, on what filesystem.
//! Measures; judges nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use newleaf_domain::ByteSize;

use crate::view::Notice;

/// Measures the machine.
#[async_trait]
pub trait Ground: Send + Sync + std::fmt::Debug {
    /// Creates, syncs, renames and removes a file in the area, as an update would, and asks whether
    /// the files that are written where they lie may be.
    async fn probe(&self, area: Area) -> Probe;

    /// Room on the filesystem of the host's folder.
    ///
    /// # Errors
    /// The system does not say.
    async fn space(&self) -> Result<Space, GroundError>;

    /// The filesystem of the host's folder.
    ///
    /// # Errors
    /// The system does not say.
    async fn filesystem(&self) -> Result<Filesystem, GroundError>;

    /// What the host has found wrong with its surroundings by itself, such as a certificate that
    /// cannot be read; each with what to do. Asks nobody.
    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }

    /// Time that has passed since some moment before this process, the machine's sleep included;
    /// setting the clock does not change it.
    fn passed(&self) -> Duration;

    /// What the next start from nothing has to bind, and by what right it may.
    async fn cold_start(&self) -> ColdStart;
}

/// What a start of the host from nothing meets: its addresses, and the rights it would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColdStart {
    /// The addresses that it binds.
    pub listeners: Vec<SocketAddr>,
    /// The lowest port that needs no right (`net.ipv4.ip_unprivileged_port_start`).
    pub first_free: u16,
    /// The program that is started, at `<prefix>`.
    pub program: PathBuf,
    /// The user it is started as, by name or number.
    pub user: String,
    /// Whether a host holds the addresses now.
    pub held: Held,
    /// The right that the start does not get from the program's file.
    pub given: Given,
    /// What the program's file carries.
    pub file: FileRight,
    /// Why a right of the file would be without effect; none where it would have its effect.
    pub file_void: Option<FileVoid>,
    /// The unit of systemd that starts it.
    pub unit: Option<String>,
}

/// Whether a host holds its addresses now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It does, whatever it could get again.
    Now,
    /// None runs.
    Not,
    /// One runs that is too old to say how it got them.
    Untold,
}

/// What a start is given to bind low ports with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The bound sockets (`LISTEN_FDS`).
    Sockets,
    /// `CAP_NET_BIND_SERVICE` in the ambient set.
    Ambient,
    /// The rights of root.
    Root,
    /// Nothing.
    Nothing,
}

/// What `security.capability` of a program's file says (`capabilities(7)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRight {
    /// `cap_net_bind_service`, in effect from its start.
    Effective,
    /// Nothing that is in effect at its start.
    Nothing,
    /// It cannot be read.
    Unknown {
        /// The system's words.
        detail: String,
    },
}

/// Why a capability of a file is without effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileVoid {
    /// The program is started with `no_new_privs`.
    NoNewPrivs,
    /// Its filesystem is mounted `nosuid`.
    NoSuid,
}

/// A directory that an update writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// The host's folder itself: `state` and journal.
    Root,
    /// `downloads/`
    Downloads,
    /// `staging/`
    Staging,
    /// `slots/`
    Slots,
    /// `data/`
    Data,
    /// `snapshots/`
    Snapshots,
    /// `trust/`
    Trust,
    /// `cache/`
    Cache,
}

impl Area {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Root,
        Self::Downloads,
        Self::Staging,
        Self::Slots,
        Self::Data,
        Self::Snapshots,
        Self::Trust,
        Self::Cache,
    ];

    /// Its path below the host's folder; empty for the folder itself.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Downloads => "downloads",
            Self::Staging => "staging",
            Self::Slots => "slots",
            Self::Data => "data",
            Self::Snapshots => "snapshots",
            Self::Trust => "trust",
            Self::Cache => "cache",
        }
    }
}

/// What came of writing in one directory, or to a file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The directory or file.
    pub path: PathBuf,
    /// Which of them.
    pub kind: Probed,
    /// Its owner's name, or number where it has none.
    pub owner: String,
    /// Its permission bits.
    pub mode: u32,
    /// The user this process runs as, by name or number.
    pub user: String,
    /// Whether it could be written.
    pub result: ProbeResult,
}

/// What was probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// A directory.
    Folder,
    /// A file that is written where it lies, such as a database or the journal.
    File,
}

/// Whether it could be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeResult {
    /// It could.
    Written,
    /// It could not.
    Failed {
        /// `create a file`, `sync`, `rename`, `remove`, `write`.
        doing: &'static str,
        /// The kind of refusal.
        fault: ProbeFault,
        /// The system's words.
        detail: String,
    },
}

/// Why a directory could not be written, as far as the remedy differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeFault {
    /// Owner or mode forbid it.
    Permission,
    /// The filesystem is mounted read-only.
    ReadOnly,
    /// No space or quota left.
    Full,
    /// The directory is not there.
    Missing,
    /// Something else.
    Other,
}

/// Room on a filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// The folder that was asked about.
    pub path: PathBuf,
    /// Bytes that this user may still write.
    pub free: ByteSize,
    /// Files that may still be made; none where the filesystem does not count them.
    pub inodes: Option<u64>,
}

/// A filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filesystem {
    /// The folder that was asked about.
    pub path: PathBuf,
    /// Its kind, such as `ext4` or `nfs`.
    pub kind: String,
    /// Whether its disk is in this machine.
    pub locality: Locality,
    /// A directory below the folder that lies on another filesystem, so that nothing can be
    /// renamed into it.
    pub elsewhere: Option<PathBuf>,
    /// A directory that versions are started from, on a filesystem that is mounted `noexec`.
    pub noexec: Option<PathBuf>,
}

/// Whether a filesystem's disk is in this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locality {
    /// It is.
    Local,
    /// It is reached over a network, where locks and renames cannot be relied on.
    Network,
}

/// The machine does not say.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be measured", path.display())]
pub struct GroundError {
    /// What was to be measured.
    pub path: PathBuf,
    /// The system's answer.
    #[source]
    pub source: std::io::Error,
}
