//! What a launcher stands on when it binds: the rights by which it got its ports.
//!
//! Written down for those who foretell the next start, and then given up: no worker, and nothing
//! that a worker starts, has a capability.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::thread::{self, CapabilitySet, CapabilitySets};
use serde::{Deserialize, Serialize};

use crate::durable::DiskError;

/// Why a start may bind a port below the system's bound, as far as the process itself can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footing {
    /// The program at `<prefix>` that was started, its links resolved.
    pub program: PathBuf,
    /// The user it runs as.
    pub uid: u32,
    /// By what it got its ports.
    pub right: Right,
    /// Whether a capability of the program's file is without effect (`PR_SET_NO_NEW_PRIVS`).
    pub no_new_privs: bool,
    /// The unit of systemd that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What lets a process have ports below the system's bound; the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// The sockets were passed on by `LISTEN_FDS` (`sd_listen_fds(3)`).
    Sockets,
    /// `CAP_NET_BIND_SERVICE` in the ambient set (`capabilities(7)`), as a service manager gives it.
    Ambient,
    /// `CAP_NET_BIND_SERVICE` in the effective set, from the program's file or as root.
    Effective,
    /// None.
    Nothing,
}

impl Right {
    fn measure() -> io::Result<Self> {
        let bind = CapabilitySet::NET_BIND_SERVICE;
        let is_passed = names_us("LISTEN_PID") && std::env::var_os("LISTEN_FDS").is_some();
        Ok(if is_passed {
            Self::Sockets
        } else if thread::capability_is_in_ambient_set(bind)? {
            Self::Ambient
        } else if thread::capabilities(None)?.effective.contains(bind) {
            Self::Effective
        } else {
            Self::Nothing
        })
    }
}

impl Footing {
    /// What this process stands on.
    ///
    /// # Errors
    /// The system does not say.
    pub fn measure() -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            uid: rustix::process::geteuid().as_raw(),
            right: Right::measure()?,
            no_new_privs: thread::no_new_privs()?,
            unit: unit(),
        })
    }

    /// What the launcher that runs now stood on; none where it is too old to say.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Leaves it for the workers. It says nothing after this launcher's life, so it need not
    /// survive a power cut.
    pub(crate) fn write(&self, path: &Path) -> Result<(), DiskError> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        fs::write(path, text).map_err(DiskError::on("write", path))
    }
}

fn names_us(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|pid| pid.parse() == Ok(std::process::id()))
}

/// The service this process belongs to, where systemd started it as one (`systemd.exec(5)`).
fn unit() -> Option<String> {
    std::env::var_os("INVOCATION_ID")?;
    unit_in(&fs::read_to_string("/proc/self/cgroup").ok()?)
}

/// The innermost service of a `/proc/<pid>/cgroup`.
fn unit_in(cgroup: &str) -> Option<String> {
    let path = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    path.rsplit('/').find(|part| part.ends_with(".service")).map(str::to_owned)
}

/// Gives up every capability of this thread, the launcher's only one, and the right to get any
/// again by starting a program. What was bound stays bound.
///
/// # Errors
/// The system refused; what came before is given up.
pub(crate) fn give_up() -> io::Result<()> {
    let sets = thread::capabilities(None)?;
    if sets.effective.contains(CapabilitySet::SETPCAP) {
        empty_bounding_set()?;
    }
    thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?;
    // The probe and the recovery page are this program again: its file may carry a capability.
    Ok(thread::set_no_new_privs(true)?)
}

/// Without it a process of root would have all of them again with each program it starts.
fn empty_bounding_set() -> io::Result<()> {
    for (_, capability) in CapabilitySet::all().iter_names() {
        match thread::remove_capability_from_bounding_set(capability) {
            // This kernel has no such capability.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_gave_up_has_no_capability_and_gets_none() {
        let after = std::thread::spawn(|| {
            give_up().unwrap();
            fs::read_to_string("/proc/thread-self/status").unwrap()
        });
        let status = after.join().unwrap();
        let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap();
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(line(set).ends_with("\t0000000000000000"), "{}", line(set));
        }
        assert_eq!(line("NoNewPrivs"), "NoNewPrivs:\t1");
    }

    #[test]
    fn what_was_written_down_is_read_back_and_a_launcher_that_says_nothing_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("footing");
        assert_eq!(Footing::read(&path), None);
        let footing = Footing::measure().unwrap();
        footing.write(&path).unwrap();
        assert_eq!(Footing::read(&path), Some(footing));
    }

    #[test]
    fn the_unit_is_the_innermost_service() {
        let unit = unit_in("0::/system.slice/newleaf.service\n");
        assert_eq!(unit.as_deref(), Some("newleaf.service"));
        assert_eq!(unit_in("0::/user.slice/user-0.slice/session-1.scope\n"), None);
        assert_eq!(unit_in("1:name=systemd:/\n"), None);
    }
}
