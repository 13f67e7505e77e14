//! Every bound on what a repository may send, in one place. Holds numbers only; the code that
//! obeys a bound names it.

use newleaf_domain::ByteSize;

/// The bounds of one refresh and of the downloads that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest root role; 64 KiB.
    pub root: ByteSize,
    /// Largest timestamp role; 16 KiB.
    pub timestamp: ByteSize,
    /// Largest snapshot role; 2 MiB, some 70,000 namespaces at 28 bytes each.
    pub snapshot: ByteSize,
    /// Largest top targets role; 5 MiB.
    pub targets: ByteSize,
    /// Largest delegated role; 1 MiB.
    pub role: ByteSize,
    /// Largest list of advisories; 1 MiB.
    pub advisories: ByteSize,
    /// Root roles accepted in one refresh (TUF §5.3.3 leaves the number to the client); 64.
    pub root_steps: u32,
    /// Roles visited in the search for one subject (TUF §5.6.7); 16.
    pub roles_visited: usize,
    /// Delegations below the top targets role; 4.
    pub depth: usize,
    /// Namespaces looked at in one refresh; 4,096.
    pub namespaces: usize,
    /// Keys that may sign for one role; 16.
    pub keys: usize,
    /// Signatures on one file; 32.
    pub signatures: usize,
    /// Bytes of a target path; 255.
    pub path: usize,
    /// Largest target that is not a core release; 64 MiB.
    pub app_target: ByteSize,
    /// Largest core release; 512 MiB.
    pub core_target: ByteSize,
    /// Seconds to open a connection; 10.
    pub connect_seconds: u32,
    /// Seconds for all metadata of a refresh together; 60.
    pub metadata_seconds: u32,
    /// Slowest accepted download of a target, a second; 1 KiB.
    pub target_rate: ByteSize,
    /// Seconds without a byte after which a download is given up; 30.
    pub stall_seconds: u32,
    /// Seconds the clock may be behind the newest signed time before a warning; 600.
    pub clock_behind_seconds: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            root: ByteSize::kib(64),
            timestamp: ByteSize::kib(16),
            snapshot: ByteSize::mib(2),
            targets: ByteSize::mib(5),
            role: ByteSize::mib(1),
            advisories: ByteSize::mib(1),
            root_steps: 64,
            roles_visited: 16,
            depth: 4,
            namespaces: 4096,
            keys: 16,
            signatures: 32,
            path: 255,
            app_target: ByteSize::mib(64),
            core_target: ByteSize::mib(512),
            connect_seconds: 10,
            metadata_seconds: 60,
            target_rate: ByteSize::kib(1),
            stall_seconds: 30,
            clock_behind_seconds: 600,
        }
    }
}

impl Limits {
    /// The most a target at `path` may be long.
    pub fn target(&self, path: &str) -> ByteSize {
        if path.starts_with("core/") { self.core_target } else { self.app_target }
    }
}
