//! What the next start of the host has to bind, and by what right it may: the listeners, the
//! launcher's own account of its start, and the program's file as it is now.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use newleaf_launcher::Layout;
use newleaf_launcher::footing::{Footing, Right};
use newleaf_update::port::{ColdStart, FileRight, FileVoid, Given, Held};
use rustix::fs::StatVfsMountFlags;
use rustix::io::Errno;
use rustix::thread::CapabilitySet;

use super::ground::user_name;

/// The system's bound, below which a port needs a right (`ip(7)`).
const BOUND: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const DEFAULT_BOUND: u16 = 1024;

/// The file attribute of `capabilities(7)`, and what its first word says.
const ATTRIBUTE: &str = "security.capability";
const EFFECTIVE: u32 = 1;
/// Room for revision 3, the longest there is.
const LONGEST: usize = 24;

/// What is asked about: whose addresses, and whether a host holds them.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) held: Held,
}

/// Measures the next start of the host in `dir`.
pub(super) fn measure(dir: &Path, listening: &Listening) -> ColdStart {
    let layout = Layout::new(dir);
    let last = Footing::read(&layout.footing());
    let is_told = last.is_some();
    let footing = match (listening.held, last) {
        (Held::Not, Some(last)) if owner(dir) != Some(last.uid) => as_owner(last),
        (_, last) => last.or_else(|| Footing::measure().ok()),
    };
    let program = footing.as_ref().map_or_else(PathBuf::new, |it| it.program.clone());
    let held = if listening.held == Held::Now && !is_told { Held::Untold } else { listening.held };
    let uid = rustix::process::geteuid().as_raw();
    ColdStart {
        listeners: listening.addresses.clone(),
        first_free: first_free(),
        user: user_name(footing.as_ref().map_or(uid, |it| it.uid)),
        held,
        given: footing.as_ref().map_or(Given::Nothing, given),
        file: file_right(&program),
        file_void: void(&program, footing.as_ref()),
        unit: footing.and_then(|it| it.unit),
        program,
    }
}

/// The user whose host it is: the next start is theirs.
fn owner(dir: &Path) -> Option<u32> {
    fs::metadata(dir).ok().map(|metadata| metadata.uid())
}

/// What another user's start got says nothing of the next one, but which program it is: that starts
/// with what this process has, which is its owner's.
fn as_owner(last: Footing) -> Option<Footing> {
    let ours = Footing::measure().ok()?;
    let program = if last.program.exists() { last.program } else { ours.program };
    Some(Footing { program, ..ours })
}

fn first_free() -> u16 {
    let text = fs::read_to_string(BOUND).unwrap_or_default();
    text.trim().parse().unwrap_or(DEFAULT_BOUND)
}

/// What the start had, apart from its file.
const fn given(footing: &Footing) -> Given {
    match (footing.right, footing.uid) {
        (Right::Sockets, _) => Given::Sockets,
        (Right::Ambient, _) => Given::Ambient,
        (Right::Effective, 0) => Given::Root,
        (Right::Effective | Right::Nothing, _) => Given::Nothing,
    }
}

fn file_right(program: &Path) -> FileRight {
    let mut buffer = [0; LONGEST];
    match rustix::fs::getxattr(program, ATTRIBUTE, &mut buffer) {
        Ok(length) if binds(&buffer[..length]) => FileRight::Effective,
        // No attribute, or a filesystem that has none.
        Ok(_) | Err(Errno::NODATA | Errno::NOTSUP) => FileRight::Nothing,
        Err(error) => FileRight::Unknown { detail: error.to_string() },
    }
}

/// Whether the attribute gives `CAP_NET_BIND_SERVICE` from the start on: `struct vfs_cap_data`, two
/// little-endian words of which the first has the flag and the second the permitted set's lower half.
fn binds(attribute: &[u8]) -> bool {
    let word = |at: usize| {
        let bytes = attribute.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u64::from(u32::from_le_bytes(bytes.unwrap_or_default()))
    };
    let permitted = CapabilitySet::from_bits_retain(word(4));
    word(0) & u64::from(EFFECTIVE) != 0 && permitted.contains(CapabilitySet::NET_BIND_SERVICE)
}

fn void(program: &Path, footing: Option<&Footing>) -> Option<FileVoid> {
    if footing.is_some_and(|it| it.no_new_privs) {
        return Some(FileVoid::NoNewPrivs);
    }
    let mount = rustix::fs::statvfs(program).ok()?;
    mount.f_flag.contains(StatVfsMountFlags::NOSUID).then_some(FileVoid::NoSuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attribute_is_read_as_the_kernel_writes_it() {
        // cap_net_bind_service=ep, as `setcap` writes it: revision 2, then the two sets.
        let ep = hex::decode("0100000200040000000000000000000000000000").unwrap();
        assert!(binds(&ep));
        let without_effect = [&[0], &ep[1..]].concat();
        assert!(!binds(&without_effect), "=p alone is not in effect at the start");
        let other = hex::decode("0100000200200000000000000000000000000000").unwrap();
        assert!(!binds(&other), "cap_net_raw");
        assert!(!binds(&ep[..3]));
    }

    #[test]
    fn a_file_without_the_attribute_has_no_right() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("newleaf");
        fs::write(&program, "").unwrap();
        assert_eq!(file_right(&program), FileRight::Nothing);
        let gone = file_right(&dir.path().join("gone"));
        assert!(matches!(gone, FileRight::Unknown { .. }), "{gone:?}");
    }

    #[test]
    fn what_another_users_start_got_is_not_foretold_of_the_owners() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        fs::create_dir(layout.run()).unwrap();
        let ours = owner(dir.path()).unwrap();
        let program = dir.path().join("newleaf");
        fs::write(&program, "").unwrap();
        for (uid, held, is_foretold) in [
            (ours, Held::Not, true),
            (ours + 1, Held::Not, false),
            // What runs is told as it is.
            (ours + 1, Held::Now, true),
        ] {
            let (program, right) = (program.clone(), Right::Sockets);
            let footing = Footing { program, uid, right, no_new_privs: false, unit: None };
            fs::write(layout.footing(), serde_json::to_vec(&footing).unwrap()).unwrap();
            let listening = Listening { addresses: Vec::new(), held };
            let found = measure(dir.path(), &listening);
            assert_eq!(found.given == Given::Sockets, is_foretold, "{found:?}");
            let user = user_name(if is_foretold { uid } else { ours });
            assert_eq!((found.user, found.program), (user, dir.path().join("newleaf")));
        }
    }

    #[test]
    fn a_launcher_that_left_no_account_is_untold_and_no_host_is_not() {
        let dir = tempfile::tempdir().unwrap();
        for (held, told) in [(Held::Now, Held::Untold), (Held::Not, Held::Not)] {
            let listening = Listening { addresses: Vec::new(), held };
            assert_eq!(measure(dir.path(), &listening).held, told);
        }
    }
}
